"""Seeded order flow that speaks Binance's own JSON, and an AMM pool that is arbitraged around it.

    state     parameters, the state record, counters
    market    the true book: touch, deep levels, fair price, what changed since the last depth message
    pool      reserves of a constant-product pool
    encode    JSON as bytes
    flow      which frame comes next; one call, one frame
    source    the step function (a source of a topology)
    batch     capture lines into a buffer (`hfx simulate`)
"""
