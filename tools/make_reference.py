"""Writes the generated parts of docs/: tables that are declared in the code and must not be told twice.

    python -m tools.make_reference            rewrite what has changed
    python -m tools.make_reference --check    exit 1 when something would change

A generated part stands between `<!-- generated: NAME ARGUMENT -->` and `<!-- end -->`. Text outside is written by hand.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from tools.api_reference import section
from tools.make_pictures import PICTURES, draw

ROOT = Path(__file__).resolve().parents[1]
_PART = re.compile(r"(<!-- generated: (\S+)(?: (\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)
_FIELD = re.compile(r'^\s*\("(\w+)", [^#\n]*#\s*(.+)$', re.MULTILINE)
_TYPES = {"str": "text", "int": "number", "float": "number", "bool": "true, false"}


def render(text: str) -> str:
    """Return a document with its generated parts made anew. Raises: KeyError for a part that nobody makes."""
    return _PART.sub(lambda m: f"{m[1]}\n{PARTS[m[2]](*([m[3]] if m[3] else []))}\n\n{m[4]}", text)


def outdated(folder: Path = ROOT) -> dict[Path, str]:
    """Return {document: what it should say} of those that say something else."""
    documents = [*sorted((folder / "docs").rglob("*.md")), folder / "README.md"]
    wanted = {path: render(path.read_text(encoding="utf-8")) for path in documents}
    wanted |= {folder / "docs/library/pictures" / f"{name}.svg": draw(picture) for name, picture in PICTURES.items()}
    return {path: text for path, text in wanted.items() if not path.exists() or text != path.read_text(encoding="utf-8")}


def keys(name: str) -> str:
    """The keys of one class of hydraflow.topology.spec."""
    from hydraflow.topology import spec

    rows = []
    for field in attrs.fields(attrs.resolve_types(getattr(spec, name))):
        if not field.metadata.get("internal"):
            rows.append((f"`{spec.key_of(field)}`", _kind(field), _default(field), field.metadata["description"]))
    return _table(("key", "value", "default", "meaning"), rows)


def rings() -> str:
    """Rings that need no declaration."""
    from hydraflow.topology.spec import RECORDS, WELL_KNOWN_RINGS

    def payload(ring: Any) -> str:
        return f"{ring.payload:,} {RECORDS[ring.record]}" if ring.payload else "none"

    rows = [(f"`{r.name}`", r.record, f"{r.slots:,}", payload(r)) for r in WELL_KNOWN_RINGS.values()]
    return _table(("ring", "record", "slots", "payload"), rows)


def components(kind: str) -> str:
    """Every shipped handler or source with its parameters. kind : "handler" or "source"."""
    from hydraflow.registry import HANDLERS, SOURCES, Registry
    from hydraflow.topology.keys import keys_of

    parts = []
    registry = Registry(entry_points=False)
    for name, entry in sorted((HANDLERS if kind == "handler" else SOURCES).items()):
        params = registry.resolve(kind, name).params
        flow = []
        if kind == "handler":
            flow.append(f"on `{entry.on}`")
        flow += [f"{word} `{'`, `'.join(rings)}`" for word, rings in (("from", entry.inlets), ("into", entry.into)) if rings]
        parts.append(f"#### `{name}`\n\n{', '.join(flow).capitalize()}, unless the file says otherwise."
                     + ("" if params else " No parameters."))
        if params:
            ranges = {key.name: key.range for key in keys_of(params)}
            rows = [(f"`{f.name}`", _unit(f), ranges[f.name], _default(f), f.metadata.get("description", "") + ("; live" if f.metadata.get("live") else ""))
                    for f in attrs.fields(params)]
            parts.append(_table(("parameter", "unit", "range", "default", "meaning"), rows))
    return "\n\n".join(parts)


def diagnostics() -> str:
    """Every code that `hfx check` reports."""
    from hydraflow.topology.explain import EXPLANATIONS

    return _table(("code", "meaning"), [(f"`{code}`", text) for code, text in EXPLANATIONS.items()])


def exit_codes() -> str:
    """The exit codes of `hfx`."""
    from hydraflow.settings import EXIT_CODES

    return _table(("code", "meaning"), [(str(code), meaning) for code, meaning in EXIT_CODES.items()])


def variables() -> str:
    """The environment variables that hfx reads."""
    from hydraflow.settings import VARIABLES

    return _table(("variable", "what it does"), [(f"`{v.name}`", v.meaning + (f" (`config/{v.shipped}.yaml`)" if v.shipped else "")) for v in VARIABLES])


def folders() -> str:
    """Where hfx keeps its files."""
    from hydraflow.settings import FOLDERS

    rows = [(f.name, f"`${f.variable}/{f.own}`", f"`{f.default}/{f.default_own}`", f.meaning) for f in FOLDERS]
    return _table(("what", "where", "when that is unset", ""), rows)


def row(name: str) -> str:
    """The fields of a row of hydraflow.rows, with the comments beside them."""
    from hydraflow import rows

    source = inspect.getsource(rows)
    begin = source.index(f"{name} = np.dtype(")
    comments = dict(_FIELD.findall(source[begin : source.index("align=True", begin)]))
    known = dict(getattr(rows, name).fields or {})
    return _table(("field", "type", "meaning"), [(f"`{f}`", _row_type(known[f][0]), comments[f]) for f in getattr(rows, name).names])


def _row_type(dtype: Any) -> str:
    return "datetime64[ns]" if dtype.kind == "M" else "text" if dtype.kind == "U" else dtype.name


def record(where: str) -> str:
    """The fields of a record dtype, with the comments beside them in its source. where : module:NAME."""
    module_name, _, name = where.partition(":")
    module = importlib.import_module(module_name)
    dtype = getattr(module, name)
    source = inspect.getsource(module)
    begin = source.index(f"{name} = record_dtype(")
    comments = dict(_FIELD.findall(source[begin : source.index("size=", begin)]))
    known = dtype.fields or {}
    rows = [(f"{known[f][1]:,}", f"`{f}`", _format(known[f][0]), comments.get(f, "")) for f in dtype.names or ()]
    return f"{dtype.itemsize:,} bytes.\n\n" + _table(("offset", "field", "type", "meaning"), rows)


def constants(where: str) -> str:
    """Numbers of a module. where : module:NAME,NAME."""
    module_name, _, names = where.partition(":")
    module = importlib.import_module(module_name)
    return _table(("name", "value"), [(f"`{n}`", _constant(getattr(module, n))) for n in names.split(",")])


def codes(name: str) -> str:
    """The members of an enum of hydraflow.codes, with the comments beside them."""
    module = importlib.import_module("hydraflow.codes")
    members = getattr(module, name)
    comments = dict(re.findall(r"^\s*([A-Z_0-9]+) = \d+ *# *(.+)$", inspect.getsource(members), re.MULTILINE))
    return _table(("number", "name", "meaning"), [(str(int(m)), f"`{m.name}`", comments.get(m.name, "")) for m in members])


PARTS: dict[str, Callable[..., str]] = {
    "keys": keys, "rings": rings, "components": components, "diagnostics": diagnostics, "exit-codes": exit_codes,
    "record": record, "row": row, "variables": variables, "folders": folders, "constants": constants, "codes": codes, "api": section,
}


def _kind(field: Any) -> str:
    meta = field.metadata
    if meta.get("choices"):
        return ", ".join(f"`{c}`" for c in meta["choices"])
    if meta.get("value"):
        return str(meta["value"])
    if meta.get("kind") == "capacity":
        return "number or size"
    if meta.get("kind") == "decimal":
        return "decimal text"
    text = inspect.formatannotation(field.type).replace(" | None", "")
    if text.startswith("tuple[str"):
        return "name or list of names"
    if text.startswith("tuple["):
        return "list"
    if text.startswith("dict["):
        return "mapping"
    return _TYPES.get(text, "see below")


def _default(field: Any) -> str:
    default = field.default
    if default is attrs.NOTHING:
        return "**needed**"
    if isinstance(default, attrs.Factory) or default in (None, "", ()):  # type: ignore[arg-type]
        return ""
    if default < field.metadata.get("minimum", default):  # stands for "not said"
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:,}" if isinstance(default, (int, float)) else f"`{default}`"


def _unit(field: Any) -> str:
    choices = field.metadata.get("choices")
    return ", ".join(f"`{c}`" for c in choices) if choices else field.metadata.get("unit", "")


def _format(dtype: np.dtype) -> str:
    base, shape = dtype.subdtype or (dtype, ())
    names = {"i": "int", "u": "uint", "f": "float", "S": "text, "}
    if base.names:
        text = "record"
    elif base.kind == "S":
        text = f"UTF-8, {base.itemsize} bytes"
    else:
        text = f"{names[base.kind]}{8 * base.itemsize}"
    return text + "".join(f" × {n:,}" for n in shape)


def _constant(value: Any) -> str:
    if isinstance(value, bytes):
        return f"`{value!r}`"
    return f"{value:,}" if isinstance(value, int) else f"`{value}`"


def _sentence(docstring: str) -> str:
    first = docstring.strip().partition("\n")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [" | ".join(heads)]
    lines.append(" | ".join("---" for _ in lines[0].split(" | ")))
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def main(arguments: list[str]) -> int:
    """Rewrite, or only look."""
    changed = outdated()
    for path, text in changed.items():
        print(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
