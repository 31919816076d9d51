"""The text of the loop of one thread: its stages one after the other in each turn, the end, the wait."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from disruptor.codegen import LoopSource, function_lines
from disruptor.errors import CompileError
from disruptor.guard import STATUS_MOST, status_result
from disruptor.loop_writer import LoopWriter, identifier
from disruptor.shard_text import Share
from disruptor.stage import DriverStage, HandlerStage, Hook, Output

__all__ = ["write_loop"]

Stage = HandlerStage | DriverStage
_RECORDS = ("state", "params", "counters")  # passed as a record; everything else as an array

_PREAMBLE = '''"""Generated loop of thread '{name}': {stages}. Do not edit; it is written again whenever the graph changes."""

from disruptor.atomics import load_acquire, store_release, timestamp
from disruptor.codegen import compiled_function
from disruptor.histogram import record, record_many
from disruptor.rewind import status_of
from disruptor.ring import Inlet, Port
from disruptor.single_producer import payload_room, publish, room, stream_room
from disruptor.waiting import idle, wake

'''


def write_loop(
    name: str,
    stages: Sequence[Stage],
    *,
    cells: np.ndarray,
    histograms: np.ndarray,
    halt: int,
    running: int,
    progress: int,
    wait: int,
    wait_cell: int,
    wake: bool = False,
) -> LoopSource:
    """Write the module for `stages`, run in this order each turn.

    cells : the int64 cells; halt : word that ends the loop when not 0; running : word that holds the stage at work, the
    next cell (running + 16) its sequence; progress : word that receives the ticks of the last turn that did something.
    histograms : int64[rows, buckets]; wait : strategy code of disruptor.waiting; wait_cell : its first word.
    wake : another loop may sleep on wait_cell; it is woken after every turn that did something.
    """
    out = LoopWriter(cells, histograms)
    for stage in stages:
        if isinstance(stage, HandlerStage):
            _handler(out, stage, running)
        else:
            _driver(out, stage, running)
    text = [_PREAMBLE.format(name=name, stages=", ".join(s.name for s in stages))]
    lines, importable = function_lines(out.functions)
    text.append(lines)
    text.append(f"\n\ndef run({', '.join(out.arguments)}):\n")
    text.append("\n".join(out.head) + "\n    idle_count = 0\n    then = timestamp()\n    while True:\n        worked = 0\n")
    text.append("\n".join(out.body) + "\n")
    text.append(
        "        if worked != 0:\n"
        "            idle_count = 0\n"
        f"            store_release(cells, {progress}, then)\n"
        + (f"            wake(cells, {wait_cell})\n" if wake else "")
        +
        f"        if load_acquire(cells, {halt}) != 0:\n"
        "            break\n"
        "        if worked == 0:\n"
        f"            idle_count = idle({wait}, idle_count, cells, {wait_cell})\n"
        "            then = timestamp()\n"
        f"    store_release(cells, {running}, -1)\n"
        "    return 0\n"
    )
    one = functools.partial(write_loop, name, cells=cells, histograms=histograms, halt=halt, running=running, progress=progress,
                            wait=wait, wait_cell=wait_cell, wake=wake)
    return LoopSource(name, "".join(text), out.arguments, out.functions, importable, alone=lambda: [one([stage]) for stage in stages])


def _handler(out: LoopWriter, stage: HandlerStage, running: int) -> None:
    ring = stage.source.ring
    local = f"next_{identifier(stage.name)}"
    records, mask = out.ring(ring), ring.mask
    out.bind(local, f"load_acquire(cells, {stage.cursor}) + 1")
    out.line(2, f"# {stage.name}: on {ring.name}")
    out.line(2, f"available = load_acquire(cells, {stage.waits[0]})")
    for word in stage.waits[1:]:
        out.line(2, f"upstream = load_acquire(cells, {word})")
        out.line(2, "if upstream < available:")
        out.line(3, "available = upstream")
    if stage.guard is not None and stage.guard.parks:
        _pass_by(out, stage, local)
    out.line(2, f"if available >= {local}:")
    out.line(3, f"if available - {local} >= {stage.batch}:")
    out.line(4, f"available = {local} + {stage.batch - 1}")
    for output in stage.outputs:
        if output.max_out:
            port, consumers = out.port(output), _tuple(output.end.consumers)
            out.line(3, f"allowed = room({port}, cells, {consumers}, {output.max_out} * (available - {local} + 1)) // {output.max_out}")
            if output.never_waits:
                out.line(3, "if allowed == 0:")
                out.line(4, f"return {1 + stage.number}")
            out.line(3, f"if {local} + allowed <= available:")
            out.line(4, f"available = {local} + allowed - 1")
            out.line(4, f"{port}.cell['refused'] += 1")
    out.line(3, f"if available >= {local}:")
    for inlet in stage.inlets:
        out.line(4, f"{out.inlet(inlet)}.cell['gate'] = load_acquire(cells, {inlet.end.cursor})")
    share = Share(out, stage, local)
    share.begin()
    out.line(4, f"first = {local}")
    out.line(4, f"store_release(cells, {running}, {stage.number})")
    out.line(4, f"while {local} <= available:")
    call = {
        "event": f"{records}[{local} & {mask}]",
        "sequence": local,
        "end_of_batch": f"{local} == {share.last}",
        "payload": out.payload(ring) if ring.payload.size else "None",
    }
    if "parked" in stage.arguments:
        call["parked"] = " + ".join(f"int(load_acquire(cells, {word}) <= {local})" for word in stage.parkable) or "0"
    _arguments(out, stage, call)
    if stage.shard is not None:  # what it is told, whoever owns the record
        _hooks(out, stage, call, 5)
    deep = share.enter()
    for output in stage.outputs:
        if output.max_payload:
            check = "payload_room" if output.max_out else "stream_room"
            out.line(deep, f"if {check}({out.port(output)}, cells, {_tuple(output.end.consumers)}, {output.max_payload}) < {output.max_payload}:")
            out.line(deep + 1, f"{out.port(output)}.cell['refused'] += 1")
            out.line(deep + 1, "break")
    out.line(deep, f"store_release(cells, {running + 16}, {local})")
    stamped = [o for o in stage.outputs if o.end.ring.stamps.size and ring.stamps.size]
    for output in stamped:
        out.line(deep, f"made = {out.port(output)}.cell['next']")
    if stage.guard is not None:
        for output in stage.outputs:
            port = out.port(output)
            out.line(deep, f"{port}.cell['mark'] = {port}.cell['next']")
            out.line(deep, f"{port}.cell['payload_mark'] = {port}.cell['payload_next']")
    depth = _hooks(out, stage, call, deep) if stage.shard is None else deep
    out.line(depth, f"status = status_of({out.function(stage)}({', '.join(call[a] for a in stage.arguments)}))")
    out.line(depth, "if status < 0:")
    out.line(depth + 1, f"return {status_result(stage.number, 0)} + max(status, {-STATUS_MOST})")
    share.leave()
    for output in stamped:
        port, target = out.port(output), out.stamps(output.end.ring)
        out.line(deep, f"while made < {port}.cell['next']:")
        out.line(deep + 1, f"{target}[made & {output.end.ring.mask}] = {out.stamps(ring)}[{local} & {mask}]")
        out.line(deep + 1, "made += 1")
    _checkpoint(out, stage, local, 5)
    out.line(5, f"{local} += 1")
    out.line(4, f"if {local} > first:")
    for output in stage.outputs:
        if output.latency >= 0:
            out.line(5, f"made = {out.port(output)}.cell['published'] + 1")
        _publish(out, output, 5)
        if output.latency >= 0:
            out.line(5, "now = timestamp()")
            out.line(5, f"while made < {out.port(output)}.cell['next']:")
            stamp = f"{out.stamps(output.end.ring)}[made & {output.end.ring.mask}]"
            out.line(6, f"if {stamp} != 0:")
            out.line(7, f"record(histograms[{output.latency}], now - {stamp})")
            out.line(6, "made += 1")
    for inlet in stage.inlets:
        out.line(5, f"store_release(cells, {inlet.cursor}, {out.inlet(inlet)}.cell['next'] - 1)")
    aged = stage.age >= 0 and ring.stamps.size
    if aged:  # before the slot is given back: its producer may stamp it anew
        out.line(5, f"published = {out.stamps(ring)}[first & {mask}]")
    out.line(5, f"store_release(cells, {stage.cursor}, {local} - 1)")
    if stage.service >= 0 or stage.age >= 0:
        out.line(5, "now = timestamp()")
    if stage.service >= 0:
        share.record(stage.service)
    if aged:
        out.line(5, "if published != 0:")
        out.line(6, f"record(histograms[{stage.age}], now - published)")
    if stage.service >= 0 or stage.age >= 0:
        out.line(5, "then = now")
    out.line(5, f"worked += {local} - first")


def _pass_by(out: LoopWriter, stage: HandlerStage, local: str) -> None:
    """Go on to what is there without calling a handler that is parked. It has no records of its own to publish."""
    assert stage.guard is not None
    parked = f"parked_{identifier(stage.name)}"
    out.bind(parked, f"load_acquire(cells, {stage.guard.parked})")
    out.line(2, f"if available >= {local} and {parked} <= {local}:")
    out.line(3, f"worked += available - {local} + 1")
    if stage.checkpoint is not None:
        out.line(3, f"while {local} <= available:")
        _checkpoint(out, stage, local, 4)
        out.line(4, f"{local} += 1")
    out.line(3, f"{local} = available + 1")
    out.line(3, f"store_release(cells, {stage.cursor}, available)")


def _checkpoint(out: LoopWriter, stage: HandlerStage, local: str, depth: int) -> None:
    if stage.checkpoint is None:
        return
    point = stage.checkpoint
    rows = out.array("checkpoints", point.out)
    digest = out.named(f"digest_{identifier(stage.name)}", point.digest)
    state = out.value(f"{identifier(stage.name)}_state", stage.bindings["state"], record=True)
    params = stage.bindings.get("params", stage.bindings["state"])
    params = out.value(f"{identifier(stage.name)}_params", params, record=True)
    out.line(depth, f"if ({local} + 1) % {point.every} == 0:")
    row = f"(({local} + 1) // {point.every} - 1) & {point.out.shape[0] - 1}"
    out.line(depth + 1, f"{rows}[{row}, {point.column}] = {digest}({state}, {params})")


def _hooks(out: LoopWriter, stage: HandlerStage, call: dict[str, str], depth: int) -> int:
    """Write the calls of a stage's hooks; return the depth at which that of its own function follows."""
    branch = "if"
    for hook in sorted(stage.hooks, key=lambda h: h.instead):
        condition = " and ".join(f"{call['event']}['{field}'] == {value}" for field, value in hook.when.items())
        out.line(depth, f"{branch if hook.instead else 'if'} {condition}:")
        branch = "elif" if hook.instead else branch
        _hook(out, stage, hook, call, depth + 1)
    if branch == "if":
        return depth
    out.line(depth, "else:")
    return depth + 1


def _hook(out: LoopWriter, stage: HandlerStage, hook: Hook, call: dict[str, str], depth: int) -> None:
    known = dict(call)
    _arguments(out, stage, known, hook)
    local = out.named(f"on_{identifier(stage.name)}__{identifier(hook.name)}", hook.function)
    text = f"{local}({', '.join(known[a] for a in hook.arguments)})"
    if hook.then is None:
        out.line(depth, text)
        return
    out.line(depth, f"if {text} > 0:")
    _hook(out, stage, hook.then, call, depth + 1)


def _driver(out: LoopWriter, stage: DriverStage, running: int) -> None:
    call: dict[str, str] = {"cells": "cells", "now": "timestamp()"}
    out.line(2, f"# {stage.name}: driver")
    out.line(2, f"if load_acquire(cells, {stage.finished}) == 0:")
    for inlet in stage.inlets:
        out.line(3, f"{out.inlet(inlet)}.cell['gate'] = load_acquire(cells, {inlet.end.cursor})")
    if stage.outputs:
        first = stage.outputs[0]
        port, consumers = out.port(first), _tuple(first.end.consumers)
        call["room"] = f"room({port}, cells, {consumers}, {first.max_out})"
        call["payload_room"] = f"payload_room({port}, cells, {consumers}, {first.max_payload})"
        if first.end.ring.stamps.size:
            call["stamps"] = out.stamps(first.end.ring)
    _arguments(out, stage, call)
    out.line(3, f"store_release(cells, {running}, {stage.number})")
    step = f"done = {out.function(stage)}({', '.join(call[a] for a in stage.arguments)})"
    if stage.stop >= 0:
        out.line(3, f"if load_acquire(cells, {stage.stop}) != 0:")
        out.line(4, "done = -1")
        out.line(3, "else:")
        out.line(4, step)
    else:
        out.line(3, step)
    for output in stage.outputs:
        _publish(out, output, 3)
    for inlet in stage.inlets:
        out.line(3, f"store_release(cells, {inlet.cursor}, {out.inlet(inlet)}.cell['next'] - 1)")
    out.line(3, "if done < 0:")
    out.line(4, f"store_release(cells, {stage.finished}, 1)")
    out.line(3, "elif done > 0:")
    out.line(4, "worked += done")
    if stage.first >= 0:
        out.line(4, f"if load_acquire(cells, {stage.first}) == 0:")
        out.line(5, f"store_release(cells, {stage.first}, then)")
    if stage.service >= 0:
        out.line(4, "now = timestamp()")
        out.line(4, f"record_many(histograms[{stage.service}], (now - then) // done, done)")
        out.line(4, "then = now")


def _arguments(out: LoopWriter, stage: Stage, call: dict[str, str], hook: Hook | None = None) -> None:
    """Add to `call` what each argument of the stage's function, or of one of its hooks, is called in the loop."""
    for output in stage.outputs:
        call[output.argument] = out.port(output)
    for inlet in stage.inlets:
        call.setdefault(inlet.argument, out.inlet(inlet))
    offered = {**stage.bindings, **(hook.bindings if hook else {})}
    for name in hook.arguments if hook else stage.arguments:
        if name in offered and name not in call:
            own = name in _RECORDS
            call[name] = out.value(f"{identifier(stage.name)}_{name}", offered[name], record=own)
        if name not in call:
            raise CompileError(stage.name, f"nothing in the graph is called '{name}'; known here: {', '.join(sorted(call))}")


def _publish(out: LoopWriter, output: Output, depth: int) -> None:
    if output.max_out:
        out.line(depth, f"publish({out.port(output)}, cells, {output.end.cursor})")
    else:  # a byte stream: no records, the position itself is the cursor
        out.line(depth, f"store_release(cells, {output.end.cursor}, {out.port(output)}.cell['payload_next'])")


def _tuple(words: list[int]) -> str:
    return "(" + ", ".join(str(w) for w in words) + ",)"
