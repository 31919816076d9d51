"""From the `use:` of a topology to the object it names. Nothing is imported before it is used.

    book, strategy.market_maker      short names: the table below, then entry points of the group `hydraflow.handlers`
                                     (sources: `hydraflow.sources`)
    my_package.my_module:on_event    anything importable
    ./my_handlers.py:on_event        a file beside the topology, loaded by its location as `hydraflow_user.<hash>.my_handlers`,
                                     so that a user's `handlers/` folder never shadows ours; `from . import sibling` works
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

__all__ = ["Component", "ComponentError", "Entry", "HANDLERS", "Registry", "SOURCES", "default_name"]

USER_NAMESPACE = "hydraflow_user"
_GROUPS = {"handler": "hydraflow.handlers", "source": "hydraflow.sources"}


@attrs.frozen
class Entry:
    """A short name. target : module:attribute; on, inlets, into : rings that a stage uses when the file does not say.

    Of a source, so that it need not be imported for it: feed : a thread of its own brings the frames; live : at their pace.
    """

    target: str
    on: str = "main"
    inlets: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
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


class ComponentError(Exception):
    """A `use:` that cannot be resolved. code : HF301 unknown, HF302 import failed, HF303 not a component.

    close : names for "did you mean"; notes : further lines.
    """

    def __init__(self, code: str, message: str, *, close: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.close = close
        self.notes = notes


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
        self._tables = {"handler": dict(handlers), "source": dict(sources)}
        self._entry_points = entry_points
        self._installed: dict[str, dict[str, Entry]] = {}

    def entry(self, kind: str, use: str) -> Entry | None:
        """Return the entry of a short name, without importing it; ours come before installed ones."""
        return self._tables[kind].get(use) or self._from_entry_points(kind).get(use)

    def names(self, kind: str) -> list[str]:
        """Return every short name of this kind ("handler" or "source")."""
        return sorted({*self._tables[kind], *self._from_entry_points(kind)})

    def resolve(self, kind: str, use: str, folder: str | Path = ".") -> Component:
        """Import what `use` names. folder : of the topology file. Raises: ComponentError."""
        entry = self.entry(kind, use)
        target = entry.target if entry else use
        where, colon, attribute = target.rpartition(":")
        if not colon or not where or not attribute:
            self._refuse_name(kind, use)
        if where.endswith(".py"):
            module = _load_file(Path(folder, where), use)
        elif re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", where):
            module = _import(where, use)
        else:
            raise ComponentError("HF301", f"'{where}' is neither a module nor a .py file")
        thing = getattr(module, attribute, None)
        if thing is None:
            known = tuple(n for n in vars(module) if not n.startswith("_"))
            raise ComponentError("HF303", f"'{where}' has no '{attribute}'", close=known)
        return Component(use=use, kind=kind, module=module.__name__, attribute=attribute,
                         handler=_as_component(kind, thing, target), entry=entry)

    def _refuse_name(self, kind: str, use: str) -> None:
        other = "source" if kind == "handler" else "handler"
        notes = [f"known: {', '.join(self.names(kind))}", f"a {kind} of your own: package.module:name or ./file.py:name"]
        if self.entry(other, use):
            notes.insert(0, f"'{use}' is a {other}")
        raise ComponentError("HF301", f"no {kind} is called '{use}'", close=tuple(self.names(kind)), notes=tuple(notes))

    def _from_entry_points(self, kind: str) -> dict[str, Entry]:
        if not self._entry_points:
            return {}
        if kind not in self._installed:
            found = importlib.metadata.entry_points(group=_GROUPS[kind])
            self._installed[kind] = {point.name: Entry(point.value) for point in found}
        return self._installed[kind]


def _as_component(kind: str, thing: Any, target: str) -> Any:
    from disruptor.handler import Handler, as_handler  # numpy; not at the top: see the module's docstring

    if kind == "source":
        if isinstance(thing, Handler) and hasattr(thing, "virtual"):
            return thing
        raise ComponentError("HF303", f"'{target}' is not a source", notes=("declare it with hydraflow.ingress.base.source",))
    if isinstance(thing, Handler) and not hasattr(thing, "virtual"):
        return thing
    if isinstance(thing, types.FunctionType):
        return as_handler(thing)
    what = "a source" if hasattr(thing, "virtual") else f"of type {type(thing).__name__}"
    raise ComponentError("HF303", f"'{target}' is {what}, not a handler",
                         notes=("a handler is a function, or one declared with disruptor.handler",))


def _import(name: str, use: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name != missing and not name.startswith(f"{missing}."):
            raise _failed(name, error) from error
        notes = () if missing.startswith(("handlers", "hydraflow")) else (
            f"a file beside the topology is used by ./{name.rpartition('.')[2]}.py:{use.rpartition(':')[2]}",)
        raise ComponentError("HF302", f"there is no module '{missing}'", notes=notes) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error


def _load_file(path: Path, use: str) -> types.ModuleType:
    try:
        content = path.read_bytes()
    except OSError as error:
        siblings = tuple(f"./{p.name}:{use.rpartition(':')[2]}" for p in sorted(path.parent.glob("*.py"))[:200])
        raise ComponentError("HF302", f"cannot read '{path}': {error.strerror}", close=siblings) from error
    folder = path.resolve().parent
    package = f"{USER_NAMESPACE}.h{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    _ensure_package(USER_NAMESPACE, [])
    _ensure_package(package, [str(folder)])
    name = f"{package}.{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    fingerprint = hashlib.sha256(content).hexdigest()
    present = sys.modules.get(name)
    if present is not None and getattr(present, "__hydraflow_fingerprint__", "") == fingerprint:
        return present
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ComponentError("HF302", f"cannot load '{path}'")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _failed(str(path), error, path.resolve()) from error
    module.__hydraflow_fingerprint__ = fingerprint  # type: ignore[attr-defined]
    return module


def _ensure_package(name: str, path: list[str]) -> None:
    if name not in sys.modules:
        package = types.ModuleType(name, "Modules that were loaded by their location, as topologies ask for.")
        package.__path__ = path
        sys.modules[name] = package


def _failed(what: str, error: BaseException, path: Path | None = None) -> ComponentError:
    reason = next(iter(str(error).splitlines()), "")
    line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 0
    trace = error.__traceback__
    while path is not None and trace is not None and not isinstance(error, SyntaxError):
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    place = f" (line {line})" if line else ""
    return ComponentError("HF302", f"importing '{what}' failed{place}: {type(error).__name__}: {reason}")
