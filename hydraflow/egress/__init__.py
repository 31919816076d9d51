"""Where orders end up.

    market      what the paper venue knows of the market: its own books and pool reserves
    resting     orders held by the venue; queue position of those that rest
    answers     execution reports and timers into the feedback ring
    taking      taker orders: walking the book, swapping in a pool
    fills       fills of resting orders
    arrivals    orders and cancels that reach the venue
    paper       the handler
"""

from hydraflow.egress.paper import PaperParams, paper

__all__ = ["PaperParams", "paper"]
