"""An execution report as payload: one REPORT record in REPORT_UNITS units of LEVEL, byte for byte.

    unit 0   order_id         price_ticks
    unit 1   quantity_lots    leaves_lots
    unit 2   fee_units        cause
    unit 3   venue_ns         symbol | status << 16 | side << 24 | liquidity << 32 | venue << 40 | reason << 48

Compiled code sees a payload as LEVEL records only, so the fields are read and written here as words; the layout is that
of the little-endian REPORT dtype, which tests hold against `payload.view(REPORT)`. `index` is where unit 0 lies.
"""

from __future__ import annotations

from disruptor.compiled import compiled

__all__ = [
    "ORDER_ID_MASK", "base_order_id", "encode_record", "encode_report", "order_slice", "pack_tail", "payload_start",
    "report_cause", "report_fee_units", "report_leaves_lots", "report_liquidity", "report_order_id",
    "report_price_ticks", "report_quantity_lots", "report_reason", "report_side", "report_status", "report_symbol",
    "report_venue", "report_venue_ns",
]

ORDER_ID_MASK = (1 << 56) - 1  # above it: the slice that an order was sent in


@compiled
def base_order_id(order_id):
    """Return the order's own id: the id of a slice without its slice number."""
    return order_id & ORDER_ID_MASK


@compiled
def order_slice(order_id):
    """Return the slice number in an id, 0..127."""
    return (order_id >> 56) & 0x7F


@compiled
def payload_start(payload, position):
    """Return the index of the first unit at absolute `position` (the array is the mirror-mapped double)."""
    return position & (payload.shape[0] // 2 - 1)


@compiled
def report_order_id(payload, index):
    """Return the order id, slice number included."""
    return payload[index]["price_ticks"]


@compiled
def report_price_ticks(payload, index):
    """Return the price of the fill."""
    return payload[index]["quantity_lots"]


@compiled
def report_quantity_lots(payload, index):
    """Return the quantity of the fill; CANCELLED and REJECTED: see hydraflow.records.REPORT."""
    return payload[index + 1]["price_ticks"]


@compiled
def report_leaves_lots(payload, index):
    """Return what is still alive at the venue."""
    return payload[index + 1]["quantity_lots"]


@compiled
def report_fee_units(payload, index):
    """Return the fee in units, negative for a rebate."""
    return payload[index + 2]["price_ticks"]


@compiled
def report_cause(payload, index):
    """Return the main-ring sequence that made the venue report."""
    return payload[index + 2]["quantity_lots"]


@compiled
def report_venue_ns(payload, index):
    """Return when it happened at the venue."""
    return payload[index + 3]["price_ticks"]


@compiled
def report_symbol(payload, index):
    """Return the index of the instrument."""
    return payload[index + 3]["quantity_lots"] & 0xFFFF


@compiled
def report_status(payload, index):
    """Return codes.ReportStatus."""
    return (payload[index + 3]["quantity_lots"] >> 16) & 0xFF


@compiled
def report_side(payload, index):
    """Return codes.Side of the order, signed."""
    return (((payload[index + 3]["quantity_lots"] >> 24) & 0xFF) ^ 0x80) - 0x80


@compiled
def report_liquidity(payload, index):
    """Return codes.Liquidity."""
    return (payload[index + 3]["quantity_lots"] >> 32) & 0xFF


@compiled
def report_venue(payload, index):
    """Return codes.Venue."""
    return (payload[index + 3]["quantity_lots"] >> 40) & 0xFF


@compiled
def report_reason(payload, index):
    """Return the venue's reason."""
    return (payload[index + 3]["quantity_lots"] >> 48) & 0xFF


@compiled
def pack_tail(symbol, status, side, liquidity, venue, reason):
    """Return the last word of a report. side : -1, 0 or 1; the others unsigned, within their field's width."""
    return symbol | (status << 16) | ((side & 0xFF) << 24) | (liquidity << 32) | (venue << 40) | (reason << 48)


@compiled
def encode_report(payload, index, identity, fill, fee_units, cause, venue_ns, tail):
    """Write a report at `index`. identity : (order_id, price_ticks); fill : (quantity_lots, leaves_lots); tail : pack_tail."""
    payload[index]["price_ticks"] = identity[0]
    payload[index]["quantity_lots"] = identity[1]
    payload[index + 1]["price_ticks"] = fill[0]
    payload[index + 1]["quantity_lots"] = fill[1]
    payload[index + 2]["price_ticks"] = fee_units
    payload[index + 2]["quantity_lots"] = cause
    payload[index + 3]["price_ticks"] = venue_ns
    payload[index + 3]["quantity_lots"] = tail


@compiled
def encode_record(payload, index, report):
    """Write a REPORT record (that of a feedback message) at `index`."""
    # The small fields are widened first: a shift of a uint16 must not happen in 16 bits un-jitted.
    tail = pack_tail(
        int(report["symbol"]), int(report["status"]), int(report["side"]), int(report["liquidity"]),
        int(report["venue"]), int(report["reason"]),
    )
    identity = (report["order_id"], report["price_ticks"])
    fill = (report["quantity_lots"], report["leaves_lots"])
    encode_report(payload, index, identity, fill, report["fee_units"], report["cause"], report["venue_ns"], tail)
