"""How an answer is shown: labels on the left, text in 80 columns on the right."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from hydraflow.topology.diagnose import plural

__all__ = ["WIDTH", "render"]

WIDTH = 80
_LABEL = 12
_SAID = ("number", "text", "policy", "path", "address")  # units that say no more than the type or the name


def render(page: dict[str, Any]) -> str:
    """Return a page (see `subjects.answer`, `subjects.overview`) as text."""
    if "kind" not in page:
        return "\n".join(_hanging(f"{code}  ", text) for code, text in page["explanations"].items())
    if page["kind"] == "overview":
        return _overview(page)
    if page["kind"] == "diagnostic":
        return _mistake(page)
    head = f"{page['name']}  {_what(page)}"
    parts = ["\n".join([head, *_indented(page.get("summary", ""))])]
    if page.get("text"):
        parts.append("\n\n".join("\n".join(_indented(p)) for p in page["text"].split("\n\n") if p.strip()))
    parts.append("\n".join(_facts(page)))
    for word in ("parameters", "keys"):
        if page.get(word):
            parts.append("\n".join([word, *(line for row in page[word] for line in _row(row["name"], key_facts(row), row["description"]))]))
    if page.get("fields"):
        parts.append("\n".join(["fields", *(line for row in page["fields"]
                                            for line in _row(row["name"], _field_facts(row), row["description"]))]))
    if page.get("example"):
        parts.append("\n".join(["example", *(f"  {line}" for line in page["example"].splitlines())]))
    if page.get("codes"):
        parts.append("\n".join(["diagnostics", *(_hanging(f"  {code}  ", text) for code, text in page["codes"].items())]))
    parts += ["\n".join(_indented(text)) for text in page.get("more", ())]
    return "\n\n".join(part for part in parts if part)


def _mistake(page: dict[str, Any]) -> str:
    parts = [_hanging(f"{page['name']}  ", page["summary"])]
    if "wrong" not in page:
        return parts[0]
    given = [f"{name}={value}" for name, value in page["environment"].items()]
    given += [f"--set {option}" for option in page["set"]]
    if given:
        parts.append("\n".join(["  with", *(f"    {line}" for line in given)]))
    parts += [_listing(f"  {name}", text) for name, text in page["files"].items()]
    parts.append(_listing("  wrong", page["wrong"]))
    if page["right"] != page["wrong"]:
        parts.append(_listing("  right", page["right"]))
    if page["right_set"]:
        parts.append("\n".join(["  right", *(f"    --set {option}" for option in page["right_set"])]))
    if page["remedy"]:
        parts.append(_hanging("  ", page["remedy"]))
    return "\n\n".join(parts)


def _listing(head: str, text: str) -> str:
    return "\n".join([head, *(f"    {line}".rstrip() for line in text.splitlines())])


def key_facts(row: dict[str, Any]) -> str:
    """Return type, unit, range and default of a key or parameter in one line."""
    default = "needed" if row["needed"] else "" if row["default"] is None else f"default {_number(row['default'])}"
    unit = row["unit"] if row["unit"] not in _SAID else ""
    facts = [row["type"], unit, row["range"], default, "live" if row.get("live") else ""]
    facts += [f"or null{'' if row['default'] is not None else ', the default'}"] if row["optional"] and not row["needed"] else []
    return "; ".join(fact for fact in facts if fact) + (f"; also written {row['other']}, with its unit" if row["other"] else "")


def _what(page: dict[str, Any]) -> str:
    kind = page["kind"]
    if kind in ("handler", "source"):
        return f"{kind}, {page['from']}: {page['target']}" if page["from"] == "shipped" else f"{kind}, from {page['from']}"
    if kind == "parameter":
        return f"parameter of {page['of']}"
    if kind == "field":
        return f"field of the record {page['record']}"
    return "key of the topology file" if kind == "key" else kind


def _facts(page: dict[str, Any]) -> list[str]:
    kind = page["kind"]
    if kind in ("parameter", "key"):
        return [_labelled("value", key_facts(page))]
    if kind == "field":
        return [_labelled("type", page["type"]), *([_labelled("unit", page["unit"])] if page["unit"] else []),
                _labelled("written by", page["written_by"]), *([_labelled("meaning", page["description"])] if page["description"] else []),
                _labelled("offset", f"{page['offset']:,} bytes"),
                *([_labelled("values", ", ".join(f"{number}={name}" for name, number in page["values"].items()))] if page["values"] else [])]
    if kind == "record":
        return [_labelled("size", f"{page['bytes']:,} bytes"), _labelled("dtype", page["dtype"])]
    if kind == "ring":
        payload = f"{page['payload']:,} units" if page["payload"] else "none"
        return [_labelled("slots", f"{page['slots']:,}"), _labelled("payload", payload),
                _labelled("written by", _listed(page["written_by"])), _labelled("read by", _listed(page["read_by"]))]
    return _component_facts(page)


def _component_facts(page: dict[str, Any]) -> list[str]:
    lines = [_labelled("runs", page["runs"])]
    if page["kind"] == "source":
        own = page["time"] == "its own"
        lines += [_labelled("time", "a field of its records, if it has any" if own else f"{page['time']}: what a frame's receive_ns is"),
                  _labelled("into", _listed(page["into"]) if page["into"] else "a ring of its record")]
    else:
        lines += [_labelled("on", f"{page['on']}, unless the file says otherwise")]
        lines += [_labelled("from", _listed(page["takes_from"]))] if page["takes_from"] else []
        lines += [_labelled("into", _listed(page["into"]))] if page["into"] else []
        lines += [_labelled(verb, f"{_listed(page[verb])} ({page[f'{verb}_are']})" if page[verb] else f"nothing of the record ({page[f'{verb}_are']})")
                  for verb in ("reads", "writes")]
    if page["gets"]:
        lines.append(_labelled("gets", f"{_listed(page['gets'])}, besides the usual"))
    for output in page["outputs"]:
        most = [plural(output["max_out"], "record")] if output["max_out"] else []
        most += [f"{output['max_payload']:,} units of payload"] if output["max_payload"] else []
        when = "at a time" if page["kind"] == "source" else "for each record that it gets"
        lines.append(_labelled("publishes", f"into {output['name']}: at most {' with '.join(most)}, {when}"))
    state = page["state"]
    if state is None:
        lines.append(_labelled("state", "none"))
    elif state["bytes"] is None:
        lines.append(_labelled("state", "depends on its parameters"))
    else:
        lines.append(_labelled("state", f"{state['bytes']:,} bytes with one instrument: {_listed(state['fields'])}"))
    lines.append(_labelled("counters", _listed(page["counters"]) or "none"))
    lines += [_labelled("notes" if not i else "", f"{code}: {text}") for i, (code, text) in enumerate(page["notes"].items())]
    if not page["parameters"]:
        lines.append(_labelled("parameters", "none"))
    return lines


def _overview(page: dict[str, Any]) -> str:
    top = [key for key in page["keys"] if "." not in key]
    codes = list(page["explanations"])
    rows = [
        ("handlers", f"{_listed(page['handlers'])}; {page['handlers'][0]}.PARAMETER" if page["handlers"] else "none"),
        ("sources", _listed(page["sources"]) or "none"),
        ("your own", "./file.py:name, package.module:name"),
        ("keys", f"{_listed(top)}; handlers.after, rings.slots, placement.threads.cpu, …"),
        ("rings", _listed(page["rings"])),
        ("records", f"{_listed(page['records'])}; message.bid_count, …"),
        ("diagnostics", f"{codes[0]} to {codes[-1]}; `codes` for all of them"),
    ]
    return "\n".join(["hfx explain WHAT, where WHAT is one of", "", *(_labelled(label, text) for label, text in rows)])


def _row(name: str, facts: str, description: str) -> list[str]:
    lines = textwrap.wrap(facts, WIDTH - 6, break_on_hyphens=False)
    return [f"  {name}", *(f"      {line}" for line in [*textwrap.wrap(description, WIDTH - 6, break_on_hyphens=False), *lines])]


def _field_facts(row: dict[str, Any]) -> str:
    return "; ".join(part for part in (row["type"], row["unit"], f"written by {row['written_by']}") if part)


def _indented(paragraph: str) -> list[str]:
    """Return a paragraph filled; what is laid out in columns stays as it is."""
    lines = paragraph.strip("\n").splitlines()
    if any(re.search(r"^\s{2,}|\S\s{3,}\S", line) for line in lines):
        return [_in_columns(line) for line in lines]
    return textwrap.wrap(" ".join(lines), WIDTH - 2, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def _in_columns(line: str) -> str:
    """Return a line of a table, its last column filled."""
    match = re.match(r"(\s*\S+(?: \S+)*\s{2,})(\S.*)$", line)
    return _hanging(f"  {match[1]}", match[2]) if match else f"  {line}".rstrip()


def _labelled(label: str, text: str) -> str:
    return _hanging(f"  {label:<{_LABEL}}", text)


def _hanging(label: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False)


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if abs(value) >= 1e9 or not value.is_integer() else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else f"'{value}'"
