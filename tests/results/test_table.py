"""Table: ticks, decimals and floats; pandas and Arrow; what is not installed or not known is named."""

from __future__ import annotations

import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydraflow.errors import Unavailable, UsageError
from hydraflow.results.scales import Scale, Scales
from hydraflow.results.table import Table
from hydraflow.rows import CODES, LATENCY_ROW, REPORT_ROW, ROWS

SCALES = Scales([Scale("BTCUSDT", Decimal("0.10"), Decimal("0.001")), Scale("ETHUSDT", Decimal("0.25"), Decimal("0.00001"))])


def fills(count: int = 3) -> np.ndarray:
    rows = np.zeros(count, REPORT_ROW)
    rows["sequence"] = np.arange(count)
    rows["time"] = rows["venue_time"] = np.datetime64("2023-11-14T22:13:20.000000001")
    rows["venue_time"][:1] = np.datetime64("NaT")
    rows["price_ticks"], rows["quantity_lots"], rows["fee_units"] = 618_001, 10, -7
    rows["symbol"], rows["side"], rows["status"], rows["venue"] = np.arange(count) % 2, 1, 3, 1
    return rows


@pytest.fixture
def table() -> Table:
    return Table("fills", fills(), SCALES)


def test_every_field_is_described_by_one_row_and_every_code_is_a_field():
    for name, dtype in ROWS.items():
        assert set(CODES[name]) <= set(dtype.names)
        for field in dtype.names:
            if field.endswith(("_ticks", "_lots", "_units")):
                assert dtype[field] == np.int64 and "symbol" in dtype.names


def test_the_array_is_numpy_and_a_choice_of_rows_is_a_table(table):
    assert table["price_ticks"].tolist() == [618_001] * 3 and np.asarray(table).dtype == REPORT_ROW
    chosen = table[table["symbol"] == 1]
    assert isinstance(chosen, Table) and len(chosen) == 1 and chosen["sequence"].tolist() == [1]
    assert table[0]["quantity_lots"] == 10 and len(list(table)) == 3
    with pytest.raises(KeyError, match="fills have no field 'price'; fields: sequence, time"):
        table["price"]


def test_numbers_are_floats_decimals_or_ticks(table):
    floats, decimals, ticks = (table.columns(n) for n in ("float", "decimal", "ticks"))
    assert floats["price"].tolist() == [61800.1, 154500.25, 61800.1] and floats["quantity"].dtype == np.float64
    assert decimals["price"].tolist() == [Decimal("61800.10"), Decimal("154500.25"), Decimal("61800.10")]
    assert decimals["fee"][0] == Decimal("-0.0007") and decimals["fee"][1] == Decimal("-0.0000175")
    assert ticks["price_ticks"].tolist() == [618_001] * 3 and "price" not in ticks
    assert floats["symbol"].tolist() == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    assert (floats["side"][0], floats["status"][0], floats["venue"][0], floats["liquidity"][0]) == ("BUY", "FILLED", "EXCHANGE", "NONE")
    with pytest.raises(UsageError, match="HF655: numbers='euro' is not known; choose one of float, decimal, ticks"):
        table.columns("euro")


@given(ticks=st.integers(-(1 << 63), (1 << 63) - 1), multiple=st.integers(1, 10_000), decimals=st.integers(0, 18))
@settings(max_examples=300, deadline=None)
def test_a_float_is_the_nearest_to_the_exact_decimal(ticks, multiple, decimals):
    step = Decimal(multiple).scaleb(-decimals)
    scales = Scales([Scale("X", step, step)])
    [found] = scales.floats(np.array([ticks]), np.array([0]), "ticks")
    assert found == float(ticks * step)


def test_a_number_that_is_no_code_stays_a_number():
    rows = fills(1)
    rows["status"] = 77
    assert Table("fills", rows, SCALES).columns()["status"].tolist() == ["77"]


def test_without_a_tick_there_are_ticks_only():
    table = Table("fills", fills(), Scales(known=False))
    with pytest.raises(UsageError, match=r"HF655: fills: nothing says what a tick and a lot are; open the report"):
        table.to_pandas()
    assert table.columns("ticks")["price_ticks"].tolist() == [618_001] * 3
    assert "618001" in repr(table)


def test_pandas_has_times_categories_and_floats(table):
    pandas = pytest.importorskip("pandas")
    frame = table.to_pandas()
    assert str(frame.dtypes["time"]) == "datetime64[ns, UTC]" and frame["time"][1].nanosecond == 1
    assert pandas.isna(frame["venue_time"][0]) and not pandas.isna(frame["venue_time"][1])
    assert str(frame.dtypes["symbol"]) == "category" and frame["price"].tolist() == [61800.1, 154500.25, 61800.1]
    assert frame[frame.symbol == "BTCUSDT"].fee.sum() == pytest.approx(-0.0014)
    assert table.to_pandas("decimal")["price"][0] == Decimal("61800.1")
    assert len(Table("fills", fills(0), SCALES).to_pandas()) == 0


def test_arrow_has_times_dictionaries_and_decimals(table, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    made = table.to_arrow("decimal")
    assert made.schema.field("time").type == arrow.timestamp("ns", "UTC")
    assert arrow.types.is_decimal(made.schema.field("price").type) and arrow.types.is_dictionary(made.schema.field("side").type)
    assert made.column("price").to_pylist() == [Decimal("61800.1"), Decimal("154500.25"), Decimal("61800.1")]
    assert made.column("venue_time").null_count == 1
    assert Table("fills", fills(0), SCALES).to_arrow("decimal").num_rows == 0
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(table.to_arrow(), tmp_path / "fills.parquet")
    assert parquet.read_table(tmp_path / "fills.parquet").column("price").to_pylist() == [61800.1, 154500.25, 61800.1]


@pytest.mark.parametrize(("library", "extra", "method"), [("pandas", "pandas", "to_pandas"), ("pyarrow", "arrow", "to_arrow")])
def test_a_library_that_is_missing_is_named_with_its_extra(table, monkeypatch, library, extra, method):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Unavailable) as caught:
        getattr(table, method)()
    assert str(caught.value) == f"HF653: this needs the library '{library}'; pip install 'hydraflow-x[{extra}]'"


def test_a_repr_shows_both_ends_and_fits(table):
    text = repr(Table("fills", fills(1_000), SCALES))
    lines = text.splitlines()
    assert lines[0].startswith("fills: 1,000 rows of sequence, ") and len(lines) == 13
    assert lines[1].split()[:5] == ["sequence", "time", "symbol", "side", "status"]
    assert max(map(len, lines[1:])) <= 103 and lines[7].split()[0] == "…"
    assert "<table>" in table._repr_html_() and "&lt;" in Table("latencies", one_latency("<b>"), SCALES)._repr_html_()


def test_instruments_show_their_steps():
    assert repr(SCALES) == "0  BTCUSDT  tick 0.10  lot 0.001\n1  ETHUSDT  tick 0.25  lot 0.00001"
    assert repr(Scales()) == "no instruments" and [s.symbol for s in SCALES] == SCALES.symbols == ["BTCUSDT", "ETHUSDT"]


def one_latency(name: str) -> np.ndarray:
    row = np.zeros(1, LATENCY_ROW)
    row["name"], row["count"], row["p50"] = name, 1, 12.5
    return row
