"""Strategies: handlers that write order lines.

    market_maker    two-sided quotes around the microprice
    quotes          what a strategy knows of its own orders; writing order lines
"""

from handlers.strategy.market_maker import MarketMakerParams, on_event

__all__ = ["MarketMakerParams", "on_event"]
