"""Faults planted into compiled loops, which ThreadSanitizer must report: a clean run says little otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from disruptor.codegen import LoopSource
from tools.verify.race_threads import Thread

__all__ = ["PLANTS", "Plant"]


@attrs.frozen
class Plant:
    """A fault in one topology. in_text : changes a loop's Python text; in_ir : its LLVM text. of : whose loops, producers' or not.

    Raises (both): ValueError when a loop has nothing to change.
    """

    name: str
    topology: str
    produces: bool
    in_text: Callable[[str], str] | None = None
    in_ir: Callable[[str], str] | None = None

    def source(self, one: Thread) -> LoopSource:
        if self.in_text is None or one.produces != self.produces:
            return one.source
        return attrs.evolve(one.source, text=_changed(self.name, one.source.text, self.in_text))

    def ir(self, one: Thread, text: str) -> str:
        if self.in_ir is None or one.produces != self.produces:
            return text
        return _changed(self.name, text, self.in_ir)


def _changed(name: str, text: str, change: Callable[[str], str]) -> str:
    after = change(text)
    if after == text:
        raise ValueError(f"'{name}' changes nothing: the generated loop is another one now; renew tools/verify/race_plants.py")
    return after


def _publish_first(text: str) -> str:
    """A producer's loop that shows a record before it fills it."""
    store = "                    store_release(cells, cursor, offset + slot)\n"
    fill = re.search(r"^ +done = filled\(.*\)\n", text, re.MULTILINE)
    if store not in text or fill is None:
        return text
    return text.replace(store, "").replace(fill[0], store + fill[0])


def _ungated(text: str) -> str:
    """A producer's loop that does not wait for its consumers."""
    return text.replace("gate = lowest_gate(cells, gating)", "gate = following - 1")


def _relaxed(order: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"((?:store|load) atomic [^\n]*) {order}, ", r"\1 monotonic, ", text)


PLANTS = (
    Plant("publish before write", "pair", True, in_text=_publish_first),
    Plant("relaxed publication", "pair", True, in_ir=_relaxed("release")),
    Plant("relaxed look at what is published", "pair", False, in_ir=_relaxed("acquire")),
    Plant("relaxed marks", "producers", True, in_ir=_relaxed("release")),
    Plant("relaxed progress of handlers", "diamond", False, in_ir=_relaxed("release")),
    Plant("no gate", "pair", True, in_text=_ungated),
)
