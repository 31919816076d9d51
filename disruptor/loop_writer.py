"""Collects the lines of a generated loop, and the arguments it is called with.

Everything that differs between two graphs of the same shape is an argument (arrays by identity, words by `word`), never a
constant of the text, so that both share one compiled loop in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from disruptor.stage import DriverStage, HandlerStage, InletEnd, Output

__all__ = ["LoopWriter", "identifier"]

Stage = HandlerStage | DriverStage


def identifier(name: str) -> str:
    """Return `name` as part of a Python name: what cannot stand there as its code, so that no two names become one."""
    return "".join(c if c.isalnum() or c == "_" else f"_x{ord(c):x}_" for c in name.replace("_x", "_x5f_x"))


class LoopWriter:
    """Collects lines and arguments while a loop is written."""

    def __init__(self, cells: np.ndarray, histograms: np.ndarray) -> None:
        self.head: list[str] = []
        self.body: list[str] = []
        self.arguments: dict[str, np.ndarray] = {"cells": cells, "histograms": histograms}
        self.functions: dict[str, Any] = {}
        self._by_identity: dict[int, str] = {id(cells): "cells", id(histograms): "histograms"}
        self._bound: set[str] = set()

    def array(self, wanted: str, value: np.ndarray) -> str:
        """Return the argument name under which `value` is passed, adding it if it is new."""
        known = self._by_identity.get(id(value))
        if known is not None:
            return known
        name = wanted
        while name in self.arguments:
            name += "_"
        self.arguments[name] = value
        self._by_identity[id(value)] = name
        return name

    def value(self, wanted: str, value: Any, *, record: bool = False) -> str:
        """Return the expression for a binding: a number, an array (record : its only record), tuples one by one."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return repr(value)
        if isinstance(value, tuple):
            inner = ", ".join(self.value(f"{wanted}_{i}", v) for i, v in enumerate(value))
            return f"({inner},)"
        if isinstance(value, InletEnd):
            return self.inlet(value)
        name = self.array(wanted, value)
        if record:
            self.bind(f"{name}_record", f"{name}[0]")
            return f"{name}_record"
        return name

    def bind(self, name: str, expression: str) -> None:
        if name not in self._bound:
            self._bound.add(name)
            self.head.append(f"    {name} = {expression}")

    def port(self, output: Output) -> str:
        ring = output.end.ring
        name = f"port_{identifier(ring.name)}"
        records, payload, cell = self.ring(ring), self.payload(ring), self.array(f"{identifier(ring.name)}_port", ring.port)
        self.bind(name, f"Port({records}, {payload}, {cell}[0])")
        return name

    def inlet(self, inlet: InletEnd) -> str:
        ring = inlet.end.ring
        cell = self.array(f"inlet_{identifier(ring.name)}_cell", inlet.cell)
        name = f"{cell}_end"
        self.bind(name, f"Inlet({self.ring(ring)}, {self.payload(ring)}, {cell}[0])")
        return name

    def ring(self, ring: Any) -> str:
        return self.array(f"{identifier(ring.name)}_records", ring.records)

    def payload(self, ring: Any) -> str:
        return self.array(f"{identifier(ring.name)}_payload", ring.payload)

    def stamps(self, ring: Any) -> str:
        return self.array(f"{identifier(ring.name)}_stamps", ring.stamps)

    def function(self, stage: Stage) -> str:
        return self.named(f"on_{identifier(stage.name)}", stage.function)

    def named(self, name: str, function: Any) -> str:
        self.functions[name] = function
        return name

    def line(self, depth: int, text: str) -> None:
        self.body.append("    " * depth + text)
