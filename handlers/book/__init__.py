"""The L2 book of every exchange instrument: the handler `book`.

    layout      params, counters, and the flat state of one side, one book, all books
    window      dense quantities over a range of prices, with a bitmap for the best level
    far         the exact fallback for every other price: a bounded open-addressing table
    ladder      one side = window + far; recentring moves levels between them
    pending     deltas kept until a snapshot comes
    tickers     tickers whose update the book has not reached yet
    faults      what makes a book stale, and the counting of it
    sync        snapshot + delta synchronisation: the state machine of one book
    resolve     whose snapshot is it, when it does not say
    scale       its levels in the ticks and lots of that instrument
    handler     on_event: what a message does to its book, and what the book writes into the message
    reading     digest (compiled) and levels (Python)
"""

from handlers.book.handler import book
from handlers.book.layout import BookParams, book_state
from handlers.book.reading import book_digest, levels

__all__ = ["BookParams", "book", "book_digest", "book_state", "levels"]
