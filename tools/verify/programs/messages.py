"""Programs of bytes: messages in a ring of bytes, and a broadcast that laps its receiver."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tools.verify.machine import Broken, Machine
from tools.verify.schedule import Program

__all__ = ["broadcast", "byte_messages", "bytes_unblocked"]


def byte_messages(producers: int, each: int, capacity: int = 64) -> Any:
    """Producers that write messages of two words; a reader that gives back after each."""

    def make(lib: Any, machine: Machine) -> Program:
        port = byte_port(lib, machine, capacity)
        port.cells[lib.byte_producer.MANY] = int(producers > 1)
        total = producers * each
        got: list[int] = []

        def writes(first: int) -> None:
            for value in range(first, first + each):
                while lib.byte_producer.bytes_write(port, [value, value], 0, 16, 1 + value) < 0:
                    machine.pause()

        def reads() -> None:
            while len(got) < total:
                type_id, index, length = lib.byte_consumer.bytes_next(port)
                if type_id < 0:
                    machine.pause()
                    continue
                place = index // 8
                body = [port.words[(place + i)] for i in range(length // 8)]
                if length != 16 or body != [type_id - 1] * 2:
                    raise Broken(f"message {type_id} holds {body}, {length} bytes")
                got.append(type_id - 1)
                lib.byte_consumer.bytes_release(port)

        def check() -> None:
            if sorted(got) != list(range(total)):
                raise Broken(f"the reader has got {got}")
            for i in range(producers):
                mine = [v for v in got if v // each == i]
                if mine != sorted(mine):
                    raise Broken(f"producer {i}'s messages come as {mine}")

        tasks = [(f"producer {i}", lambda i=i: writes(i * each)) for i in range(producers)]
        return Program([*tasks, ("reader", reads)], check)

    return make


def bytes_unblocked(lib: Any, machine: Machine) -> Program:
    """A producer of many dies with an open claim; the reader turns it into padding; another writes on."""
    port = byte_port(lib, machine, 64)
    port.cells[lib.byte_producer.MANY] = 1
    got: list[int] = []
    dead: list[int] = []

    def dies() -> None:
        dead.append(lib.byte_producer.bytes_claim(port, 8, 9))
        machine.changed()

    def writes() -> None:
        for value in range(2):
            while lib.byte_producer.bytes_write(port, [value], 0, 8, 1 + value) < 0:
                machine.pause()

    def reads() -> None:
        while len(got) < 2 or not dead or dead[0] >= 0:
            type_id, index, length = lib.byte_consumer.bytes_next(port)
            if type_id >= 0:
                if port.words[index // 8] != type_id - 1 or length != 8:
                    raise Broken(f"message {type_id} is not whole")
                got.append(type_id - 1)
                lib.byte_consumer.bytes_release(port)
            elif dead and dead[0] > 0 and int(port.cells[lib.byte_producer.HEAD]) & 63 == dead[0] - 8:
                if lib.byte_consumer.bytes_unblock(port):  # else it saw an older tail: again
                    dead[0] = -1
                else:
                    machine.pause()
            else:
                machine.pause()

    def check() -> None:
        if got != [0, 1]:
            raise Broken(f"the reader has got {got}")

    return Program([("mortal", dies), ("producer", writes), ("reader", reads)], check)


def byte_port(lib: Any, machine: Machine, capacity: int) -> Any:
    layout = lib.byte_layout
    words, cells = machine.array(capacity // 8, data=True, mirrored=True), machine.array(112)
    for name in ("TAIL", "HEAD_SEEN", "HEAD"):
        machine.name(cells, getattr(lib.byte_producer, name), name)
    for i in range(capacity // 8):
        machine.name(words, i, f"byte {8 * i}")
    cells[layout.CAPACITY], cells[layout.MASK], cells[layout.MAX_LENGTH] = capacity, capacity - 1, capacity - 16
    return SimpleNamespace(bytes=words, words=words, cells=cells)


def broadcast(lib: Any, machine: Machine) -> Program:
    """A sender laps a receiver; what the receiver takes for whole is."""
    cast, layout = lib.broadcast, lib.byte_layout
    words, cells = machine.array(4, mirrored=True), machine.array(112)
    for name in ("INTENT", "TAIL", "LATEST"):
        machine.name(cells, getattr(cast, name), name)
    cells[layout.CAPACITY], cells[layout.MASK], cells[layout.MAX_LENGTH] = 32, 31, 8
    port, state = SimpleNamespace(bytes=words, words=words, cells=cells), [0] * 16
    got: list[int] = []

    def sends() -> None:
        for value in range(3):
            cast.broadcast_send(port, [value + 1], 0, 8, value + 1)

    def receives() -> None:
        for _ in range(2):
            type_id, index, _ = cast.broadcast_next(port, state)
            if type_id < 0:
                continue
            body = words[index // 8]
            if cast.broadcast_valid(port, state):
                if body != type_id:
                    raise Broken(f"message {type_id} with {body} in it counts as whole")
                got.append(type_id)

    def check() -> None:
        if got != sorted(set(got)):
            raise Broken(f"the receiver has got {got}")

    return Program([("sender", sends), ("receiver", receives)], check)
