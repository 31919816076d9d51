"""Whatever lies in a topology file, every verb that reads one ends with a message and one of its exit codes: no traceback.

Bytes, damaged shipped files, and trees of random keys and values; check, graph, plan, render and test, in every form of
diagnostics. In one process: a verb's own functions, from the command line to the exit code. HYDRAFLOW_FUZZ=1000 tries harder.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydraflow.cli import main

ROOT = Path(__file__).parents[2]
SEEDS = [path.read_bytes() for path in sorted([*ROOT.glob("config/*.yaml"), *ROOT.glob("hydraflow/templates/**/*.yaml"),
                                               *ROOT.glob("tests/topology/golden/[a-m]*.yaml")])]
VERBS = [["check", "--format", "text"], ["check", "--format", "json"], ["check", "--format", "github"], ["graph"],
         ["graph", "--format", "json", "--diagnostics", "json"], ["graph", "--format", "svg", "--diagnostics", "github"], ["plan"],
         ["plan", "--json", "--diagnostics", "json"], ["render"], ["render", "--format", "json", "--origin", "--defaults"],
         ["test", "-k", "no test is called this", "--diagnostics", "json"]]
CODES = {0, 2, 66, 69, 78}
RELAXED = settings(max_examples=int(os.environ.get("HYDRAFLOW_FUZZ", "25")), deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    before = os.getcwd()
    os.chdir(folder)
    yield folder / "t.yaml"
    os.chdir(before)


def ends_well(place: Path, data: bytes, verb: list[str]) -> None:
    place.write_bytes(data)
    out, err = _Stream(), _Stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([verb[0], str(place), *verb[1:]])
    assert code in CODES
    said = err.getvalue()
    assert "Traceback" not in said
    if code == 78:
        assert said or out.getvalue(), "an exit code and no word"
    if verb[-2:] == ["--format", "json"] and verb[0] == "check":
        report = json.loads(out.getvalue())
        assert report["ok"] == (code == 0) == (report["errors"] == 0)


class _Stream(io.TextIOWrapper):
    """A stream of text with bytes below it, as a terminal's is."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def getvalue(self) -> str:
        return self.buffer.getvalue().decode()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
class TestVerbs:
    @RELAXED
    @given(data=st.binary(max_size=300))
    def test_any_bytes(self, place, verb, data):
        ends_well(place, b"version: 1\n" + data if len(data) % 2 else data, verb)

    @RELAXED
    @given(data=st.data())
    def test_damaged_files(self, place, verb, data):
        text = bytearray(data.draw(st.sampled_from(SEEDS)))
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, max(0, len(text) - 1)))
            if data.draw(st.booleans()):
                del text[at : at + data.draw(st.integers(1, 40))]
            else:
                text[at:at] = data.draw(st.binary(max_size=4) | st.sampled_from([b"\n  ", b"- ", b": ", b"{", b"]", b"*a", b"&a ", b"${X}"]))
        ends_well(place, bytes(text), verb)

    @RELAXED
    @given(tree=st.deferred(lambda: _TREES))
    def test_any_tree(self, place, verb, tree):
        ends_well(place, yaml.safe_dump({"version": 1, **tree}, allow_unicode=True).encode("utf-8", "surrogatepass"), verb)


_WORDS = st.sampled_from(["simulator", "capture", "websocket", "deserialize.binance", "book", "risk", "strategy.market_maker", "paper", "wire",
                          "main", "frames", "decoded", "egress", "feedback", "auto", "explicit", "sequencer", "./x.py:f", "no.such:thing",
                          "BTCUSDT", "pool", "1ms", "64KiB", "${X:-1}", "${secret:S}", ""])
_SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 33) | st.floats() | _WORDS
_KEYS = st.sampled_from(["use", "name", "on", "after", "into", "from", "with", "record", "slots", "payload", "sequence", "feedback", "threads",
                         "stages", "cpu", "wait", "mode", "symbol", "tick", "lot", "venue", "underlying", "main", "frames", "input", "expect"])
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=20)
_STAGE = st.fixed_dictionaries({"use": _WORDS}, optional={"name": _WORDS, "on": _WORDS, "after": _WORDS | st.lists(_WORDS, max_size=3),
                                                         "into": _WORDS | st.lists(_WORDS, max_size=2), "with": _VALUES, "on_error": _WORDS})
_TREES = st.fixed_dictionaries({}, optional={
    "name": _VALUES, "include": _VALUES, "instruments": _VALUES, "rings": _VALUES | st.dictionaries(_KEYS, _VALUES, max_size=3),
    "sources": st.lists(_STAGE, max_size=3) | _VALUES, "handlers": st.lists(_STAGE, max_size=8) | _VALUES,
    "sinks": st.lists(_STAGE, max_size=2) | _VALUES, "placement": _VALUES, "tests": _VALUES,
})
