"""A report written as LEVEL units is the REPORT record byte for byte, and reads back field by field."""

from __future__ import annotations

import numpy as np

from hydraflow.records import LEVEL, REPORT, REPORT_UNITS
from tests.reference.kernels_reports import read_all, slices_of, write_all

FIELDS = [name for name in REPORT.names if name != "pad"]


def random_reports(count, seed=1):
    random = np.random.default_rng(seed)
    records = np.zeros(count, REPORT)
    for name in FIELDS:
        kind = REPORT.fields[name][0]
        limits = np.iinfo(kind)
        records[name] = random.integers(limits.min, limits.max, count, dtype=kind, endpoint=True)
    records["side"] = random.integers(-1, 2, count)
    return records


def test_encode_record_equals_the_report_dtype_for_random_fields():
    records = random_reports(300)
    payload = np.zeros(300 * REPORT_UNITS, LEVEL)
    write_all(payload, records)
    assert payload.tobytes() == records.tobytes()


def test_accessors_read_every_field_of_a_report_dtype():
    records = random_reports(300, seed=2)
    payload = np.frombuffer(bytearray(records.tobytes()), LEVEL)
    values = np.zeros((300, len(FIELDS)), np.int64)
    read_all(payload, values)
    for column, name in enumerate(FIELDS):
        assert values[:, column].tolist() == records[name].tolist(), name


def test_slices_of_an_id_come_apart():
    ids = np.array([5, 5 | (3 << 56), ((1 << 56) - 1) | (127 << 56)], np.int64)
    parts = np.zeros((3, 2), np.int64)
    slices_of(ids, parts)
    assert parts.tolist() == [[5, 0], [5, 3], [(1 << 56) - 1, 127]]
