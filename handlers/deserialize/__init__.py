"""From bytes to messages, exactly, without allocating.

    binance     the handler `deserialize`: frame in, message out
    usual       the fast path: frames as Binance writes them
    exact       the exact path: any well-formed frame, and what is wrong with the others
    envelope    wrappers around the event; what a spoiled frame was about
    levels      arrays of price levels
    decimal     decimal text to ticks and lots
    amm         Sync logs of Uniswap V2 pools
    symbols     from a symbol's text to its instrument
    members, grammar, scan, stamps    where members lie; strict JSON; windows over bytes; venue time
    survey      which symbols a capture holds, and their decimals
"""

from handlers.deserialize.binance import Deserialize, on_event

__all__ = ["Deserialize", "on_event"]
