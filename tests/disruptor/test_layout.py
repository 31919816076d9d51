import numpy as np
import pytest

from disruptor.errors import LayoutError
from disruptor.layout import next_power_of_two, record_dtype


def test_record_dtype_allows_item_and_attribute_access():
    record = np.zeros(1, record_dtype([("price_ticks", "i8"), ("levels", "f8", (4,))]))[0]
    record["price_ticks"] = 7
    assert record.price_ticks == 7
    assert record["levels"].shape == (4,)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ([("a", "u1"), ("b", "i8")], "field 'b' follows a gap of 7 bytes; order fields by size or add a pad field"),
        ([("a", "i8"), ("b", "u1")], "7 bytes of padding at the end; add a pad field of that size"),
        ([("a", "O")], "Python objects cannot live in mapped memory; use numbers or fixed sub-arrays"),
        (np.dtype("i8"), "a record needs at least one named field, got int64"),
        ([], "a record needs at least one named field"),
        ([("a", "no such format")], "not a list of (field, format)"),
    ],
)
def test_record_dtype_refuses_what_cannot_be_laid_out(fields, text):
    with pytest.raises(LayoutError) as caught:
        record_dtype(fields, name="sample")
    assert str(caught.value).startswith("sample")
    assert text in str(caught.value)


def test_record_dtype_looks_into_nested_records():
    inner = np.dtype([("a", "u1"), ("b", "i8")], align=True)
    with pytest.raises(LayoutError, match=r"sample\.inner: field 'b' follows a gap"):
        record_dtype([("inner", inner)], name="sample")


def test_record_dtype_says_the_size_when_it_differs():
    with pytest.raises(LayoutError, match="sample: occupies 8 bytes, must be 64"):
        record_dtype([("a", "i8")], size=64, name="sample")


def test_next_power_of_two_is_never_below_its_argument():
    assert [next_power_of_two(n) for n in (-3, 0, 1, 2, 3, 64, 65, 1000)] == [1, 1, 1, 2, 4, 64, 128, 1024]
