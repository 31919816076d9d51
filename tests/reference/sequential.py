"""The meaning of a topology, as plainly as it can be said: one message after the other, each through all stages.

No rings, cursors, batches or threads: records are made in a list, a stage is called when the message has its turn, shards
by the remainder of a Python integer. Run it un-jitted. Feedback comes when it is due, before the market at equal times.
"""

from __future__ import annotations

import heapq
import types
from typing import Any

import numpy as np

from disruptor.ring import PORT
from hydraflow.records import EGRESS, FEEDBACK, FRAME, LEVEL, MESSAGE
from hydraflow.topology.spec import Topology

SETTLE_NS = 1_000_000_000


class _Out:
    """What a stage publishes into: records by number, payload one behind the other; both as long as they need to be."""

    def __init__(self, dtype: np.dtype, unit: Any, most: int = 4096) -> None:
        self.records = np.zeros(most, dtype)
        self.payload = np.zeros(8 * most, unit)
        self.cell = np.zeros(1, PORT)[0]
        self.cell["mask"], self.cell["payload_mask"], self.cell["gate"] = most - 1, 8 * most - 1, -1


class Interpreter:
    """Runs a topology that has been loaded. state : by stage, or shard, the fields of its state."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._outs = {"egress": _Out(EGRESS, np.uint8), "feedback": _Out(FEEDBACK, np.uint8)}
        self._units = np.zeros(2 * 65_536, LEVEL)
        self._used = 0
        self._states: dict[str, Any] = {}
        self._pending: list[tuple[int, int, Any]] = []
        self.messages = 0

    def run(self) -> dict[str, dict[str, Any]]:
        """Return {instance: {field of its state: value}}."""
        markets = [self._market(source) for source in self._topology.sources]
        order = self._order()
        last_ns = last_market_ns = 0
        while True:
            heads = [(market[0]["receive_ns"], rank) for rank, market in enumerate(markets) if market]
            best = min(heads, default=None)
            if self._pending and (best is None or self._pending[0][0] <= best[0]):
                if best is None and self._pending[0][0] > last_market_ns + SETTLE_NS:
                    break
                message = self._timer(heapq.heappop(self._pending)[2])
            elif best is not None:
                message = markets[best[1]].pop(0)
                last_market_ns = int(message["receive_ns"])
            else:
                break
            last_ns = message["receive_ns"] = max(last_ns, int(message["receive_ns"]))
            for spec in order:
                self._call(spec, message)
            self.messages += 1
        return {name: {f: state[f].tolist() if state[f].ndim else state[f].item() for f in state.dtype.names}
                for name, state in self._states.items()}

    def _order(self) -> list[Any]:
        """Stages of the main ring, each behind those that it names; otherwise as in the file."""
        left = [s for s in self._topology.stages if s.on == "main"]
        for spec in left:
            for k in range(spec.replicas or 1):
                self._states[f"{spec.name}/{k}" if spec.replicas else spec.name] = self._fresh(spec.name)
        done: list[Any] = []
        while left:
            ready = next(s for s in left if all(any(d.name == a for d in done) for a in s.after))
            left.remove(ready)
            done.append(ready)
        return done

    def _call(self, spec: Any, message: Any) -> None:
        name = spec.name
        if spec.replicas:
            name = f"{name}/{int(message[spec.by]) % spec.replicas}"
        given = {"event": message, "sequence": self.messages, "end_of_batch": True, "state": self._states[name],
                 "params": self._params(spec.name), "payload": self._units, **self._outs}
        if spec.inlets:
            outbox = self._outs["egress"]
            inlet = np.zeros(1, PORT)[0]
            inlet["next"], inlet["gate"] = outbox.cell["refused"], outbox.cell["next"] - 1  # `refused` of a list: how many are read
            inlet["mask"], inlet["payload_mask"] = outbox.cell["mask"], outbox.cell["payload_mask"]
            given["egress"] = types.SimpleNamespace(records=outbox.records, payload=outbox.payload, cell=inlet)
        handler = self._topology.bound[spec.name].handler
        before = int(self._outs["feedback"].cell["next"])
        handler.function(**{a: given[a] for a in handler.arguments})
        if spec.inlets:
            self._outs["egress"].cell["refused"] = inlet["next"]
        for number in range(before, int(self._outs["feedback"].cell["next"])):
            record = self._outs["feedback"].records[number].copy()
            heapq.heappush(self._pending, (int(record["due_ns"]), int(record["number"]), record))

    def _market(self, source: Any) -> list[Any]:
        """All messages of one source, decoded, their stamps made to rise."""
        component = self._topology.bound[source.name].handler
        frames = _Out(FRAME, np.uint8)
        state, counters = np.zeros(1, component.state_dtype())[0], np.zeros(1, component.counters_dtype())[0]
        given = {"state": state, "params": self._params(source.name), "counters": counters, "frames": frames, "room": 16}
        while component.function(**given) >= 0:
            pass
        decoder = next(h for h in self._topology.handlers if h.on == source.into)
        decoded = types.SimpleNamespace(records=None, payload=self._units, cell=np.zeros(1, PORT)[0])
        messages = []
        for number in range(int(frames.cell["next"])):
            decoded.records, decoded.cell["next"], decoded.cell["mask"] = np.zeros(1, MESSAGE), 0, 0
            decoded.cell["payload_next"], decoded.cell["payload_mask"] = self._used, len(self._units) - 1
            self._topology.bound[decoder.name].handler.function(event=frames.records[number], params=self._params(decoder.name), decoded=decoded)
            self._used = int(decoded.cell["payload_next"])
            messages.append(decoded.records[0])
            if len(messages) > 1:
                messages[-1]["receive_ns"] = max(messages[-1]["receive_ns"], messages[-2]["receive_ns"])
        return messages

    def _timer(self, record: Any) -> Any:
        message = np.zeros(1, MESSAGE)[0]
        message["receive_ns"], message["number"], message["kind"] = record["due_ns"], record["number"], record["kind"]
        message["first_update"], message["last_update"] = record["token"], record["number"]
        message["previous_update"], message["symbol"], message["source"] = record["cause"], record["symbol"], record["source"]
        return message

    def _params(self, name: str) -> Any:
        from disruptor.handler import params_record

        return params_record(self._topology.bound[name].params)[0]

    def _fresh(self, name: str) -> Any:
        return np.zeros(1, self._topology.bound[name].handler.state_dtype())[0]
