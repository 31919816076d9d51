import threading

import numpy as np
import pytest

from disruptor import RingBuffer
from disruptor.layout import record_dtype
from disruptor.row_packer import RowPacker

KINDS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "b1"]
PADDED = np.dtype({"names": ["late", "early", "flag"], "formats": ["f8", "i4", "b1"], "offsets": [16, 0, 7], "itemsize": 32})


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_comes_back_as_numpy_would_store_it(kind):
    dtype = record_dtype([("a", "i8"), ("x", kind), ("b", "i8")], fill=True)
    info = None if kind == "b1" else np.iinfo(kind) if kind[0] in "iu" else np.finfo(kind)
    for value in (0, 1, True) if info is None else (0, 1, info.min, info.max):
        value = value if isinstance(value, (int, bool)) else float(value)
        row = RowPacker(dtype).row({"a": -1, "x": value, "b": 7})
        expected = np.zeros(1, dtype)
        expected["a"], expected["x"], expected["b"] = -1, value, 7
        assert row.dtype == dtype and row.tobytes() == expected.tobytes()


def test_fields_are_placed_by_their_offsets_whatever_their_order():
    row = RowPacker(PADDED).row({"flag": True, "late": 2.5, "early": -3})
    assert (row["late"][0], row["early"][0], row["flag"][0]) == (2.5, -3, True)


@pytest.mark.parametrize("columns", [
    {"a": 1}, {"a": 1, "x": 2, "more": 3}, {"a": 1, "x": [2]}, {"a": 1, "x": np.int64(2), "b": np.array([3])},
    {"a": 1, "x": 1 << 31, "b": 3}, {"a": 1, "x": 2.0, "b": 3}, {"a": 1, "x": "2", "b": 3}, {"a": None, "x": 2, "b": 3},
], ids=str)
def test_what_is_not_a_number_for_each_field_is_left_to_numpy(columns):
    assert RowPacker(np.dtype([("a", "i8"), ("x", "i4"), ("b", "i8")])).row(columns) is None


@pytest.mark.parametrize("field", [("t", "S8"), ("v", "i8", (2,)), ("s", ">i8"), ("r", [("in", "i8")]), ("c", "c16")], ids=str)
def test_records_with_other_fields_than_numbers_are_left_to_numpy(field):
    assert RowPacker(np.dtype([("a", "i8"), field])).row({"a": 1, field[0]: 1}) is None


@pytest.mark.parametrize("producers", ["single", "multi"])
def test_publishing_numbers_by_name_is_publishing_a_record(producers):
    ring = RingBuffer([("x", "i8"), ("y", "f4"), ("z", "u2")], 8, producers=producers)
    with ring.new_poller() as poller:
        for k in range(20):
            assert ring.publish(x=-k, z=k, y=k / 2) == k
            got = poller.take_batch()
            assert got[["x", "y", "z"]].tolist() == [(-k, k / 2, k)]
        ring.publish(x=1.0, y=2, z=3)  # not as it is stored: numpy converts
        assert poller.take_batch()["x"].tolist() == [1]


def test_threads_do_not_share_the_array():
    ring = RingBuffer([("x", "i8"), ("y", "i8")], 4096, producers="multi")

    def publishes(number):
        for k in range(1_000):
            ring.publish(x=number, y=number * k)

    threads = [threading.Thread(target=publishes, args=(n,)) for n in range(1, 4)]
    with ring.new_poller() as poller:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        got = poller.take_batch()
    for n in range(1, 4):
        assert got["y"][got["x"] == n].tolist() == [n * k for k in range(1_000)]


def test_more_threads_than_are_remembered():
    packer = RowPacker(np.dtype([("x", "i8")]))
    rows = []
    for k in range(200):
        thread = threading.Thread(target=lambda k: rows.append(packer.row({"x": k})["x"][0]), args=(k,))
        thread.start()
        thread.join()
    assert rows == list(range(200))
    assert len(packer._rows) <= 64
