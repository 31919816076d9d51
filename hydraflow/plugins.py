"""Every handler and source that `use:` knows by a short name, every record that `record:` does: where it comes from, and
whether it can be imported."""

from __future__ import annotations

import importlib.metadata

import attrs

from hydraflow.loading import ComponentError
from hydraflow.registry import Component, Entry, Registry

__all__ = ["Plugin", "installed"]

KINDS = ("handler", "source", "record")


@attrs.frozen(kw_only=True)
class Plugin:
    """One offer of a short name.

    distribution, version : of the package that offers it; shipped : that is this one.
    shadowed : another offer of the same name counts. component : what it is, None of a record, and when error says why it is not.
    """

    name: str
    kind: str
    target: str
    distribution: str
    version: str
    shipped: bool
    shadowed: bool = False
    component: Component | None = None
    error: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the JSON form (schema hfx.plugins/1)."""
        row = attrs.asdict(self, recurse=False, filter=attrs.filters.exclude("component"))
        return row | {"ok": not self.error}


def installed(registry: Registry | None = None) -> list[Plugin]:
    """Import everything that has a short name; handlers first, by name, the offer that counts before shadowed ones."""
    registry = registry or Registry()
    found = []
    for kind in KINDS:
        for name, entry in sorted(registry.offers(kind), key=lambda offer: offer[0]):
            found.append(_plugin(kind, name, entry, registry))
    return found


def _plugin(kind: str, name: str, entry: Entry, registry: Registry) -> Plugin:
    component, error = None, ""
    shadowed = registry.entry(kind, name) is not entry
    try:
        if kind == "record":
            registry.record_of(name, entry)
        else:
            component = registry.load(kind, name, entry)
    except ComponentError as failed:
        error = str(failed)
    return Plugin(
        name=name, kind=kind, target=entry.target, distribution=entry.distribution or "hydraflow-x",
        version=entry.version or (_our_version() if not entry.distribution else ""), shipped=not entry.distribution,
        shadowed=shadowed, component=component, error=error,
    )


def _our_version() -> str:
    try:
        return importlib.metadata.version("hydraflow-x")
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        from hydraflow import __version__

        return __version__
