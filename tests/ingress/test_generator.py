"""Generators as sources: how they are declared, and what becomes a record."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from disruptor.errors import LayoutError
from disruptor.layout import record_dtype
from hydraflow.errors import DataError, InputNotFound
from hydraflow.ingress.base import source
from hydraflow.ingress.generator import RecordError, Rows, begin, differing
from hydraflow.ingress.playback import load_records, recording

FIELDS = [("key", "i8"), ("value", "f8"), ("small", "u1"), ("flag", "?"), ("name", "S4"), ("pad", "u1", (2,)), ("window", "f8", (2,))]
DTYPE = record_dtype(FIELDS)
PLAIN = np.dtype(FIELDS, align=True)


@pytest.fixture
def rows():
    return Rows(DTYPE)


def stored(rows, value):
    records = np.zeros(1, DTYPE)
    rows.store(records, 0, value)
    return records[0]


def test_a_dict_fills_the_fields_that_it_names_and_zeroes_the_rest(rows):
    records = np.full(1, 0xFF, np.uint8).repeat(DTYPE.itemsize).view(DTYPE)
    rows.store(records, 0, {"value": 2.5, "name": b"ab", "window": [1, 2]})
    assert records[0].item()[:5] == (0, 2.5, 0, False, b"ab")
    assert list(records[0]["window"]) == [1.0, 2.0] and not records[0]["pad"].any()


def test_a_tuple_has_every_field_in_order(rows):
    assert stored(rows, (1, 0.5, 255, True, "abcd", (0, 0), (3, 4)))["small"] == 255
    with pytest.raises(RecordError, match=r"a tuple of 2 values, for 7 fields \(key, value, small, flag, name, pad, window\)"):
        stored(rows, (1, 2))


@pytest.mark.parametrize(("value", "text"), [
    ({"kye": 1}, "the record has no field 'kye'; it has key, value, small, flag, name, pad, window"),
    ({"key": 1.5}, "field 'key' is a whole number, int64, and gets 1.5"),
    ({"key": float("nan")}, "field 'key' is a whole number, int64, and gets nan"),
    ({"key": 1 << 63}, r"field 'key' \(int64\) cannot hold 9223372036854775808: "),
    ({"small": 300}, r"field 'small' \(uint8\) cannot hold 300: "),
    ({"small": -1}, r"field 'small' \(uint8\) cannot hold -1: "),
    ({"value": "x"}, r"field 'value' \(float64\) cannot hold 'x': "),
    ({"value": None}, r"field 'value' \(float64\) cannot hold None"),
    ({"name": "abcde"}, "field 'name' holds 4 characters, and gets 5: 'abcde'"),
    ({"window": [1, 2, 3]}, r"field 'window' .* cannot hold \[1, 2, 3\]: "),
    (7, "int 7 is no record: yield a dict, a tuple or an array of records"),
    ("abc", "str 'abc' is no record"),
])
def test_what_a_field_cannot_hold_is_refused_by_its_name(rows, value, text):
    with pytest.raises(RecordError, match=text):
        stored(rows, value)


def test_whole_floats_and_numpy_numbers_are_taken(rows):
    assert stored(rows, {"key": 3.0, "small": np.int64(4), "value": np.float32(0.5)}).item()[:3] == (3, 0.5, 4)


def test_arrays_of_the_record_are_taken_as_bytes_whatever_their_strides(rows):
    array = np.zeros(10, PLAIN)
    array["key"] = np.arange(10)
    block = rows.block(array[::2])
    assert block.itemsize == DTYPE.itemsize and block.tobytes() == array[::2].tobytes()
    assert rows.block(np.zeros(0, DTYPE)).shape == (0,)


@pytest.mark.parametrize(("dtype", "text"), [
    (np.dtype("f8"), "an array of float64, not of records"),
    (np.dtype(FIELDS[:-1]), r"field 'window' is not in it \(it has key, value, small, flag, name, pad\)"),
    (np.dtype([*FIELDS, ("more", "i8")]), "field 'more' is none of the record's"),
    (np.dtype([FIELDS[1], FIELDS[0], *FIELDS[2:]]), "its fields come in another order"),
    (np.dtype([("key", "i4"), *FIELDS[1:]]), "field 'key' is int32 there and int64 in the record"),
    (np.dtype([("key", ">i8"), *FIELDS[1:]]), "field 'key' is >i8 there and int64 in the record"),
    (np.dtype([*FIELDS[:-1], ("window", "f8", (3,))]), "field 'window' is .* there and .* in the record"),
    (np.dtype({"names": PLAIN.names, "formats": [PLAIN[n] for n in PLAIN.names], "offsets": [PLAIN.fields[n][1] + 8 for n in PLAIN.names]}),
     "field 'key' lies at byte 8 there and at byte 0 in the record"),
])
def test_arrays_of_other_records_are_refused(rows, dtype, text):
    with pytest.raises(RecordError, match=text):
        rows.block(np.zeros(3, dtype))
    assert differing(PLAIN, DTYPE) == "" and differing(DTYPE, PLAIN) == ""


def test_an_array_of_two_dimensions_is_refused(rows):
    with pytest.raises(RecordError, match="2 dimensions"):
        rows.block(np.zeros((2, 2), DTYPE))


def test_parameters_come_from_the_signature_with_types_from_hints_or_defaults():
    @source
    def numbers(count: int, low=2, share: float = 0.5):
        yield from range(low, count)

    fields = {f.name: (f.type, f.default) for f in attrs.fields(numbers.params)}
    assert fields == {"count": (int, attrs.NOTHING), "low": (int, 2), "share": (float, 0.5)}
    assert source(numbers.function).params is numbers.params
    assert not numbers.jit and list(begin(numbers, numbers.params(count=5))) == [2, 3, 4]


def test_parameters_may_be_one_object_or_none():
    @attrs.frozen
    class Numbers:
        count: int = 3

    @source(params=Numbers)
    def given(params):
        yield from range(params.count)

    @source
    def nothing():
        yield 1

    assert list(begin(given, Numbers())) == [0, 1, 2] and list(begin(nothing, None)) == [1]


def test_parameters_without_type_and_default_are_refused():
    def numbers(count):
        yield count

    def several(*counts: int):
        yield counts

    def unknown(params):
        yield params

    with pytest.raises(LayoutError, match="'count' has neither a type nor a default"):
        source(numbers)
    with pytest.raises(LayoutError, match="'counts' is variadic positional"):
        source(several)
    with pytest.raises(LayoutError, match="annotated with no attrs class"):
        source(unknown)


def test_a_recording_plays_what_was_asked_for(tmp_path):
    array = np.zeros(10, PLAIN)
    array["key"] = np.arange(10)
    np.save(tmp_path / "rows.npy", array)
    params = recording.params(path=str(tmp_path / "rows.npy"), first=2, count=5)
    recording.ready(params, DTYPE)
    assert np.concatenate(list(begin(recording, params)))["key"].tolist() == [2, 3, 4, 5, 6]
    assert not list(begin(recording, recording.params(path=params.path, first=10)))


def test_a_recording_that_cannot_be_played_is_refused_before_the_run(tmp_path):
    with pytest.raises(InputNotFound, match="No such file"):
        load_records(str(tmp_path / "none.npy"), DTYPE)
    (tmp_path / "text.npy").write_text("key,value\n")
    with pytest.raises(DataError, match=r"is no whole \.npy file"):
        load_records(str(tmp_path / "text.npy"), DTYPE)
    np.save(tmp_path / "other.npy", np.zeros(3, [("key", "i8")]))
    with pytest.raises(DataError, match="holds other records than its ring: field 'value' is not in it"):
        load_records(str(tmp_path / "other.npy"), DTYPE)
    np.save(tmp_path / "whole.npy", np.zeros(1000, PLAIN))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"is no whole \.npy file"):
        load_records(str(tmp_path / "cut.npy"), DTYPE)
