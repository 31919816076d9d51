"""Compiled scripts over report payloads, for the tests."""

from __future__ import annotations

from disruptor.compiled import compiled
from hydraflow import reports


@compiled(inline=False)
def write_all(payload, records):
    """Encode records[i] at payload[4 * i]."""
    for i in range(records.shape[0]):
        reports.encode_record(payload, 4 * i, records[i])


@compiled(inline=False)
def read_all(payload, values):
    """Decode every report of payload into values[i, 13], in the order of REPORT's fields."""
    for i in range(values.shape[0]):
        k = 4 * i
        values[i, 0] = reports.report_order_id(payload, k)
        values[i, 1] = reports.report_price_ticks(payload, k)
        values[i, 2] = reports.report_quantity_lots(payload, k)
        values[i, 3] = reports.report_leaves_lots(payload, k)
        values[i, 4] = reports.report_fee_units(payload, k)
        values[i, 5] = reports.report_cause(payload, k)
        values[i, 6] = reports.report_venue_ns(payload, k)
        values[i, 7] = reports.report_symbol(payload, k)
        values[i, 8] = reports.report_status(payload, k)
        values[i, 9] = reports.report_side(payload, k)
        values[i, 10] = reports.report_liquidity(payload, k)
        values[i, 11] = reports.report_venue(payload, k)
        values[i, 12] = reports.report_reason(payload, k)


@compiled(inline=False)
def slices_of(ids, parts):
    """Split ids[i] into parts[i] = (order id, slice)."""
    for i in range(ids.shape[0]):
        parts[i, 0] = reports.base_order_id(ids[i])
        parts[i, 1] = reports.order_slice(ids[i])
