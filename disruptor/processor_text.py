"""The text of the loop that runs compiled handlers of one ring on one thread: LMAX's BatchEventProcessor, generated.

Several members are *fused*: each turn runs them one after the other, each as far as those before it have come. What
differs between two graphs of the same shape is passed as arguments (words of sequences, arrays), so that they share
compiled code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from disruptor.claims import IDLE, PARKS, PROGRESS
from disruptor.codegen import LoopSource, function_lines
from disruptor.errors import CompileError
from disruptor.layout import CELL_WORDS
from disruptor.loop_writer import LoopWriter, identifier
from disruptor.measuring import NO_STAMPS
from disruptor.rewind import REWIND
from disruptor.wait import Wait

__all__ = ["NOTED", "MemberText", "OutputText", "RingText", "WORKER_BATCH", "write_processor"]

NOTED = 3 * CELL_WORDS  # among a loop's control cells: the sequence at work, where handlers write notes
WORKER_BATCH = 64  # records that a worker takes in one turn

_PREAMBLE = '''"""Generated loop: {members} on ring '{ring}'. Do not edit; it is written again whenever the graph changes."""

from disruptor.atomics import compare_exchange, load_acquire, store_release, timestamp
from disruptor.claims import claim_room, publish_port, published_upto, was_given_up
from disruptor.codegen import compiled_function
from disruptor.measuring import measure_batch, stamp_range
from disruptor.rewind import status_of
from disruptor.ring import Port
from disruptor.system_calls import CLOCK_MONOTONIC, clock_ns, nap_ns
from disruptor.waiting import idle_turn, wake

'''


@attrs.frozen
class RingText:
    """What a loop needs of the ring it reads. base, words… : indexes into CELLS, passed as arguments."""

    name: str
    slots: int
    records: np.ndarray
    marks: np.ndarray
    base: int
    multi: bool
    stamps: np.ndarray = NO_STAMPS


@attrs.frozen
class OutputText:
    """A ring that a member publishes to, under the name `argument`: a Port over `records` and its `port` cell."""

    argument: str
    records: np.ndarray
    marks: np.ndarray
    port: np.ndarray
    base: int
    most: int
    stamps: np.ndarray = NO_STAMPS


@attrs.frozen
class MemberText:
    """A handler of the loop. words : of its sequence; upstream : of those it waits for, empty for the ring itself.

    arguments : names of its parameters; bindings : name → array, passed as its only record when it has one. started,
    timed_out : functions called at a batch's start and after a timeout, with the names of their parameters. rewind :
    (attempts until it gives up, pause in ns), or None. work : word of a pool's shared sequence, or −1.
    """

    name: str
    function: Any
    arguments: tuple[str, ...]
    sequence: int
    upstream: tuple[int, ...]
    held: int  # private cell: word 0 the sequence that a worker has taken and not finished, + 1
    bindings: dict[str, np.ndarray] = attrs.field(factory=dict)
    outputs: tuple[OutputText, ...] = ()
    limit: int = 0
    started: tuple[Any, tuple[str, ...]] | None = None
    timed_out: tuple[Any, tuple[str, ...]] | None = None
    rewind: tuple[int, int] | None = None
    work: int = -1
    measured: np.ndarray = NO_STAMPS
    notes: bool = False  # it writes notes, which say what sequence it has in hand


class _Text(LoopWriter):
    """A loop's text, with words of CELLS as arguments."""

    def __init__(self, cells: np.ndarray, ring: RingText, in_hand: np.ndarray) -> None:
        super().__init__(cells, np.zeros(0, np.int64))
        del self.arguments["histograms"]
        self.words: list[int] = []
        self.of = ring
        self.records = self.array("records", ring.records)
        self.marks = self.array("marks", ring.marks)
        self.array("in_hand", in_hand)

    def word(self, name: str, word: int) -> str:
        """Return a local name for a word that is passed as an argument."""
        self.bind(name, f"words[{len(self.words)}]")
        self.words.append(word)
        return name


def write_processor(
    name: str, ring: RingText, members: Sequence[MemberText], wait: Wait, *, cells: np.ndarray, control: int,
    in_hand: np.ndarray,
) -> LoopSource:
    """Write the module for `members`, run in this order each turn.

    control : first word of the loop's control cells: halt, the member at work, scratch (four words). in_hand : int64[1],
    private to the loop: the sequence at work, exact whenever the loop is left.
    """
    out = _Text(cells, ring, in_hand)
    for at, word in enumerate(("halt", "at_work", "own")):
        out.word(word, control + at * CELL_WORDS)
    if any(member.notes for member in members):  # in_hand is private to the loop: nobody else may look at it
        out.word("noted", control + NOTED)
    out.word("base", ring.base)
    out.word("idle_cell", ring.base + IDLE)
    out.word("progress_cell", ring.base + PROGRESS)
    out.word("parks", ring.base + PARKS)
    for number, member in enumerate(members):
        (_worker if member.work >= 0 else _member)(out, member, number)
    end = _end(out, members, wait)
    text = [_PREAMBLE.format(members=", ".join(m.name for m in members), ring=ring.name)]
    lines, importable = function_lines(out.functions)
    text.append(lines)
    out.arguments = {"cells": cells, "words": np.array(out.words, np.int64), **_without(out.arguments, "cells")}
    text.append(f"\n\ndef run({', '.join(out.arguments)}):\n")
    text.append("\n".join(out.head) + "\n")
    text.append("    idle_count, waited, since = 0, 0, 0\n    while True:\n        worked, phase, cell = 0, 0, idle_cell\n")
    text.append("\n".join(out.body) + "\n")
    text.append(end)
    private = ("in_hand", *(n for n in out.arguments if n.endswith("_state")))
    return LoopSource(name, "".join(text), out.arguments, out.functions, importable, private, side_by_side=True)


def _end(out: _Text, members: Sequence[MemberText], wait: Wait) -> str:
    """What each turn ends with: halt, or wait in the way of the phase."""
    idle, gated, full = (", ".join(map(str, _within(wait.timeout_ns, w))) for w in wait.phases)
    lines = [
        "        if load_acquire(cells, halt) != 0:",
        "            break",
        "        if worked != 0:",
        "            idle_count, since = 0, 0",
        "        else:",
        "            if cell != waited:",
        "                idle_count, waited = 0, cell",
    ]
    if wait.timeout_ns:
        lines += [
            "            now = clock_ns(CLOCK_MONOTONIC, cells, own)",
            "            if since == 0:",
            "                since = now",
            f"            elif now - since >= {wait.timeout_ns}:",
            "                since = now",
        ]
        for number, member in enumerate(members):
            if member.timed_out is not None:
                function, names = member.timed_out
                local = f"next_{identifier(member.name)}"
                call = {"sequence": f"{local} - 1", **_owned(out, member)}
                lines += [
                    f"                store_release(cells, at_work, {number})",
                    f"                in_hand[0] = {local} - 1",
                    f"                {out.named(f'timeout_{identifier(member.name)}', function)}({_pass(names, call, member.name)})",
                ]
    if len(set((idle, gated, full))) == 1:
        lines.append(f"            idle_count = idle_turn({idle}, idle_count, cells, cell, own)")
    else:
        for test, numbers in (("if phase == 0", idle), ("elif phase == 1", gated), ("else", full)):
            lines += [f"            {test}:", f"                idle_count = idle_turn({numbers}, idle_count, cells, cell, own)"]
    lines += ["    store_release(cells, at_work, -1)", "    return 0\n"]
    return "\n".join(lines)


def _within(timeout_ns: int, phase: Wait) -> list[int]:
    """Return a phase's numbers, with no park longer than the timeout."""
    return (attrs.evolve(phase, park_ns=min(phase.park_ns, timeout_ns)) if timeout_ns else phase).numbers()


def _member(out: _Text, member: MemberText, number: int) -> None:
    local = identifier(member.name)
    following, mask = f"next_{local}", out.of.slots - 1
    sequence = out.word(f"sequence_{local}", member.sequence)
    out.bind(following, f"load_acquire(cells, {sequence}) + 1")
    if member.rewind is not None:
        out.bind(f"attempts_{local}", "0")
    out.line(2, f"# {member.name}")
    _available(out, member, following)
    if member.started is not None or member.limit or member.outputs:
        out.line(2, f"if available >= {following}:")
    if member.started is not None:
        out.line(3, f"depth = available - {following} + 1")
    if member.limit:
        out.line(3, f"if available - {following} >= {member.limit}:")
        out.line(4, f"available = {following} + {member.limit - 1}")
    for output in member.outputs:
        _room(out, output, following, local)
    out.line(2, f"if available >= {following}:")
    out.line(3, f"first = {following}")
    out.line(3, f"store_release(cells, at_work, {number})")
    if member.started is not None:
        function, names = member.started
        out.line(3, f"in_hand[0] = {following}")
        call = {"batch_size": f"available - {following} + 1", "queue_depth": "depth", **_owned(out, member)}
        out.line(3, f"{out.named(f'batch_{local}', function)}({_pass(names, call, member.name)})")
    if member.rewind is not None:
        out.line(3, "again = 0")
    if member.measured.size:
        out.line(3, f"published = {out.array('stamps', out.of.stamps)}[first & {mask}]")
        out.line(3, "began = timestamp()")
    out.line(3, f"while {following} <= available:")
    out.line(4, f"start = {following} & {mask}")  # the records from here to the ring's end lie side by side
    out.line(4, f"offset = {following} - start")
    out.line(4, f"for slot in range(start, min(available - offset + 1, {out.of.slots})):")
    out.line(5, "in_hand[0] = offset + slot")
    if member.notes:
        out.line(5, "store_release(cells, noted, offset + slot)")
    depth = 5
    if out.of.multi:
        out.line(5, f"if was_given_up(cells, base, {out.marks}, offset + slot):")
        out.line(6, "continue")
    call = {
        "event": f"{out.records}[slot]", "sequence": "offset + slot", "end_of_batch": "offset + slot == available",
        "release": f"(cells, {sequence}, progress_cell, parks)", **_owned(out, member), **_ports(out, member),
    }
    for output in member.outputs:  # what this record claims begins here: it is taken back when the record fails
        port = _port(out, output)
        out.line(depth, f"{port}.cell['payload_next'] = {port}.cell['next']")
    out.line(depth, f"status = status_of({out.named(f'on_{local}', member.function)}({_pass(member.arguments, call, member.name)}))")
    out.line(depth, "if status < 0:")
    if member.rewind is None:
        out.line(depth + 1, "return status")
    else:
        _rewind(out, member, local, depth + 1)
    out.line(4, f"{following} = min(available, {following} | {mask}) + 1")
    if member.rewind is not None:
        out.line(4, "if again != 0:")
        out.line(5, "break")
        out.line(3, "if again != 0:")
        out.line(4, f"{following} = first")
        out.line(4, "worked += 1")
        out.line(3, "else:")
        out.line(4, f"attempts_{local} = 0")
        _advance(out, member, sequence, following, 4)
    else:
        _advance(out, member, sequence, following, 3)


def _available(out: _Text, member: MemberText, following: str) -> None:
    """Set `available`, and what to wait for when it is not enough."""
    if not member.upstream:
        out.line(2, f"available = published_upto(cells, base, {out.marks}, {following})")
        return
    local = identifier(member.name)
    words = [out.word(f"upstream_{local}_{i}", w) for i, w in enumerate(member.upstream)]
    out.line(2, f"available = load_acquire(cells, {words[0]})")
    for word in words[1:]:
        out.line(2, f"upstream = load_acquire(cells, {word})")
        out.line(2, "if upstream < available:")
        out.line(3, "available = upstream")
    out.line(2, f"if available < {following} and published_upto(cells, base, {out.marks}, {following}) >= {following}:")
    out.line(3, "phase, cell = 1, progress_cell")


def _room(out: _Text, output: OutputText, following: str, local: str) -> None:
    """Take no more records than their outputs have room for."""
    port = _port(out, output)
    base = out.word(f"base_{local}_{output.argument}", output.base)
    out.line(3, f"room = claim_room(cells, {base}, {port}, {output.most} * (available - {following} + 1)) // {output.most}")
    out.line(3, f"if available - {following} >= room:")
    out.line(4, f"available = {following} + room - 1")
    out.line(3, "if room == 0:")
    out.line(4, f"phase, cell = 2, {base} + {PROGRESS}")


def _rewind(out: _Text, member: MemberText, local: str, depth: int) -> None:
    most, pause_ns = member.rewind or (0, 0)
    limit = f" and attempts_{local} < {most}" if most else ""
    out.line(depth, f"attempts_{local} += 1")
    out.line(depth, f"if status == {REWIND}{limit}:")
    if pause_ns:
        out.line(depth + 1, f"nap_ns({pause_ns}, cells, own)")
    for output in member.outputs:
        port = _port(out, output)
        out.line(depth + 1, f"{port}.cell['next'] = {port}.cell['published'] + 1")
    out.line(depth + 1, "again = 1")
    out.line(depth + 1, "break")
    out.line(depth, "return status")


def _advance(out: _Text, member: MemberText, sequence: str, following: str, depth: int) -> None:
    if member.measured.size:
        measured = out.array(f"{identifier(member.name)}_measured", member.measured)
        out.line(depth, f"measure_batch({measured}, published, began, {following} - first)")
    for output in member.outputs:
        base = f"base_{identifier(member.name)}_{output.argument}"
        marks = out.array(f"{output.argument}_marks", output.marks)
        if output.stamps.size:
            port, stamps = _port(out, output), out.array(f"{output.argument}_stamps", output.stamps)
            out.line(depth, f"stamp_range({stamps}, {port}.cell['published'] + 1, {port}.cell['next'] - 1)")
        out.line(depth, f"publish_port(cells, {base}, {marks}, {_port(out, output)})")
    out.line(depth, f"store_release(cells, {sequence}, {following} - 1)")
    out.line(depth, "if cells[parks] != 0:")
    out.line(depth + 1, "wake(cells, progress_cell)")
    out.line(depth, f"worked += {following} - first")


def _worker(out: _Text, member: MemberText, number: int) -> None:
    """Take one record after the other from the pool's shared sequence. A record that was taken is finished first."""
    local, mask = identifier(member.name), out.of.slots - 1
    sequence = out.word(f"sequence_{local}", member.sequence)
    held = out.word(f"held_{local}", member.held)
    work = out.word(f"work_{local}", member.work)
    taken = f"taken_{local}"
    out.bind(taken, f"cells[{held}] - 1")
    out.line(2, f"# {member.name}, a worker")
    out.line(2, f"stood_{local} = load_acquire(cells, {sequence})")
    out.line(2, f"for _ in range({WORKER_BATCH}):")
    out.line(3, f"if {taken} < 0:")
    out.line(4, f"before = load_acquire(cells, {work})")
    out.line(4, f"store_release(cells, {sequence}, before)")
    out.line(4, f"if not compare_exchange(cells, {work}, before, before + 1):")
    out.line(5, "continue")
    out.line(4, f"{taken} = before + 1")
    out.line(4, f"cells[{held}] = {taken} + 1")
    inner = len(out.body)
    _available(out, member, taken)
    out.body[inner:] = ["    " + line for line in out.body[inner:]]
    out.line(3, f"if available < {taken}:")
    out.line(4, "break")
    out.line(3, f"store_release(cells, at_work, {number})")
    out.line(3, f"in_hand[0] = {taken}")
    if member.notes:
        out.line(3, f"store_release(cells, noted, {taken})")
    if member.measured.size:
        out.line(3, f"published = {out.array('stamps', out.of.stamps)}[{taken} & {mask}]")
        out.line(3, "began = timestamp()")
    depth = 3
    if out.of.multi:
        out.line(3, f"if not was_given_up(cells, base, {out.marks}, {taken}):")
        depth = 4
    call = {
        "event": f"{out.records}[{taken} & {mask}]", "sequence": taken, "end_of_batch": "True",
        "release": f"(cells, {sequence}, progress_cell, parks)", **_owned(out, member),
    }
    out.line(depth, f"status = status_of({out.named(f'on_{local}', member.function)}({_pass(member.arguments, call, member.name)}))")
    out.line(depth, "if status < 0:")
    out.line(depth + 1, "return status")
    if member.measured.size:
        out.line(3, f"measure_batch({out.array(f'{local}_measured', member.measured)}, published, began, 1)")
    out.line(3, f"store_release(cells, {sequence}, {taken})")
    out.line(3, f"cells[{held}] = 0")
    out.line(3, f"{taken} = -1")
    out.line(3, "worked += 1")
    out.line(2, f"if load_acquire(cells, {sequence}) != stood_{local} and cells[parks] != 0:  # moved on, be it without a record of its own")
    out.line(3, "wake(cells, progress_cell)")


def _owned(out: _Text, member: MemberText) -> dict[str, str]:
    """Return the expressions for what the member owns."""
    local = identifier(member.name)
    return {
        name: out.value(f"{local}_{name}", array, record=len(array) == 1 and array.dtype.names is not None)
        for name, array in member.bindings.items()
    }


def _ports(out: _Text, member: MemberText) -> dict[str, str]:
    return {output.argument: _port(out, output) for output in member.outputs}


def _port(out: _Text, output: OutputText) -> str:
    records = out.array(f"{output.argument}_records", output.records)
    cell = out.array(f"{output.argument}_port", output.port)
    name = f"port_{cell}"
    out.bind(name, f"Port({records}, None, {cell}[0])")
    return name


def _pass(names: tuple[str, ...], call: dict[str, str], member: str) -> str:
    for name in names:
        if name not in call:
            known = ", ".join(sorted(call))
            raise CompileError(member, f"nothing in the graph is called '{name}'; known here: {known}")
    return ", ".join(call[n] for n in names)


def _without(arguments: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {k: v for k, v in arguments.items() if k != name}
