"""From the `use:` of a topology to the object it names. Nothing is imported before it is used.

    book, strategy.market_maker      short names: the table below, then entry points of the group `hydraflow.handlers`
                                     (sources: `hydraflow.sources`, records of rings: `hydraflow.records`)
    my_package.my_module:on_event    anything importable
    ./my_handlers.py:on_event        a file beside the topology, loaded by its location as `hydraflow_user.<hash>.my_handlers`,
                                     so that a user's `handlers/` folder never shadows ours; `from . import sibling` works
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from hydraflow.loading import ComponentError, load_file, load_module

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Component", "ComponentError", "Entry", "HANDLERS", "Registry", "SOURCES", "default_name"]

_GROUPS = {"handler": "hydraflow.handlers", "source": "hydraflow.sources", "record": "hydraflow.records"}


@attrs.frozen
class Entry:
    """A short name. target : module:attribute; on, inlets, into : rings that a stage uses when the file does not say.

    distribution, version : of the installed package that offers it; "" for those of the tables above.
    Of a source, so that it need not be imported for it: feed : a thread of its own brings the frames; live : at their pace.
    """

    target: str
    on: str = "main"
    inlets: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
    distribution: str = ""
    version: str = ""
    feed: bool = False
    live: bool = False


HANDLERS = {
    "book": Entry("handlers.book:book"),
    "deserialize.binance": Entry("handlers.deserialize.binance:on_event", on="frames", into=("decoded",)),
    "journal": Entry("handlers.journal:on_event"),
    "mev": Entry("handlers.mev:mev"),
    "paper": Entry("hydraflow.egress.paper:paper", inlets=("egress",), into=("feedback",)),
    "probe": Entry("handlers.probe:probe"),
    "risk": Entry("handlers.risk:on_event"),
    "route": Entry("handlers.route:route"),
    "strategy.market_maker": Entry("handlers.strategy.market_maker:on_event"),
    "wire": Entry("handlers.wire:wire", into=("egress",)),
}
SOURCES = {
    "capture": Entry("hydraflow.ingress.capture.step:capture", into=("frames",), feed=True),
    "recording": Entry("hydraflow.ingress.playback:recording"),
    "simulator": Entry("hydraflow.ingress.simulator.source:simulator", into=("frames",)),
    "websocket": Entry("hydraflow.ingress.websocket:websocket", into=("frames",), feed=True, live=True),
}


@attrs.frozen(kw_only=True)
class Component:
    """What a `use:` resolved to. handler : a disruptor Handler (a hydraflow Source is one too).

    entry : the table's entry, or None for a user's own.
    """

    use: str
    kind: str
    module: str
    attribute: str
    handler: Any
    entry: Entry | None = None

    @property
    def params(self) -> type | None:
        """The attrs class of its parameters, or None."""
        return self.handler.params

    @property
    def ours(self) -> bool:
        """Whether it is part of the engine, which connects more to it than the topology offers to others."""
        return self.entry is not None and not self.entry.distribution


def default_name(use: str) -> str:
    """Return the name of a stage that has none: "deserialize" of deserialize.binance, the attribute of module:attribute."""
    if ":" in use:
        return use.rpartition(":")[2]
    return use.partition(".")[0]


class Registry:
    """Short names and how they resolve. Tables can be replaced in tests; entry points are read when first needed."""

    def __init__(
        self,
        handlers: Mapping[str, Entry] = HANDLERS,
        sources: Mapping[str, Entry] = SOURCES,
        *,
        entry_points: bool = True,
    ) -> None:
        self._tables: dict[str, dict[str, Entry]] = {"handler": dict(handlers), "source": dict(sources), "record": {}}
        self._entry_points = entry_points
        self._installed: dict[str, list[tuple[str, Entry]]] = {}

    def entry(self, kind: str, use: str) -> Entry | None:
        """Return the entry of a short name, without importing it; ours come before installed ones. A place (`module:name`) has none."""
        known = self._tables[kind].get(use)
        return known if known or ":" in use else self._from_entry_points(kind).get(use)

    def knows(self, kind: str, use: str) -> bool:
        """Whether `use` is a short name, or names a module or file, which may be there. Nothing is imported."""
        return ":" in use or self.entry(kind, use) is not None

    def names(self, kind: str) -> list[str]:
        """Return every short name of this kind ("handler", "source" or "record")."""
        return sorted({*self._tables[kind], *self._from_entry_points(kind)})

    def offers(self, kind: str) -> list[tuple[str, Entry]]:
        """Return every short name with what it stands for, nothing imported; of a name that occurs twice the first counts."""
        return [*self._tables[kind].items(), *self._points(kind)]

    def resolve(self, kind: str, use: str, folder: str | Path = ".") -> Component:
        """Import what `use` names. folder : of the topology file. Raises: ComponentError."""
        entry = self.entry(kind, use)
        try:
            return self.load(kind, use, entry, folder)
        except ComponentError as error:
            if entry is None or not entry.distribution:
                raise
            origin = f"'{use}' is offered by {entry.distribution} {entry.version} as {entry.target}"
            raise ComponentError(error.code, str(error), close=error.close, notes=(*error.notes, origin)) from error

    def load(self, kind: str, use: str, entry: Entry | None, folder: str | Path = ".") -> Component:
        """Import what an entry, or `use` itself, names. Raises: ComponentError."""
        module, attribute, thing, target = self._found(kind, use, entry, folder)
        return Component(use=use, kind=kind, module=module.__name__, attribute=attribute,
                         handler=_as_component(kind, thing, target), entry=entry)

    def record(self, use: str, folder: str | Path = ".") -> Any:
        """Return the record dtype that a ring's `record:` names. Raises: ComponentError."""
        return self.record_of(use, self.entry("record", use), folder)

    def record_of(self, use: str, entry: Entry | None, folder: str | Path = ".") -> Any:
        """Return the record dtype that an entry, or `use` itself, names. Raises: ComponentError."""
        import numpy as np

        from disruptor.errors import LayoutError
        from disruptor.layout import record_dtype

        *_, thing, target = self._found("record", use, entry, folder)
        if not isinstance(thing, (list, tuple, dict, np.dtype)):
            raise ComponentError("HF561", f"'{target}' is no record: {_kind_of(thing)}", notes=(_RECORD_FORM,))
        try:
            return record_dtype(thing, name=f"'{target}'")
        except LayoutError as error:
            raise ComponentError("HF561", f"no record of a ring: {error}", notes=(_RECORD_FORM,)) from error

    def _found(self, kind: str, use: str, entry: Entry | None, folder: str | Path) -> tuple[types.ModuleType, str, Any, str]:
        """Return module, attribute, what stands there, and the text that names it. Raises: ComponentError."""
        target = entry.target if entry else use
        where, colon, attribute = target.rpartition(":")
        if not colon or not where or not attribute:
            if entry:
                raise ComponentError("HF303", f"the entry point '{use}' says '{target}', which is not module:name",
                                     notes=(f"{entry.distribution}: write {use} = \"package.module:name\" below its entry points",))
            self._refuse_name(kind, use)
        if where.endswith(".py"):
            module = load_file(Path(folder, where), use)
        elif re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", where):
            module = load_module(where, use)
        else:
            raise ComponentError("HF301", f"'{where}' is neither a module nor a .py file")
        thing = vars(module).get(attribute)
        if thing is None:
            known = tuple(n for n in vars(module) if not n.startswith("_"))
            code, notes = ("HF560", ()) if kind == "record" else ("HF303", (_defined(module, where, kind),))
            raise ComponentError(code, f"'{where}' has no '{attribute}'", close=known, notes=notes)
        return module, attribute, thing, target

    def _refuse_name(self, kind: str, use: str) -> None:
        other = "source" if kind == "handler" else "handler"
        notes = [f"known: {', '.join(self.names(kind))}", f"a {kind} of your own: package.module:name or ./file.py:name"]
        if self.entry(other, use):
            notes.insert(0, f"'{use}' is a {other}")
        raise ComponentError("HF301", f"no {kind} is called '{use}'", close=tuple(self.names(kind)), notes=tuple(notes))

    def _from_entry_points(self, kind: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for name, entry in self._points(kind):
            found.setdefault(name, entry)
        return found

    def _points(self, kind: str) -> list[tuple[str, Entry]]:
        if not self._entry_points:
            return []
        if kind not in self._installed:
            import importlib.metadata  # a dozen modules: only for what the table does not know

            points = importlib.metadata.entry_points(group=_GROUPS[kind])
            self._installed[kind] = [(point.name, _entry_of(point)) for point in points]
        return self._installed[kind]


def _entry_of(point: EntryPoint) -> Entry:
    target = point.value.partition("[")[0].replace(" ", "")  # `pkg.mod:name [extra]`: extras say what to install
    return Entry(target, distribution=point.dist.name if point.dist else "unknown",
                 version=point.dist.version if point.dist else "")


_RECORD_FORM = 'a record is a list of fields, READING = [("station", "i8"), ("celsius", "f8")], or a structured numpy dtype'


_HANDLER = "a handler is a function, def NAME(event, state): …, declared with @handler(state=[(\"count\", \"i8\")]) where it keeps something"
_SOURCE = "a source is a generator function, def NAME(count: int): yield (1, 2.5), with parameters that have types or defaults"
_SHOWN_MOST = 12


def _defined(module: types.ModuleType, where: str, kind: str) -> str:
    """Return which functions a module has that could be meant."""
    own = [n for n, thing in vars(module).items() if not n.startswith("_") and callable(thing) and not isinstance(thing, type)
           and getattr(getattr(thing, "function", getattr(thing, "step", thing)), "__module__", "") == module.__name__]
    more = f" and {len(own) - _SHOWN_MOST} more" if len(own) > _SHOWN_MOST else ""
    return f"functions there: {', '.join(own[:_SHOWN_MOST])}{more}" if own else f"'{where}' defines no function: write the {kind} there, or name another file"


def _kind_of(thing: Any) -> str:
    if isinstance(thing, type):
        return f"a class, {thing.__name__}"
    return "a function" if callable(thing) else f"of type {type(thing).__name__}"


def _as_component(kind: str, thing: Any, target: str) -> Any:
    from disruptor.errors import LayoutError
    from disruptor.handler import Handler, as_handler  # numpy; not at the top: see the module's docstring

    if kind == "source" and inspect.isgeneratorfunction(thing):
        thing = _as_generator(thing, target)
    is_source = isinstance(thing, Handler) and hasattr(thing, "virtual")
    if kind == "source" and not is_source:
        raise ComponentError("HF303", f"'{target}' is not a source", notes=(
            "a source is a generator function (it yields records), or a step declared with hydraflow.ingress.base.source",))
    if kind == "handler" and inspect.isgeneratorfunction(thing):
        raise ComponentError("HF303", f"'{target}' is a generator, which is a source, not a handler",
                             notes=("a handler returns nothing, or a status code; name a generator under sources:",))
    if kind == "handler" and isinstance(thing, types.FunctionType):
        try:
            thing = as_handler(thing)
        except LayoutError as error:
            raise ComponentError("HF303", f"'{target}' cannot be a handler: {error}", notes=(_HANDLER,)) from error
    elif kind == "handler" and (is_source or not isinstance(thing, Handler)):
        what = "a source" if is_source else f"of type {type(thing).__name__}"
        raise ComponentError("HF303", f"'{target}' is {what}, not a handler",
                             notes=("a handler is a function, or one declared with disruptor.handler",))
    _check_params(thing.params, target)
    return thing


def _as_generator(thing: Any, target: str) -> Any:
    from disruptor.errors import LayoutError
    from hydraflow.ingress.base import source

    try:
        return source(thing)
    except LayoutError as error:
        raise ComponentError("HF303", f"'{target}' cannot be a source: {error}", notes=(_SOURCE,)) from error


def _check_params(params: Any, target: str) -> None:
    """Refuse a declaration of parameters that cannot be read. Raises: ComponentError HF303."""
    if params is None:
        return
    if not (isinstance(params, type) and attrs.has(params)):
        what = params.__name__ if isinstance(params, type) else f"a {type(params).__name__}"
        raise ComponentError("HF303", f"the params of '{target}' are no attrs class: {what}", notes=("declare it with @attrs.frozen",))
    try:
        attrs.resolve_types(params)
    except Exception as error:  # whatever the annotations of somebody else's class do
        raise ComponentError("HF303", f"the types of {params.__name__}, the params of '{target}', cannot be read: "
                             f"{type(error).__name__}: {error}", notes=("import them outside of `if TYPE_CHECKING:`",)) from error
