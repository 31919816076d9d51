"""Timers and live parameters of real engines: the same hashes in every placement, un-jitted, and in a replay of the journal."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from hydraflow.control.connection import ask
from hydraflow.journal.reader import JournalReader
from tests.reference.engine_process import ROOT, Process, environment_of, hfx_process
from tests.reference.reseal import change_quantity
from tests.system.conftest import two_at_a_time

CLOCKS = ROOT / "tests" / "reference" / "timed_handlers.py"
PLAIN = {"NUMBA_DISABLE_JIT": "1"}  # where the compiler is not the point
RATE, SLOWLY = ", rate: 2000", ", rate: 100"  # the latter un-jitted, so that draining takes no time
PLACEMENTS = {
    "one": "a=simulator,deserialize,sequencer,journal,clock,other;c=pyclock",
    "auto": "auto",
    "two": "a=simulator,deserialize,clock;b=sequencer,journal,other;c=pyclock",
}


def topology(folder: Path, *, frames: int = 3_000, more: str = "", clock: str = "", other: str = "") -> str:
    """Write a topology of two compiled clocks and a Python one; return its path."""
    path = folder / "clocks.yaml"
    path.write_text(f"""\
version: 1
name: clocks
sources:
  - {{name: simulator, use: simulator, with: {{frames: {frames}{more}}}}}
handlers:
  - {{name: deserialize, use: deserialize.binance, on: frames, into: decoded}}
  - {{name: journal, use: journal, on: main}}
  - {{name: clock, use: "{CLOCKS}:clock", on: main, every: 1ms{clock}}}
  - {{name: other, use: "{CLOCKS}:clock", on: main, every: 3333us{other}}}
  - {{name: pyclock, use: "{CLOCKS}:pyclock", on: main, every: 2500us}}
""")
    return str(path)


def timers_of(result: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {t["stage"]: (t["fired"], t["missed"]) for t in result["timers"]}


def test_timers_are_the_same_in_every_placement_unjitted_and_in_a_replay(hfx, tmp_path):
    path = topology(tmp_path)
    with two_at_a_time() as pool:
        runs = {name: pool.submit(hfx.run, path, text) for name, text in PLACEMENTS.items()}
    results = {name: run.result() for name, run in runs.items()}
    results["un-jitted"] = hfx.run(path, NUMBA_DISABLE_JIT="1")
    first = results["one"]
    spans = [m["receive_ns"] for m in JournalReader(first["journal"]["path"])]
    assert timers_of(first) == {
        stage: ((spans[-1] // every) - (spans[0] // every), 0)
        for stage, every in (("clock", 1_000_000), ("other", 3_333_000), ("pyclock", 2_500_000))
    }
    assert timers_of(first)["clock"][0] > 50
    for name, result in results.items():
        assert result["state_hashes"] == first["state_hashes"], name
        assert result["timers"] == first["timers"], name
        assert result["counters"]["pyclock"]["fired"] == timers_of(first)["pyclock"][0], name
        assert result["counters"]["pyclock"]["seen"] == first["sequencer"]["market_messages"], name
        assert result["counters"]["clock"]["fired"] == timers_of(first)["clock"][0], name
        replayed = hfx.replay(Path(result["journal"]["path"]))
        assert replayed["state_hashes"] == first["state_hashes"], name
        assert replayed["timers"] == first["timers"], name
        assert replayed["replay"]["differences"] == 0


class Engine:
    """`hfx run` beside the test, slow enough to be talked to."""

    def __init__(self, folder: Path, placement: str = "auto", environment: dict[str, str] = PLAIN) -> None:
        folder.mkdir()
        self.folder = folder
        self.path = topology(folder, frames=10_000_000, more=SLOWLY if environment else RATE)
        self._started = hfx_process(folder, "run", self.path, "--quiet", "--json", "--hiccups", "0", "--stall", "120", "--placement",
                                    placement, "--journal", str(folder / "journals"), environment=environment)

    def __enter__(self) -> Engine:
        self.process: Process = self._started.__enter__()
        self.process.engine_at("clocks", 100)
        return self

    def __exit__(self, *exception: object) -> None:
        self._started.__exit__(*exception)

    def hfx(self, *arguments: str, code: int = 0) -> str:
        """Run another command; return what it said, where a failure says it."""
        ran = subprocess.run([*self.process.process.args[:3], *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
                             timeout=120, env=environment_of(self.folder, {}))
        assert ran.returncode == code, f"{ran.returncode}: {ran.stdout}{ran.stderr}"
        assert "Traceback" not in ran.stderr
        return ran.stderr if code else ran.stdout

    def apply(self, *options: str) -> dict[str, Any]:
        return json.loads(self.hfx("apply", "--json", *(part for option in options for part in ("--set", option))))

    def end(self) -> dict[str, Any]:
        """Stop it in order; return its result."""
        self.process.send(signal.SIGTERM)
        assert self.process.end() == 0
        return json.loads(self.process.out)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_changes_are_in_the_order_journaled_and_made_again_by_a_replay(hfx, tmp_path, placement):
    hfx.run(topology(tmp_path, frames=50, more=RATE), PLACEMENTS[placement])  # compiled before anybody waits for it
    with Engine(tmp_path / "engine", PLACEMENTS[placement], {}) as engine:
        first = engine.apply("clock.weight=3")
        assert first["changed"] == {"clock.weight": [1, 3]} and first["reached"]
        second = engine.apply("clock.weight=7", "other.share=0.25", "pyclock.weight=5", "other.lift=true")
        assert second["changed"] == {
            "clock.weight": [3, 7], "other.share": [0.5, 0.25], "pyclock.weight": [1, 5], "other.lift": [False, True],
        }
        assert engine.apply("clock.weight=7") == {
            "schema": "hfx.apply/1", "engine": "clocks", "sequence": None, "changed": {}, "reached": True,
        }
        result = engine.end()
    assert second["sequence"] > first["sequence"] > 0
    assert result["parameter_changes"] == [
        {"sequence": first["sequence"], "parameters": {"clock.weight": 3}},
        {"sequence": second["sequence"], "parameters": {
            "clock.weight": 7, "other.share": 0.25, "pyclock.weight": 5, "other.lift": True}},
    ]
    assert result["counters"]["pyclock"]["weight"] == 5
    assert result["sequencer"]["parameter_messages"] == 2
    journal = Path(result["journal"]["path"])
    rows = [row for row in JournalReader(journal) if row["kind"] == "PARAMETERS"]
    assert [(row["sequence"], row["parameters"]) for row in rows] == [
        (change["sequence"], change["parameters"]) for change in result["parameter_changes"]
    ]
    replayed = hfx.replay(journal)
    assert replayed["state_hashes"] == result["state_hashes"]
    assert replayed["timers"] == result["timers"]
    assert replayed["parameter_changes"] == result["parameter_changes"]
    assert replayed["counters"]["pyclock"]["seen"] == result["counters"]["pyclock"]["seen"]
    if placement == "one":
        change_quantity(journal, tmp_path / "altered", first["sequence"])  # the first pair's second word: the value
        altered = hfx.replay(tmp_path / "altered")
        assert altered["replay"]["verified"]
        assert altered["parameter_changes"][0]["parameters"] == {"clock.weight": 4}
        assert altered["state_hashes"]["clock"] != result["state_hashes"]["clock"]
        assert altered["state_hashes"]["other"] == result["state_hashes"]["other"]
        elsewhere = hfx.replay(journal, "--topology", reordered(engine.path))
        assert elsewhere["state_hashes"] == result["state_hashes"]
        assert elsewhere["timers"] == sorted(result["timers"], key=lambda t: t["stage"] != "pyclock")
        assert elsewhere["parameter_changes"] == result["parameter_changes"]


def reordered(path: str) -> str:
    """Write a topology with its last handler first, so that all stages have other numbers; return its path."""
    lines = Path(path).read_text().splitlines(keepends=True)
    first = lines.index("handlers:\n") + 1
    changed = Path(path).with_name("reordered.yaml")
    changed.write_text("".join([*lines[:first], lines[-1], *lines[first:-1]]))
    return str(changed)


REFUSED = {
    "clok.weight=3": ("HF135", "the engine has no stage 'clok'", "did you mean 'clock'?"),
    "clock.weigh=3": ("HF304", "handler 'clock' has no parameter 'weigh'", "did you mean 'weight'?"),
    "clock.weight=heavy": ("HF305", "weight must be a whole number, got text 'heavy'", "weight: of a message"),
    "clock.weight=1001": ("HF306", "weight must be at most 1,000, got 1,001", "weight: of a message"),
    "clock.share=-0.1": ("HF306", "share must be at least 0, got -0.1", "share: of the weight"),
    "clock.size=3": ("HF134", "parameter 'size' of stage 'clock' is not live", "live: weight, share, lift"),
    "simulator.rate=3": ("HF134", "parameter 'rate' of stage 'simulator', a source, has no place in the order", "run it again"),
    "deserialize.levels_max=9": ("HF134", "a stage on ring 'frames', has no place in the order", "run it again"),
    "journal.x=1": ("HF304", "stage 'journal' takes no parameters, got 'x'", ""),
    "weight": ("HF136", "cannot read 'weight'", "write STAGE.PARAMETER=VALUE"),
    "clock=3": ("HF136", "'clock' names no parameter of stage 'clock'", "write STAGE.PARAMETER=VALUE"),
    "clock.weight=[": ("HF001", "not YAML", ""),
}


def test_what_is_refused_changes_nothing_and_what_runs_can_be_compared(tmp_path):
    with Engine(tmp_path / "engine") as engine:
        for option, texts in REFUSED.items():
            said = engine.hfx("apply", "--set", "other.weight=9", "--set", option, code=2)
            assert all(text in said for text in texts), said
            assert f"--> --set {option}" in said
        assert "HF306" in (said := engine.hfx("apply", "--set", "clock.weight=-1", "--set", "other.size=2", code=2)) and "HF134" in said
        said = engine.hfx("apply", "--set", "clock.weight=13", "--set", "clock.share=0.7", code=2)
        assert "HF308" in said and "share must be at most 0.5 with a weight of 13" in said
        for request in (b"", b"nonsense\n", b"[1]\n", b'{"schema": "hfx.control/1"}\n', b'{"schema": "hfx.control/1", "do": "apply", "values": 3}\n'):
            assert raw(engine, request)["ok"] is False
        assert engine.apply("clock.weight=2")["changed"] == {"clock.weight": [1, 2]}  # the first that was taken

        changed = engine.folder / "changed.yaml"
        changed.write_text(Path(engine.path).read_text().replace("every: 3333us", "every: 3333us, with: {weight: 4, share: 0.1}"))
        shown = json.loads(engine.hfx("plan", str(changed), "--against", "clocks", "--json"))
        kinds = {c["name"]: (c["kind"], c["values"]) for c in shown["changes"] if c["kind"] != "keep"}
        assert kinds == {
            "clock": ("live", [["with.weight", 2, 1]]), "other": ("live", [["with.weight", 1, 4], ["with.share", 0.5, 0.1]]),
        }
        assert shown["commands"] == [f"hfx apply {changed}"]
        assert "in force from sequence" in engine.hfx("apply", str(changed))
        assert engine.hfx("plan", str(changed), "--against", "clocks").strip().endswith("nothing changes; 10 kept")

        other = engine.folder / "other.yaml"
        other.write_text(Path(engine.path).read_text().replace("every: 3333us", "every: 1s, with: {size: 4}"))
        shown = json.loads(engine.hfx("plan", str(other), "--against", "clocks", "--json"))
        assert [c["kind"] for c in shown["changes"] if c["name"] == "other"] == ["restart"]
        assert shown["commands"][0].startswith("kill -TERM ") and shown["commands"][1] == f"hfx run {other}"
        said = engine.hfx("apply", str(other), code=78)
        assert "HF134" in said and f"{other}:9:" in said and "^" in said
        result = engine.end()
    assert [c["parameters"] for c in result["parameter_changes"]] == [
        {"clock.weight": 2}, {"clock.weight": 1, "other.weight": 4, "other.share": 0.1},
    ]


def raw(engine: Engine, request: bytes) -> dict[str, Any]:
    """Send bytes to the engine's socket, as no hfx would; return the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(engine.folder / "run" / "hydraflow" / "clocks.sock"))
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return json.loads(connection.makefile().readline())


def test_two_writers_at_once_get_places_of_their_own_and_a_dead_engine_says_so(tmp_path, monkeypatch):
    with Engine(tmp_path / "engine") as engine:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(engine.folder / "run"))
        answers: list[dict[str, Any]] = []

        def write(stage: str) -> None:
            for weight in range(2, 42):
                answers.append(ask("clocks", "apply", set=[f"{stage}.weight={weight}", f"{stage}.share={weight / 100}"]))

        writers = [threading.Thread(target=write, args=(stage,)) for stage in ("clock", "other", "clock")]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
        assert all(answer["ok"] for answer in answers) and len(answers) == 120
        sequences = [answer["sequence"] for answer in answers if answer["sequence"] is not None]
        assert len(set(sequences)) == len(sequences) >= 80
        assert all(len(answer["changed"]) in (0, 2) for answer in answers)
        told = {c["sequence"]: c["parameters"] for c in ask("clocks", "describe")["changes"]}
        assert sorted(told) == sorted(sequences)
        result = engine.end()
        assert {c["sequence"]: c["parameters"] for c in result["parameter_changes"]} == told
        assert "engine 'clocks' has ended, exit code 0" in engine.hfx("apply", "--name", "clocks", "--set", "clock.weight=1", code=69)
        assert "no engine is called 'clogs'" in engine.hfx("apply", "--name", "clogs", "--set", "clock.weight=1", code=69)
        assert "no engine runs" in engine.hfx("apply", "--set", "clock.weight=1", code=69)
        assert "is neither a topology nor an engine that runs" in engine.hfx("plan", engine.path, "--against", "clocks", code=69)
        assert "give a FILE or --set" in engine.hfx("apply", code=2)


STALL = """\
import time
from pathlib import Path

from disruptor.handler import handler

GO = Path(__file__).with_name("go")


@handler(jit=False, reads=(), writes=())
def stall(batch, first_sequence):
    while not GO.exists():
        time.sleep(0.01)
"""


def test_a_change_that_was_not_waited_for_is_known_when_it_takes_effect(tmp_path, monkeypatch):
    (tmp_path / "stall.py").write_text(STALL)
    path = Path(topology(tmp_path, frames=10_000_000, more=SLOWLY))
    rare = re.sub("every: [0-9]+us|every: 1ms", "every: 1s", path.read_text())  # a second without a message is not made up for by thousands
    path.write_text(rare.replace("sources:", "rings: {main: {slots: 64}}\nsources:") +
                    '  - {name: stall, use: "./stall.py:stall", on: main, after: journal}\n')
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    with hfx_process(tmp_path, "run", str(path), "--quiet", "--json", "--hiccups", "0", "--stall", "120", environment=PLAIN) as process:
        process.wait_until(lambda: (process.cnc("clocks") or {"counters": {}})["counters"].get("sequencer", {}).get("market_messages", 0) > 20)
        weight = 9
        while (first := ask("clocks", "apply", set=[f"clock.weight={weight}"]))["ok"]:  # the ring is not full yet
            weight += 1
        assert first["code"] == 69 and "the main ring has not moved for 5 s; the change takes effect when it does" in first["error"]
        for again in ("clock.weight=1", "other.weight=3"):
            said = ask("clocks", "apply", set=[again])
            assert not said["ok"] and "the change before this one has not been taken yet" in said["error"]
        (tmp_path / "go").touch()
        process.wait_until(lambda: {"clock.weight": weight} in [c["parameters"] for c in ask("clocks", "describe")["changes"]])
        assert ask("clocks", "describe")["parameters"]["clock"]["weight"] == weight
        assert ask("clocks", "apply", set=["clock.weight=1"])["changed"] == {"clock.weight": [weight, 1]}
        process.send(signal.SIGTERM)
        assert process.end() == 0, process.err
        result = json.loads(process.out)
    assert [c["parameters"] for c in result["parameter_changes"]][-2:] == [{"clock.weight": weight}, {"clock.weight": 1}]


def test_an_engine_that_was_killed_is_dead_to_who_asks_and_its_name_is_free(tmp_path):
    with Engine(tmp_path / "engine") as engine:
        engine.process.send(signal.SIGINT)
        engine.process.send(signal.SIGINT)
        engine.process.send(signal.SIGINT)  # the third kills the engine
        engine.process.end()
        said = engine.hfx("apply", "--name", "clocks", "--set", "clock.weight=1", code=69)
        assert "engine 'clocks' " in said and ("is dead" in said or "has ended" in said)


LINE = '{"e":"bookTicker","E":1,"u":%d,"s":"BTCUSDT","b":"50000.0","B":"1.0","a":"50000.2","A":"2.0"}'
SILENCE_NS = 6_000_000_000


def capture(folder: Path, speed: int) -> str:
    """Write a capture of two frames, 6 s apart, and a topology that plays it; return its path."""
    start = 1_700_000_000_000_000_000
    lines = folder / "two.txt"
    lines.write_text(f"{start} {LINE % 1}\n{start + SILENCE_NS} {LINE % 2}\n")
    path = Path(topology(folder))
    path.write_text(path.read_text().replace(
        "{name: simulator, use: simulator, with: {frames: 3000}}", f"{{name: simulator, use: capture, with: {{path: {lines}, speed: {speed}}}}}"))
    return str(path)


def test_timers_of_a_paced_capture_fire_by_the_clock_while_no_frame_comes(hfx, tmp_path):
    """Twice as fast as recorded: three seconds without a frame, in which timers are seen to go on."""
    (tmp_path / "flat").mkdir()
    (tmp_path / "paced").mkdir()
    flat = hfx.run(capture(tmp_path / "flat", 0), "auto", **PLAIN)
    assert timers_of(flat)["clock"] == (6_000, 0)
    with hfx_process(tmp_path / "paced", "run", capture(tmp_path / "paced", 2), "--quiet", "--json", "--hiccups", "0", environment=PLAIN) as process:

        def seen() -> int:
            counters = (process.cnc("clocks") or {"counters": {}})["counters"]
            between = counters and counters["sequencer"]["market_messages"] == 1
            return int(counters["sequencer"]["timer_messages"]) if between else 0

        early = process.wait_until(lambda: seen() > 300 and seen())
        process.wait_until(lambda: seen() > early + 300)
        assert process.end() == 0
        paced = json.loads(process.out)
    assert paced["state_hashes"] == flat["state_hashes"]
    assert paced["timers"] == flat["timers"]


def test_live_timers_fire_without_any_frame_and_are_replayed(hfx, tmp_path):
    path = Path(topology(tmp_path))
    path.write_text(path.read_text().replace(
        "{name: simulator, use: simulator, with: {frames: 3000}}",
        "{name: simulator, use: websocket, with: {url: 'ws://127.0.0.1:1/stream?streams=btcusdt@trade', snapshot_url: ''}}",
    ).replace("sources:", "instruments: [{symbol: BTCUSDT, tick: 0.1, lot: 0.001}]\nsources:"))
    with hfx_process(tmp_path, "run", str(path), "--quiet", "--json", "--hiccups", "0", "--stall", "120", environment=PLAIN) as process:
        process.engine_at("clocks", 60)
        process.send(signal.SIGTERM)
        assert process.end() == 0, process.err
        result = json.loads(process.out)
    assert result["frames"] == 0
    assert result["sequencer"]["timer_messages"] == result["messages"] >= 60
    assert {stage for stage, (fired, _) in timers_of(result).items() if fired} == {"clock", "other", "pyclock"}
    times = [(row["receive_ns"], row["venue_ns"]) for row in JournalReader(result["journal"]["path"])]
    assert [at for at, _ in times] == sorted(at for at, _ in times) and all(due <= at and due % 1_000 == 0 for at, due in times)
    replayed = hfx.replay(Path(result["journal"]["path"]))
    assert replayed["state_hashes"] == result["state_hashes"]
    assert replayed["timers"] == result["timers"]
