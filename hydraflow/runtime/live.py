"""Parameters that change while the engine runs: the control thread's side of a change.

A change is read and judged as a whole (hydraflow.control.changes), written into the sequencer's mailbox, and is from then on
a message of the order like any other: journaled, replayed, in force for each handler from that message on.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import attrs
import numpy as np

from disruptor.atomics import store_release
from disruptor.handler import params_record
from disruptor.stage import HandlerStage
from disruptor.waiting import wake_all
from hydraflow.control import Wanted, from_options, from_values, literal
from hydraflow.errors import HydraFlowError, Unavailable, UsageError
from hydraflow.runtime.assembly import Assembly
from hydraflow.runtime.engine_messages import ENTRIES_MOST
from hydraflow.runtime.hooks import stage_names
from hydraflow.scrubber import SECRETS, is_secret
from hydraflow.topology.check_live import live_fields
from hydraflow.topology.shards import stage_of
from hydraflow.topology.spec import SEQUENCER

__all__ = ["LiveParameters"]

_TAKEN_SECONDS = 5.0  # until the sequencer has taken a change
_REACHED_SECONDS = 2.0  # until the handlers have passed it
_BEHIND_MOST = 1_000
_SPINS = 200
_NAP_SECONDS, _NAP_MOST_SECONDS = 20e-6, 1e-3


class LiveParameters:
    """Answers requests. applied : every change so far: its sequence, and {"stage.parameter": value}."""

    def __init__(self, assembly: Assembly) -> None:
        self._a = assembly
        self.applied: list[dict[str, Any]] = []
        self._params = {stage_of(name): member.params for name, member in assembly.graph.members.items() if name != SEQUENCER}
        self._numbers = {name: number for number, name in enumerate(stage_names(assembly.topology))}
        self._lock = threading.Lock()
        self._waiting: tuple[int, list[Wanted], dict[str, list[Any]]] | None = None  # number and content of a change not yet taken
        self._blocking = any(t.wait == "blocking" for t in assembly.placement.threads if t.kind == "compiled")
        if self._blocking:
            wake_all(assembly.cells, assembly.wait_cell)  # compiled, or loaded, now

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request; what is wrong with it is an answer too."""
        request = request | {"began_ns": time.monotonic_ns()}
        verbs = {"describe": self._describe, "apply": self._apply}
        try:
            if request.get("do") not in verbs:
                raise UsageError(f"an engine does not know how to '{str(request.get('do'))[:40]}'", remedy=f"it can {', '.join(verbs)}")
            with self._lock:
                self._settle()
                answer = {"ok": True, "engine": self._a.name, **verbs[request["do"]](request)}
        except HydraFlowError as error:
            answer = {"ok": False, "code": error.exit_code, "error": str(error)}
        except Exception as error:  # a request that no hfx sends; the engine goes on
            answer = {"ok": False, "code": 65, "error": f"the request cannot be read: {type(error).__name__}: {error}"}
        return SECRETS.data(answer)

    def _describe(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Everything that another process needs to compare a topology with this one."""
        topology = self._a.topology
        lookup = topology.lookup
        return {
            "pid": os.getpid(), "path": os.path.abspath(topology.path), "topology": topology.text, "set": list(topology.overrides),
            "environment": {n: v for n, v in lookup.variables.items() if not is_secret(n)} if lookup else {}, "files": dict(lookup.files) if lookup else {},
            "parameters": {
                name: {f.name: literal(getattr(params, f.name)) for f in attrs.fields(type(params))}
                for name, params in self._params.items() if attrs.has(type(params))
            },
            "live": {name: live_fields(type(p)) for name, p in self._params.items() if p is not None and name in self._numbers},
            "changes": self.applied,
        }

    def _apply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Change parameters. behind : messages after the change that its stages shall have handled before this answers, for who measures."""
        if self._a.options.replay:
            raise UsageError("this engine replays a journal: its parameters change where they did then",
                             remedy="run the topology to change parameters")
        cpu, behind = time.thread_time_ns(), int(request.get("behind", 0))
        if not 0 <= behind <= _BEHIND_MOST:
            raise UsageError(f"an answer cannot wait for {behind:,} messages", limit=f"0 to {_BEHIND_MOST:,}", remedy="ask for the next one: 1")
        if self._waiting is not None:
            raise Unavailable("the change before this one has not been taken yet: the main ring does not move",
                              remedy=f"see hfx stat {self._a.name}")
        if request.get("values") is not None:
            wanted = from_values(request["values"], self._a.topology, self._params)
        else:
            wanted = from_options(request.get("set", ()), self._a.topology, self._params)
        entries = [entry for one in wanted for entry in self._entries(one)]
        if len(entries) > ENTRIES_MOST:
            raise UsageError(f"{len(entries):,} parameters in one change", remedy=f"change at most {ENTRIES_MOST:,} at once")
        changed = {f"{one.stage}.{name}": [literal(before), literal(after)] for one in wanted for name, before, after in one.values}
        if not entries:
            return {"sequence": None, "changed": {}, "reached": True}
        sequence = self._send(entries, wanted, changed)
        self._note(sequence, wanted, changed)
        reached = self._reached(sequence + behind, [one.stage for one in wanted if one.values])
        return {"sequence": sequence, "changed": changed, "reached": reached, "took_us": (time.monotonic_ns() - request["began_ns"]) // 1000,
                "cpu_us": (time.thread_time_ns() - cpu) // 1000}

    def _note(self, sequence: int, wanted: list[Wanted], changed: dict[str, list[Any]]) -> None:
        """Keep what a change that has its place in the order made of the parameters."""
        for one in wanted:
            self._params[one.stage] = one.params
        self.applied.append({"sequence": sequence, "parameters": {name: after for name, (_, after) in changed.items()}})

    def _settle(self) -> None:
        """Note the change that was not waited for any longer, when the sequencer has taken it since."""
        if self._waiting is not None and self._a.cells[self._a.graph.cells.word("control.change.done")] == self._waiting[0]:
            (_, wanted, changed), self._waiting = self._waiting, None
            self._note(int(self._a.graph.mailbox[1]), wanted, changed)

    def settled(self) -> list[dict[str, Any]]:
        """Return every change that took effect."""
        with self._lock:
            self._settle()
            return self.applied

    def _entries(self, wanted: Wanted) -> list[tuple[int, int]]:
        """Return (stage << 32 | field, value as a word) of the parameters that differ."""
        before, after = (params_record(p).view(np.int64) for p in (self._params[wanted.stage], wanted.params))
        return [(self._numbers[wanted.stage] << 32 | int(field), int(after[field])) for field in np.flatnonzero(before != after)]

    def _send(self, entries: list[tuple[int, int]], wanted: list[Wanted], changed: dict[str, list[Any]]) -> int:
        """Hand a change to the sequencer; return its sequence. Raises: Unavailable when the run is over, or the ring does not move.

        Order: entries, then `asked` (release); the sequencer writes the sequence, then `done`.
        """
        a = self._a
        cells, word = a.cells, a.graph.cells.word
        mailbox, asked, done = a.graph.mailbox, word("control.change.asked"), word("control.change.done")
        sequencer = a.drivers().get(SEQUENCER)
        if sequencer is None or cells[sequencer.finished]:
            raise Unavailable("the run is over: nothing more gets a place in the order", remedy="run the topology again")
        mailbox[0] = len(entries)
        mailbox[2 : 2 + 2 * len(entries)] = np.array(entries, np.int64).reshape(-1)
        number = int(cells[asked]) + 1
        store_release(cells, asked, number)
        if self._blocking:
            wake_all(cells, a.wait_cell)
        if _wait(lambda: cells[done] == number or cells[sequencer.finished], _TAKEN_SECONDS) and cells[done] == number:
            return int(mailbox[1])
        if cells[sequencer.finished]:
            store_release(cells, asked, number - 1)
            raise Unavailable("the run ended before the change got its place in the order", remedy="run the topology again")
        self._waiting = number, wanted, changed
        raise Unavailable(f"the main ring has not moved for {_TAKEN_SECONDS:g} s; the change takes effect when it does",
                          remedy=f"see hfx stat {a.name}")

    def _reached(self, sequence: int, names: list[str]) -> bool:
        """Wait until the stages have passed a sequence; return whether they have."""
        stages = [member.stage for name, member in self._a.graph.members.items() if stage_of(name) in names]
        words = [stage.cursor for stage in stages if isinstance(stage, HandlerStage)]
        return _wait(lambda: all(self._a.cells[word] >= sequence for word in words), _REACHED_SECONDS)


def _wait(holds: Any, seconds: float) -> bool:
    """Wait until `holds()`, spinning first: the answer usually comes within microseconds."""
    end = time.monotonic() + seconds
    spins, nap = 0, _NAP_SECONDS
    while not holds():
        spins += 1
        if spins > _SPINS:
            if time.monotonic() > end:
                return bool(holds())
            time.sleep(nap)
            nap = min(1.2 * nap, _NAP_MOST_SECONDS)
    return True
