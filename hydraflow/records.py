"""Every record that crosses a ring, in one place. Each field: unit, writer.

Prices are int64 ticks, quantities int64 lots, money is int64 *units* (tick × lot of the instrument) unless it says
otherwise. Times are int64 nanoseconds. A message is one slot of the main ring (128 bytes): an input part written by the
sequencer and immutable after publication, a work part whose fields have one writing handler each, and the position of
its payload. Payload units are LEVEL records; the sequencer puts every payload at a multiple of PAYLOAD_ALIGN units
(one cache line), and a message of kind REPORT carries one REPORT record (four units) there.
"""

from __future__ import annotations

import numpy as np

from disruptor.layout import record_dtype

__all__ = [
    "EGRESS", "FEEDBACK", "FLAG_BUYER_MAKER", "FLAG_PARTIAL", "FLAG_REST", "FRAME", "FRAME_BYTES_MAX", "INPUT_BYTES", "INSTRUMENT", "LEVEL",
    "LEVELS_MAX", "MESSAGE", "ORDER", "ORDERS_PER_MESSAGE", "PAYLOAD_ALIGN", "REPORT", "REPORT_UNITS",
]

FRAME_BYTES_MAX = 16 << 20
LEVELS_MAX = 65_536
ORDERS_PER_MESSAGE = 4
PAYLOAD_ALIGN = 4  # payload units

FLAG_BUYER_MAKER = 1  # trade: the buyer was resting, the aggressor sold
FLAG_REST = 2  # snapshot came from a REST answer without symbol
FLAG_PARTIAL = 4  # snapshot of the best levels only, from a stream of such

# frames ring: one frame as the source got it; payload: its bytes
FRAME = record_dtype(
    [
        ("receive_ns", "i8"),  # when the source received it (capture: recorded time)
        ("number", "i8"),  # source's own count: line number of a capture (0-based), frame number of a socket
        ("payload_position", "i8"),  # bytes, absolute
        ("payload_count", "i8"),  # bytes
        ("error", "i4"),  # FrameError found by the source (no stamp, oversize), 0 otherwise
        ("source", "i4"),  # index of the source in the topology
        ("pad", "i8", (3,)),
    ],
    size=64,
)

# payload of a message
LEVEL = record_dtype(
    [
        ("price_ticks", "i8"),
        ("quantity_lots", "i8"),  # what rests there now; 0 in a DEPTH: the level is gone
    ],
    size=16,
)

# main ring and decoded rings
MESSAGE = record_dtype(
    [
        # input part: written by the sequencer (in a decoded ring: by deserialize), journaled
        ("receive_ns", "i8"),  # monotonic in the main ring; virtual in captures and simulations
        ("venue_ns", "i8"),  # the venue's own stamp, 0 when it gave none
        ("number", "i8"),  # source's own count: line of a capture; of feedback: emission number; stage's timer, change: how many'th
        ("first_update", "i8"),  # depth U; trade id; report: order id; timer: token; stage's timer: number of the stage
        ("last_update", "i8"),  # depth u, snapshot lastUpdateId, ticker u (0: none); report: venue's execution number; stage's timer: periods left out
        ("previous_update", "i8"),  # depth pu (-1: the venue sends none, chain by U == last u + 1); feedback: cause
        ("payload_position", "i8"),  # units of LEVEL, absolute
        ("payload_count", "u4"),  # units
        ("bid_count", "u4"),  # of these, the first are bids
        ("kind", "u1"),  # codes.Kind
        ("source", "u1"),  # index of the source
        ("symbol", "u2"),  # index of the instrument
        ("flags", "u4"),  # FLAG_*, or FrameError for LOST
        # work part: zero on publication
        ("bid_price_ticks", "i8"),  # book: best bid after this message, 0 when none
        ("bid_quantity_lots", "i8"),  # book
        ("ask_price_ticks", "i8"),  # book
        ("ask_quantity_lots", "i8"),  # book
        ("book_status", "u2"),  # book: codes.BookStatus of the message's symbol
        ("book_changes", "u2"),  # book: 1 when the BBO changed
        ("order_count", "u2"),  # strategy: lines used in the slot's order lane, 0..ORDERS_PER_MESSAGE
        ("accepted_count", "u2"),  # risk
        ("fair_price", "f8"),  # strategy: microprice in ticks, 0 when it has none
        ("signal", "f8"),  # free for user handlers
    ],
    size=128,
)
INPUT_BYTES = 72  # MESSAGE[:72] is the input part

# order lane of the main ring: orders[slot, k], k < event.order_count
ORDER = record_dtype(
    [
        # strategy
        ("order_id", "i8"),  # sequence * ORDERS_PER_MESSAGE + k + 1; of a CANCEL: its own id
        ("target_id", "i8"),  # CANCEL: the order to cancel
        ("price_ticks", "i8"),  # limit; MARKET: worst acceptable price
        ("quantity_lots", "i8"),  # > 0
        ("symbol", "u2"),
        ("action", "u1"),  # codes.Action
        ("type", "u1"),  # codes.OrderType
        ("time_in_force", "u1"),  # codes.TimeInForce
        ("side", "i1"),  # codes.Side
        ("reason", "u2"),  # risk, route: codes.Reason, 0 = accepted   (writer: risk; route and mev write route_reason)
        # route
        ("route_reason", "u2"),
        ("venue", "u1"),  # codes.Venue
        ("pool", "u1"),  # index of the pool's instrument, when venue is POOL
        ("route_pad", "u4"),
        ("expected_units", "i8"),  # money the order is expected to cost (buy) or bring (sell) after fees, in units
        # mev
        ("slices", "u2"),  # the order leaves in this many equal parts (the last takes the rest); 1 = whole
        ("private_relay", "u1"),  # 1: only through a private relay
        ("mev_reason", "u1"),  # codes.MevAction
        ("mev_pad", "u4"),
        ("limit_price_ticks", "i8"),  # after tightening: the price that goes out
        ("extractable_units", "i8"),  # what a sandwich could take at the order's slippage
        ("pad", "i8", (6,)),
    ],
    size=128,
)

# egress ring: one encoded order; payload: its bytes
EGRESS = record_dtype(
    [
        ("cause", "i8"),  # main-ring sequence that it comes from
        ("receive_ns", "i8"),  # receive_ns of that message
        ("order_id", "i8"),  # slice s of an order: order_id | (s << 56)
        ("target_id", "i8"),
        ("price_ticks", "i8"),
        ("quantity_lots", "i8"),
        ("payload_position", "i8"),  # bytes, absolute
        ("payload_count", "i8"),  # bytes
        ("symbol", "u2"),
        ("action", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("side", "i1"),
        ("venue", "u1"),
        ("private_relay", "u1"),
        ("pool", "u2"),
        ("reason", "u2"),  # codes.Reason when venue is NONE: a refusal, nothing to send; the venue end answers REJECTED
        ("pad2", "u2", (2,)),
        ("not_before_ns", "i8"),  # earliest time at which it may leave: receive_ns, later for the parts of a split order
        ("pad", "i8", (5,)),
    ],
    size=128,
)

# payload of a REPORT message
REPORT = record_dtype(
    [
        ("order_id", "i8"),
        ("price_ticks", "i8"),  # of this fill
        ("quantity_lots", "i8"),  # of this fill; accepted: 0; cancelled/rejected: lots that ended, 0 = all that was left
        ("leaves_lots", "i8"),  # still alive at the venue after it
        ("fee_units", "i8"),  # > 0 paid, < 0 rebate; in units (tick × lot)
        ("cause", "i8"),  # main-ring sequence of the message that made the venue report
        ("venue_ns", "i8"),  # when it happened at the venue
        ("symbol", "u2"),
        ("status", "u1"),  # codes.ReportStatus
        ("side", "i1"),
        ("liquidity", "u1"),  # codes.Liquidity
        ("venue", "u1"),
        ("reason", "u1"),
        ("pad", "u1"),
    ],
    size=64,
)
REPORT_UNITS = REPORT.itemsize // LEVEL.itemsize

# feedback ring: what the sequencer will put into the main ring at `due_ns`
FEEDBACK = record_dtype(
    [
        ("due_ns", "i8"),  # receive_ns that the message will carry
        ("cause", "i8"),  # main-ring sequence that caused it
        ("number", "i8"),  # emission number of this producer, 0, 1, 2, …
        ("token", "i8"),  # TIMER: handed back; REPORT: order id
        ("kind", "u1"),  # Kind.REPORT or Kind.TIMER
        ("source", "u1"),
        ("symbol", "u2"),
        ("pad4", "u4"),
        ("pad", "i8", (3,)),
        ("report", REPORT),
    ],
    size=128,
)

assert MESSAGE.fields["bid_price_ticks"][1] == INPUT_BYTES  # type: ignore[index]
assert np.dtype(REPORT).itemsize == REPORT_UNITS * LEVEL.itemsize

# the instrument table, offered to every handler as `instruments` (one record per symbol index)
INSTRUMENT = record_dtype(
    [
        ("price_multiple", "i8"),  # tick = price_multiple × 10^-price_decimals (0.10 → 1, 1; 0.25 → 25, 2)
        ("quantity_multiple", "i8"),  # lot = quantity_multiple × 10^-quantity_decimals
        ("tick", "f8"),  # quote currency
        ("lot", "f8"),  # base currency
        ("maker_fee_ppm", "i8"),  # of notional; negative is a rebate
        ("taker_fee_ppm", "i8"),  # of notional; of a pool: its swap fee (3000 = 0.3 %)
        ("underlying", "i8"),  # index of the exchange instrument that a pool trades against; own index otherwise
        ("price_decimals", "u1"),
        ("quantity_decimals", "u1"),
        ("venue", "u1"),  # codes.Venue: EXCHANGE or POOL
        ("symbol_length", "u1"),  # bytes
        ("base_decimals", "u1"),  # pool: decimals of the token that is base (18 for WETH)
        ("quote_decimals", "u1"),  # pool: decimals of the token that is quote (6 for USDC)
        ("base_is_token0", "u1"),  # pool: reserve0 is the base token
        ("pad", "u1"),
        ("symbol", "u1", (24,)),  # upper case as in the venue's "s"
        ("address", "u1", (20,)),  # pool: contract address
        ("base_token", "u1", (20,)),  # pool: contract address of the token that is base
        ("quote_token", "u1", (20,)),  # pool: contract address of the token that is quote
        ("pad2", "u1", (44,)),
    ],
    size=192,
)
