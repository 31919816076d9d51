"""Controls: what must change the hashes does change them, else their being equal elsewhere says nothing."""

import gzip

import pytest

from tests.system.conftest import INSTRUMENTS, run_capture

USDM, SPOT = INSTRUMENTS
FRAMES = 50_000


@pytest.fixture(scope="module")
def run(hfx):
    """Return a function that runs the demo, fused and short, with parameters changed; and the unchanged one's result."""

    def with_parameters(**stages):
        stages["simulator"] = {"frames": FRAMES, **stages.get("simulator", {})}
        return hfx.run(hfx.topology(stages=stages), "fused")

    return with_parameters


@pytest.fixture(scope="module")
def unchanged(run):
    return run()


def changed_stages(one, other) -> set[str]:
    return {name for name in one["state_hashes"] if one["state_hashes"][name] != other["state_hashes"][name]}


def test_the_same_run_again_gives_the_same_hashes(run, unchanged):
    again = run()
    assert again["state_hash"] == unchanged["state_hash"]
    assert again["state_hashes"] == unchanged["state_hashes"]


def test_another_seed_differs(run, unchanged):
    assert changed_stages(run(simulator={"seed": 8}), unchanged) == {"book", "strategy", "risk", "route", "mev", "wire", "paper"}


def test_one_frame_more_differs(run, unchanged):
    assert run(simulator={"frames": FRAMES + 1})["state_hash"] != unchanged["state_hash"]


@pytest.mark.parametrize(
    ("stage", "parameter"),
    [
        ("strategy", {"quote_lots": 9}),
        ("strategy", {"skew_ticks": 2.5}),
        ("risk", {"max_position": 0.05}),
        ("risk", {"orders_per_second": 20.0, "order_burst": 2}),
        ("route", {"use_pools": 0}),
        ("wire", {"recipient_low": 1}),
        ("paper", {"latency": "1100us"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_one_parameter_changed_differs(run, unchanged, stage, parameter):
    changed = changed_stages(run(**{stage: parameter}), unchanged)
    assert "wire" in changed
    assert "book" not in changed  # market data is what it was


def test_another_capture_differs(captured):
    one, other = captured(USDM), captured(SPOT)
    assert one["state_hash"] != other["state_hash"]
    assert changed_stages(one, other) >= {"book", "strategy", "risk", "route", "wire", "paper"}


def test_one_digit_of_a_capture_changed_differs(hfx, captured, captures, tmp_path):
    lines = gzip.decompress((captures / "binance" / SPOT).read_bytes()).splitlines(keepends=True)
    place = next(i for i in range(len(lines) // 2, len(lines)) if b'"e":"depthUpdate"' in lines[i] and b'"b":[["' in lines[i])
    price = lines[place].index(b'"b":[["') + 7
    digit = price + lines[place][price:].index(b'","') + 3  # the first of its quantity
    lines[place] = lines[place][:digit] + bytes([lines[place][digit] ^ 1]) + lines[place][digit + 1 :]
    changed = tmp_path / SPOT.removesuffix(".gz")
    changed.write_bytes(b"".join(lines))
    result = run_capture(hfx, changed, INSTRUMENTS[SPOT])
    assert result["frames"] == captured(SPOT)["frames"]
    assert result["sequence_gaps"] == 0
    assert result["state_hash"] != captured(SPOT)["state_hash"]
