"""Two real captures through the whole graph: the counts that the captures prove, and an outsider who recomputes it all."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import INSTRUMENTS, ROOT, Hfx, run_capture

USDM, SPOT = INSTRUMENTS
FACTS = {
    USDM: {"frames": 93_954, "level_changes": 443_262, "checks": 629, "ticker_first": 503, "depth_first": 126},
    SPOT: {"frames": 33_618, "level_changes": 106_802, "checks": 577, "ticker_first": 577, "depth_first": 0},
}
DEFAULTS = {
    "max_order_quantity": 1e9, "max_order_notional": 100_000, "max_position": 1e9, "max_open_notional": 5_000_000,
    "max_open_orders": 256, "collar_ppm": 10_000, "orders_per_second": 10_000, "order_burst": 1_000, "loss_limit": 100_000,
}
# each below what the market maker wants at some time of the capture
TIGHT = {"max_order_notional": 9_000, "max_position": 0.1, "max_open_notional": 1_500, "orders_per_second": 4, "order_burst": 3,
         "collar_ppm": 100, "loss_limit": 60}


def ask_the_outsider(hfx: Hfx, capture: Path, result: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    """Run tests/reference/outsider.py, which imports nothing of ours."""
    records = Path(result["recorded"]["book"]).parent
    written = records / "result.json"
    written.write_text(json.dumps(result))
    facts = {k: v for k, v in {**INSTRUMENTS[capture.name], **DEFAULTS, **limits}.items() if k != "symbol"}
    ran = subprocess.run(
        [sys.executable, "-I", str(ROOT / "tests" / "reference" / "outsider.py"), str(capture), str(records), str(written),
         json.dumps(facts)],
        capture_output=True, text=True, check=False, timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("capture", FACTS)
def test_capture_gives_the_counts_that_it_proves(captured, capture):
    result, facts = captured(capture), FACTS[capture]
    assert result["frames"] == facts["frames"] == result["sources"]["capture"]["lines"]
    assert result["level_changes"] == facts["level_changes"]
    assert result["sequence_gaps"] == 0
    assert result["frame_errors"].keys() <= {"ignored"}
    assert result["book_checks"] == {"passed": facts["checks"], "failed": 0, "checks_ticker_first": facts["ticker_first"],
                                     "checks_depth_first": facts["depth_first"]}


@pytest.mark.parametrize("capture", FACTS)
def test_capture_is_traded_on_and_journaled_whole(captured, capture):
    result = captured(capture)
    assert result["fills"] > 1_000
    assert result["journal"]["verified"]
    assert result["journal"]["messages"] == result["messages"] > FACTS[capture]["frames"]
    assert result["risk"]["overfills"] == result["risk"]["bad_reports"] == 0


@pytest.mark.parametrize("capture", FACTS)
def test_outsider_agrees_with_the_recorded_run(hfx, captured, captures, capture):
    result = captured(capture)
    seen = ask_the_outsider(hfx, captures / "binance" / capture, result, {})
    assert seen["fills"] == result["fills"]
    assert seen["decisions"] == result["decisions"]
    assert float(seen["fees"]) != 0.0


def test_outsider_agrees_when_limits_bind(hfx, captures):
    file = captures / "binance" / USDM
    result = run_capture(hfx, file, INSTRUMENTS[USDM], **TIGHT)
    bound = {"max_position", "max_open_notional", "rate_limit", "loss_limit"}
    assert bound <= set(result["rejects_by_reason"]), result["rejects_by_reason"]
    assert ask_the_outsider(hfx, file, result, TIGHT)["fills"] == result["fills"]


def test_outsider_notices_one_changed_digit(hfx, captured, captures):
    """Else its agreement proves nothing."""
    result = captured(SPOT)
    folder = Path(result["recorded"]["book"]).parent
    changed = folder.with_name(folder.name + "-changed")
    changed.mkdir()
    for stream in ("book", "orders", "fills"):
        rows = (folder / f"{stream}.jsonl").read_text().splitlines()
        if stream == "book":
            row = json.loads(rows[2_000])
            row["bid_quantity"] = row["bid_quantity"] + "1"
            rows[2_000] = json.dumps(row)
        (changed / f"{stream}.jsonl").write_text("\n".join(rows) + "\n")
    result = {**result, "recorded": {"book": str(changed / "book.jsonl")}}
    with pytest.raises(AssertionError, match="best prices"):
        ask_the_outsider(hfx, captures / "binance" / SPOT, result, {})
