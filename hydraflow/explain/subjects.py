"""What can be asked, and who answers: a diagnostic, a handler or source, a record or ring, a key of the file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Any

from hydraflow.errors import ConfigurationError, UsageError
from hydraflow.registry import ComponentError, Registry
from hydraflow.topology.diagnose import did_you_mean
from hydraflow.topology.explain import EXPLANATIONS

__all__ = ["answer", "overview"]

_CODE = re.compile(r"(?i)(hf)?(\d{1,3})")
_KINDS = ("handler", "source")


def overview(registry: Registry | None = None) -> dict[str, Any]:
    """Return the names of everything that can be asked; nothing of it is imported."""
    from hydraflow.explain.key import key_names
    from hydraflow.explain.record import RECORDS
    from hydraflow.topology.spec import WELL_KNOWN_RINGS

    registry = registry or Registry()
    return {"kind": "overview", "handlers": registry.names("handler"), "sources": registry.names("source"),
            "keys": list(key_names()), "rings": list(WELL_KNOWN_RINGS), "records": list(RECORDS), "explanations": dict(EXPLANATIONS)}


def answer(what: str, registry: Registry | None = None, folder: str = ".") -> dict[str, Any]:
    """Return the page of what was asked. folder : from which ./file.py is meant.

    Raises: UsageError for what nothing is called; ConfigurationError for a handler that cannot be imported.
    """
    registry = registry or Registry()
    if what == "codes":
        return {"explanations": dict(EXPLANATIONS)}
    code = _CODE.fullmatch(what)
    if code:
        name = f"HF{code[2]:0>3}"
        if name not in EXPLANATIONS:
            raise UsageError(f"no diagnostic is called '{what}'", remedy="`hfx explain codes` lists all of them")
        from hydraflow.explain.mistake import explain_mistake

        return explain_mistake(name, EXPLANATIONS[name])
    page = _component(what, registry, folder) or _declared(what) or _parameter(what, registry)
    if page is None:
        _refuse(what, registry)
    assert page is not None
    return page


def _declared(what: str) -> dict[str, Any] | None:
    from hydraflow.explain.key import explain_key
    from hydraflow.explain.record import explain_record, explain_ring

    return explain_record(what) or explain_ring(what) or explain_key(what)


def _component(what: str, registry: Registry, folder: str) -> dict[str, Any] | None:
    kinds = [kind for kind in _KINDS if registry.entry(kind, what)]
    if not kinds and ":" not in what:
        return None
    from hydraflow.explain.component import explain_component

    if not kinds:
        with contextlib.suppress(ComponentError):
            from hydraflow.explain.record import explain_own

            return explain_own(what, registry.record(what, folder))
    return explain_component(_resolved(what, kinds or list(_KINDS), registry, folder))


def _parameter(what: str, registry: Registry) -> dict[str, Any] | None:
    """Return the page of `book.window_ticks`; a key with no such parameter is a mistake that names those there are."""
    from hydraflow.topology.keys import keys_of

    owner, _, name = what.rpartition(".")
    kinds = [kind for kind in _KINDS if registry.entry(kind, owner)]
    if not kinds or registry.entry("handler", what) or registry.entry("source", what):
        return None
    from hydraflow.explain.component import explain_parameter

    component = _resolved(owner, kinds, registry, ".")
    page = explain_parameter(component, name)
    if page is None:
        known = [key.name for key in keys_of(component.params)]
        raise UsageError(f"{kinds[0]} '{owner}' has no parameter '{name}'", remedy=_meant(name, known) or
                         (f"known: {', '.join(known)}" if known else "it takes none"))
    return page


def _resolved(use: str, kinds: list[str], registry: Registry, folder: str) -> Any:
    first: ComponentError | None = None
    for kind in kinds:
        try:
            return registry.resolve(kind, use, folder)
        except ComponentError as error:
            first = first or error
            if error.code != "HF303":
                break
    assert first is not None
    close = did_you_mean(use.rpartition(":")[2] if first.code == "HF303" else use, first.close)
    remedy = "; ".join([*([f"did you mean '{close}'?"] if close else []), *first.notes])
    raise ConfigurationError(str(first), where=f"{first.code}: {use}", remedy=remedy) from first


def _refuse(what: str, registry: Registry) -> None:
    from hydraflow.explain.record import RECORDS, fields_of

    known = overview(registry)
    names = [name for kind in ("handlers", "sources", "keys", "rings", "records") for name in known[kind]]
    names += [f"{record}.{field['name']}" for record in RECORDS for field in fields_of(record)]
    names += [*EXPLANATIONS, "codes"]
    last = {name.rpartition(".")[2]: name for name in reversed(names)}  # `after` for handlers.after
    close = what.rpartition(".")[2] if "." not in what else ""
    meant = _meant(what, names) or (f"did you mean '{last[near]}'?" if close and (near := did_you_mean(close, last)) else "")
    raise UsageError(f"nothing is called '{what}'", remedy=meant or "`hfx explain` lists what can be asked")


def _meant(name: str, known: Iterable[str]) -> str:
    close = did_you_mean(name, known)
    return f"did you mean '{close}'?" if close else ""
