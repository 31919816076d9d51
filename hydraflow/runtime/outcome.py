"""What came of a run, as data: the CnC file's part, and what only the engine knows (state hashes, times, the journal)."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
import numpy as np

from disruptor.counters import CounterReader
from disruptor.stage import DriverStage
from disruptor.threads import PinnedThread
from hydraflow.codes import Kind, Venue
from hydraflow.instruments import inverse_symbols
from hydraflow.placement.assign import stages_of
from hydraflow.runtime.assembly import Assembly
from hydraflow.runtime.digests import overall
from hydraflow.runtime.hooks import stage_names
from hydraflow.runtime.incidents import parked_fault
from hydraflow.runtime.loops import CHECKPOINT_ROWS, Loops
from hydraflow.runtime.phases import Phase
from hydraflow.runtime.result import from_snapshot
from hydraflow.runtime.watching import Fault
from hydraflow.topology.shards import is_sharded, shard_names, stage_of
from hydraflow.topology.spec import SEQUENCER, is_own, trades

__all__ = ["outcome"]


def outcome(
    assembly: Assembly, loops: Loops, threads: Mapping[str, PinnedThread], fault: Fault | None, *, stops: int, stuck: bool
) -> dict[str, Any]:
    """Return the result, schema "hfx.run/1". All loops have ended, but for those that are `stuck`."""
    reader = CounterReader(assembly.file.path)
    result = from_snapshot(reader.snapshot())
    reader.close()
    result["records"] = {name: int(assembly.cells[assembly.graph.rings[name].cursor]) + 1
                         for name, ring in assembly.topology.rings.items() if is_own(ring.record) and name in assembly.graph.rings}
    interrupted = fault.kind == "interrupted" if fault else stops > 0
    result |= {
        **_speed(assembly, loops, result),
        "placement": [
            {"thread": t.name, "cpu": t.cpu, "wait": t.wait, "stages": list(t.stages), **_usage(threads.get(t.name)),
             "scheduling": None if t.scheduling is None else str(t.scheduling), "node": t.node, "refused": _refused(assembly, threads, t.name)}
            for t in assembly.placement.threads
        ],
        "placement_reasons": list(assembly.placement.reasons),
        "compiled": {"seconds": round(loops.seconds, 3), "from_cache": loops.from_cache},
        "error": attrs.asdict(fault) if fault else None,
        "status": "interrupted" if interrupted else "failed" if fault else "completed",
        "instruments": _instruments(assembly),
        "inverse_contracts": inverse_symbols(assembly.graph.instruments),
        "checked": assembly.options.checked,
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "memory_locked": not any("mlock" in note for note in assembly.graph.notes),
        "timers": _timers(assembly),
        "journal": _journal(assembly),
        "shards": {
            s.name: {"replicas": s.replicas, "by": s.by, "names": list(shard_names(s))} for s in assembly.topology.stages if is_sharded(s)
        },
        "state_hash": None,
        "state_hashes": {},
    }
    if fault is None:
        result["error"] = parked_fault(result["incidents"])
        result["status"] = "parked" if result["error"] and not interrupted else result["status"]
    if not stuck:
        hashes = loops.digests.run()
        result["state_hashes"], result["state_hash"] = hashes, overall(hashes)
    result["checkpoints"] = _checkpoints(assembly, loops, int(result["messages"]))
    if assembly.recordings:
        result["recorded"] = _close_recording(assembly, result, fault, stuck)
    journal = result["journal"]
    if journal is not None and not journal["verified"] and result["error"] is None:  # it failed at the end, or ended alone
        result["error"] = attrs.asdict(Fault("journal", journal["error"], "journal", code=74, number=74))
        result["status"] = "failed"
    if assembly.journal_reader is not None:
        result["replay"] = _replay(assembly)
    return result


def _speed(assembly: Assembly, loops: Loops, result: dict[str, Any]) -> dict[str, Any]:
    seconds = _seconds(assembly, loops)
    brought = sum(result["records"].get(ring, 0) for ring in {s.into for s in assembly.topology.sources})
    return {
        "seconds": round(seconds, 6),
        "frames_per_second": round(result["frames"] / seconds, 1) if seconds > 0 else 0.0,
        "records_per_second": round(brought / seconds, 1) if seconds > 0 else 0.0,
        "mode": "replay" if assembly.options.replay else "paced" if _paced(assembly) else "saturated",
    }


def _paced(assembly: Assembly) -> bool:
    """Whether sources set the pace: of generators, whether none ever found its ring full."""
    if trades(assembly.topology) or any(m.declared.jit for m in assembly.graph.members.values() if isinstance(m.stage, DriverStage)):
        return any(s.paced for s in stages_of(assembly.topology))
    counters = [assembly.file.counter(name)[0] for name in assembly.drivers() if name in assembly.graph.counters()]
    return not any(record["full"] for record in counters if "full" in (record.dtype.names or ()))


def _seconds(assembly: Assembly, loops: Loops) -> float:
    """From the first message of a source to the last turn of a loop that did something; waiting for a decompressor excluded."""
    cells = assembly.cells
    firsts = [int(cells[d.first]) for d in assembly.drivers().values() if d.first >= 0 and cells[d.first]]
    lasts = [int(cells[assembly.progress_word(name)]) for name in loops.compiled or loops.python]
    if not firsts or not any(lasts):
        return 0.0
    starved = sum(
        int(assembly.file.counter(name)[0]["starved_ticks"])
        for name, dtype in assembly.graph.counters().items() if "starved_ticks" in (dtype.names or ())
    )
    return max(0, max(lasts) - min(firsts) - starved) * assembly.clock.ns_per_tick / 1e9


def _instruments(assembly: Assembly) -> list[dict[str, str]]:
    """Return every instrument by index, with tick and lot as decimal text."""
    return [
        {"symbol": bytes(r["symbol"][: int(r["symbol_length"])]).decode(), "venue": Venue(int(r["venue"])).name,
         "tick": _step(r["price_multiple"], r["price_decimals"]), "lot": _step(r["quantity_multiple"], r["quantity_decimals"])}
        for r in assembly.graph.instruments
    ]


def _step(multiple: Any, decimals: Any) -> str:
    return f"{Decimal(int(multiple)).scaleb(-int(decimals)):f}"


def _timers(assembly: Assembly) -> list[dict[str, Any]]:
    """Return how often each stage's timer fired, and how many periods were left out."""
    specs, number = {s.name: s for s in assembly.topology.stages}, stage_names(assembly.topology)
    messages = assembly.replayed
    if messages is not None:
        timers = messages[messages["kind"] == Kind.STAGE_TIMER]
        rows = {int(n): (int((own := timers[timers["first_update"] == n]).size), int(own["last_update"].sum()))
                for n in np.unique(timers["first_update"]) if n < len(number)}
    else:
        member = assembly.graph.members.get(SEQUENCER)
        state = member.stage.bindings["state"][0] if member is not None else None
        timers = state["timers"][: int(state["timer_count"])] if state is not None else ()
        rows = {int(t["stage"]): (int(t["fired"]), int(t["missed"])) for t in timers}
    return [{"stage": number[n], "every_ns": specs[number[n]].every_ns, "fired": fired, "missed": missed}
            for n, (fired, missed) in rows.items()]


def _refused(assembly: Assembly, threads: Mapping[str, PinnedThread], name: str) -> list[str]:
    """Return what a thread asked for and the kernel did not grant, with what would allow it."""
    memory = assembly.memory_refused.get(name)
    return [*(threads[name].notes if name in threads else ()), *([memory] if memory else ())]


def _usage(thread: PinnedThread | None) -> dict[str, int]:
    if thread is None:
        return {}
    usage = thread.usage()
    return {"run_ns": usage.run_ns, "wait_ns": usage.wait_ns}


def _journal(assembly: Assembly) -> dict[str, Any] | None:
    if assembly.journaling is None or assembly.options.replay:
        return None
    assembly.file.set_phase(int(Phase.RUNNING), "verifying the journal")
    return assembly.journaling.finish(assembly.clock.ns_per_tick)


def _replay(assembly: Assembly) -> dict[str, Any]:
    from hydraflow.journal.header import changed_handlers, source_hash

    sources = {stage_of(n): source_hash(m.declared.function) for n, m in assembly.graph.members.items()}
    verdict = assembly.journal_reader.verdict
    counters = assembly.file.counter(SEQUENCER)[0]
    return {
        "path": str(assembly.options.replay), "verified": bool(verdict.verified), "end": verdict.end, "error": verdict.error,
        "messages": int(counters["messages"]), "compared": int(counters["compared"]),
        "differences": int(counters["differences"]),
        "first_difference": int(counters["first_difference"]) if counters["differences"] else -1,
        "changed_handlers": changed_handlers(assembly.journal_reader.header, sources),
    }


def _checkpoints(assembly: Assembly, loops: Loops, messages: int) -> list[dict[str, Any]]:
    every = assembly.options.hash_every
    if every <= 0:
        return []
    rows = []
    last = messages // every
    for number in range(max(1, last - CHECKPOINT_ROWS + 1), last + 1):
        values = loops.checkpoints[(number - 1) & (CHECKPOINT_ROWS - 1)]
        hashes = {n: f"{int(v) & (1 << 64) - 1:016x}" for n, v in zip(loops.digests.names, values, strict=True)}
        rows.append({"messages": number * every, "state_hash": overall(hashes), "state_hashes": hashes})
    return rows


def _close_recording(assembly: Assembly, result: dict[str, Any], fault: Fault | None, stuck: bool) -> dict[str, str]:
    """Give the record files their names; a disk that is full, or a recorder that is stuck, leaves none behind."""
    keep = not stuck and (fault is None or fault.kind != "recording")
    try:
        for recording in assembly.recordings:
            recording.close(keep=keep)
        return dict(assembly.recorded) if keep else {}
    except OSError as error:
        for recording in assembly.recordings:
            with contextlib.suppress(OSError):
                recording.close(keep=False)
        if result["error"] is None:
            text = f"cannot write the files of --record: {error.strerror}; make room or name another place"
            result["error"] = attrs.asdict(Fault("recording", text, code=74))
            result["status"] = "failed"
        return {}
