"""Stable numbers of the engine: message kinds, book states, decisions. Numbers are never reused."""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "Action", "BookStatus", "FrameError", "Kind", "Liquidity", "MevAction", "OrderType", "Reason", "ReportStatus", "Side",
    "TimeInForce", "Venue",
]


class Kind(IntEnum):
    """What a main-ring message is. 1–31 market data, 32–63 feedback, 64– engine."""

    SNAPSHOT = 1  # full L2 book: payload levels, bids best first, then asks best first
    DEPTH = 2  # L2 changes: payload levels, bids then asks; quantity 0 deletes
    TICKER = 3  # best bid and ask: payload[0] bid, payload[1] ask
    TRADE = 4  # payload[0]: price and quantity; flag BUYER_MAKER: the aggressor sold
    POOL = 5  # reserves of a constant-product pool: payload[0] = (base lots, quote units)
    LOST = 6  # a frame that may have changed the book of `symbol` was unusable: the book is in doubt (flags: FrameError)
    REPORT = 32  # execution report; payload: one REPORT record
    TIMER = 33  # a wake-up that a handler asked for; first_update holds its token
    STAGE_TIMER = 64  # a stage's `every:` has passed; first_update: number of the stage, last_update: periods left out before it
    PARAMETERS = 65  # parameters were changed; payload: (stage << 32 | field, value) pairs; number: of the change, from 1


class Side(IntEnum):
    """Signed, so that position += side * quantity."""

    SELL = -1
    NONE = 0
    BUY = 1


class BookStatus(IntEnum):
    """State of one symbol's book. Only LIVE may be traded on."""

    EMPTY = 0  # no snapshot yet
    LIVE = 1  # in step with the venue
    STALE = 2  # a gap, a lost frame, a crossed book or a failed check: waits for a snapshot
    BUFFERING = 3  # deltas are kept, the snapshot has not come


class FrameError(IntEnum):
    """Why a frame was not decoded. Counted by kind, the first offset (line) of each is kept."""

    NONE = 0
    TRUNCATED = 1  # ends before its JSON does, or is empty
    CORRUPT = 2  # not the JSON that its kind promises
    UNKNOWN = 3  # well-formed, but of no kind known here (subscription replies, heartbeats)
    BAD_PRICE = 4  # exponent, sign, NaN, or no number at all
    BAD_QUANTITY = 5
    OFF_TICK = 6  # more decimals than the instrument's tick or lot can hold
    OUT_OF_RANGE = 7  # does not fit int64 ticks or lots
    OVERSIZE = 8  # frame over 16 MiB or more than 65,536 levels
    UNKNOWN_SYMBOL = 9  # a symbol that no instrument declares, and no room to add it
    NO_STAMP = 10  # a capture line without receive time
    IGNORED = 11  # known and deliberately not used (trades with X != MARKET)
    DROPPED = 12  # set by a live source: frames were lost here, for want of room or with the connection


class Action(IntEnum):
    """What an order line asks for."""

    NONE = 0
    NEW = 1
    CANCEL = 2


class OrderType(IntEnum):
    LIMIT = 1
    MARKET = 2


class TimeInForce(IntEnum):
    GTC = 1  # rests until cancelled
    IOC = 2  # takes what is there, the rest is cancelled
    POST_ONLY = 3  # rests or is rejected; never takes (Binance GTX / LIMIT_MAKER)


class Venue(IntEnum):
    NONE = 0
    EXCHANGE = 1  # the paper exchange over the L2 book
    POOL = 2  # the constant-product pool


class Liquidity(IntEnum):
    NONE = 0
    MAKER = 1
    TAKER = 2


class ReportStatus(IntEnum):
    """Status of an execution report."""

    ACCEPTED = 1  # rests at the venue
    PARTIAL = 2  # filled in part, still alive
    FILLED = 3  # nothing left
    CANCELLED = 4
    REJECTED = 5  # by the venue (would take liquidity, unknown pool)
    CANCEL_REJECTED = 6  # nothing to cancel: already gone


class MevAction(IntEnum):
    """What the stage `mev` did to an order line for a pool."""

    UNTOUCHED = 0  # within the limit, or not for a pool
    SPLIT = 1  # into parts that each stay within the limit
    TIGHTENED = 2  # the limit price leaves no more to take
    PRIVATE = 3  # only through a private relay
    REFUSED = 4  # nothing helps: wire sends nothing, MEV_EXPOSURE


class Reason(IntEnum):
    """Outcome of the risk check of one order line. 0 accepts; 1–99 are rejects by risk, 100– by later stages."""

    ACCEPTED = 0
    KILL_SWITCH = 1
    BOOK_NOT_LIVE = 2
    BAD_ORDER = 3  # non-positive price or quantity, unknown side or type
    MAX_ORDER_QUANTITY = 4
    MAX_ORDER_NOTIONAL = 5
    MAX_POSITION = 6  # position + exposure open and in flight + this order
    MAX_OPEN_NOTIONAL = 7
    PRICE_COLLAR = 8  # too far from the mid
    RATE_LIMIT = 9
    LOSS_LIMIT = 10
    MAX_OPEN_ORDERS = 11
    SELF_CROSS = 12  # would trade against an own resting order
    UNKNOWN_ORDER = 13  # cancel of an order that is not open
    DUPLICATE_ID = 14
    NO_ROUTE = 100
    MEV_EXPOSURE = 101  # pool leg over the limit, and neither split nor tighter limits help
    WOULD_TAKE = 110  # venue: a post-only order that crosses the book
    VENUE_BOOK_NOT_LIVE = 111  # venue: no price to match at
    POOL_LIMIT = 112  # venue: the pool's price is beyond the limit, or the pool is unknown or too small
    VENUE_FULL = 113  # venue: more orders than it can hold
    NOT_AT_VENUE = 114  # venue: nothing to cancel
