"""Single edits of a topology file, as people make them: a character, a key, a value, a line, an indent.

    for edit in edits(text, seed=7, count=400):
        edit.text       the file after the edit
        edit.lines      lines of it that the edit touched, 1-based; of what was taken away: the lines around the gap
        edit.words      words that stand, or stood, on the edited lines

The generator knows YAML only through PyYAML's own composer, so that it shares no code with what it tests.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from difflib import SequenceMatcher

import attrs
import yaml

__all__ = ["Edit", "KINDS", "edits", "yaml_lines"]

_CHARACTERS = "abXz_09-.,:;'\"[]{}#&*!|>%@`$ \t/?="
_VALUES = ("", "-1", "0", "7", "1e3", "1.5", "true", "null", "abc", "1ms", "64KiB", "[1, 2]", "{a: 1}", "~", "'7'", "main", "book")
_UNITS = ("ns", "us", "ms", "s", "min", "KiB", "MiB", "KB", "m", "")
_QUANTITY = re.compile(r"(\d[\d_.]*)(ns|us|µs|ms|s|KiB|MiB|GiB)?")
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@attrs.frozen
class Edit:
    """One edit. kind : see KINDS; what : in words, for the report of a failure."""

    kind: str
    what: str
    text: str
    lines: frozenset[int]
    words: frozenset[str]


def yaml_lines(text: str) -> list[str]:
    """Return the lines of a text, at the breaks of YAML 1.1."""
    return _BREAKS.split(text)


def edits(text: str, seed: int, count: int) -> Iterator[Edit]:
    """Yield `count` different edits of the text, kinds in turn."""
    chance = random.Random(seed)
    places = _Places(text)
    seen = {text}
    made = turn = 0
    while made < count:
        kind = list(KINDS)[turn % len(KINDS)]
        turn += 1
        changed = KINDS[kind](text, places, chance)
        if changed is None or changed[1] in seen:
            continue
        what, after = changed
        seen.add(after)
        made += 1
        yield Edit(kind, what, after, *_touched(text, after))


class _Places:
    """Where the keys, values and items of the text lie: (start, end) in characters."""

    def __init__(self, text: str) -> None:
        self.keys: list[tuple[int, int]] = []
        self.values: list[tuple[int, int]] = []
        self.entries: list[tuple[int, int]] = []  # a key with its value
        self.siblings: list[list[tuple[int, int]]] = []  # the keys of one mapping
        self._visit(yaml.compose(text, yaml.SafeLoader))

    def _visit(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            self.siblings.append([(key.start_mark.index, key.end_mark.index) for key, _ in node.value])
            for key, value in node.value:
                self.keys.append((key.start_mark.index, key.end_mark.index))
                self.entries.append((key.start_mark.index, value.end_mark.index))
                self._visit(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._visit(item)
        else:
            self.values.append((node.start_mark.index, node.end_mark.index))


def _delete_character(text, places, chance):
    at = chance.randrange(len(text))
    return f"without {text[at]!r} at {at}", text[:at] + text[at + 1 :]


def _insert_character(text, places, chance):
    at, new = chance.randrange(len(text) + 1), chance.choice(_CHARACTERS)
    return f"{new!r} put in at {at}", text[:at] + new + text[at:]


def _replace_character(text, places, chance):
    at, new = chance.randrange(len(text)), chance.choice(_CHARACTERS)
    return f"{text[at]!r} at {at} becomes {new!r}", text[:at] + new + text[at + 1 :]


def _delete_key(text, places, chance):
    start, end = chance.choice(places.entries)
    after = end + len(re.match(r"[ ]*,?[ ]*", text[end:])[0])
    return f"without {text[start:end]!r}", text[:start] + text[after:]


def _insert_key(text, places, chance):
    start, _ = chance.choice(places.keys)
    new = chance.choice(["colour: red", "on: main", "after: book", "name: extra", "with: {}", "wait: yielding", "slots: 64"])
    line = text[text.rfind("\n", 0, start) + 1 : start]
    flow = "{" in line
    joint = ", " if flow else "\n" + re.sub(r"[^ ]", " ", line)
    return f"{new!r} before {text[start:start + 12]!r}", text[:start] + new + joint + text[start:]


def _replace_key(text, places, chance):
    start, end = chance.choice(places.keys)
    new = chance.choice(["name", "use", "on", "after", "into", "with", "from", "slots", "record", "payload", "colour", "seed"])
    return f"key {text[start:end]!r} becomes {new!r}", text[:start] + new + text[end:]


def _misspell_key(text, places, chance):
    return _misspelt(text, chance.choice(places.keys), chance)


def _misspell_name(text, places, chance):
    words = [(s, e) for s, e in places.values if re.fullmatch(r"[A-Za-z][\w.-]+", text[s:e])]
    return _misspelt(text, chance.choice(words), chance)


def _misspelt(text, place, chance):
    start, end = place
    word = text[start:end]
    if len(word) < 3:
        return None
    at = chance.randrange(1, len(word) - 1)
    new = chance.choice([word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:],
                         word[:at] + word[at + 1] + word[at] + word[at + 2 :]])
    return f"{word!r} becomes {new!r}", text[:start] + new + text[end:]


def _delete_value(text, places, chance):
    start, end = chance.choice(places.values)
    return f"without the value {text[start:end]!r}", text[:start] + text[end:]


def _replace_value(text, places, chance):
    start, end = chance.choice(places.values)
    new = chance.choice(_VALUES)
    return f"{text[start:end]!r} becomes {new!r}", text[:start] + new + text[end:]


def _change_unit(text, places, chance):
    quantities = [(s, e) for s, e in places.values if _QUANTITY.fullmatch(text[s:e])]
    start, end = chance.choice(quantities)
    new = _QUANTITY.fullmatch(text[start:end])[1] + chance.choice(_UNITS)
    return f"{text[start:end]!r} becomes {new!r}", text[:start] + new + text[end:]


def _duplicate_key(text, places, chance):
    start, end = chance.choice(places.entries)
    line = text[text.rfind("\n", 0, start) + 1 : start]
    joint = ", " if "{" in line else "\n" + re.sub(r"[^ ]", " ", line)
    return f"{text[start:end][:30]!r} twice", text[:end].rstrip() + joint + text[start:end] + text[end:]


def _repeat_key(text, places, chance):
    """A key becomes the one beside it."""
    siblings = [keys for keys in places.siblings if len(keys) > 1]
    one, other = chance.sample(chance.choice(siblings), 2)
    new = text[other[0] : other[1]]
    return f"key {text[one[0]:one[1]]!r} becomes {new!r}", text[: one[0]] + new + text[one[1] :]


def _delete_line(text, places, chance):
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    return f"without line {at + 1}", "\n".join(lines[:at] + lines[at + 1 :])


def _duplicate_line(text, places, chance):
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    return f"line {at + 1} twice", "\n".join(lines[: at + 1] + lines[at:])


def _swap_lines(text, places, chance):
    lines = text.split("\n")
    at = chance.randrange(len(lines) - 1)
    other = chance.choice([at + 1, chance.randrange(len(lines))])
    lines[at], lines[other] = lines[other], lines[at]
    return f"lines {at + 1} and {other + 1} change places", "\n".join(lines)


def _change_indent(text, places, chance):
    lines = text.split("\n")
    at = chance.choice([i for i, line in enumerate(lines) if line.strip()])
    line = lines[at]
    new = chance.choice([" " + line, "  " + line, "\t" + line, line.removeprefix(" "), line.removeprefix("  "), line.lstrip()])
    return f"indent of line {at + 1}", "\n".join([*lines[:at], new, *lines[at + 1 :]])


KINDS = {
    "delete character": _delete_character, "insert character": _insert_character, "replace character": _replace_character,
    "delete key": _delete_key, "insert key": _insert_key, "replace key": _replace_key, "misspell key": _misspell_key,
    "misspell name": _misspell_name, "delete value": _delete_value, "replace value": _replace_value, "change unit": _change_unit,
    "duplicate key": _duplicate_key, "repeat key": _repeat_key, "delete line": _delete_line, "duplicate line": _duplicate_line,
    "swap lines": _swap_lines, "change indent": _change_indent,
}


def _touched(before: str, after: str) -> tuple[frozenset[int], frozenset[str]]:
    """Return the lines of `after` that differ, or that stand around what was taken away, and the words that differ."""
    old, new = yaml_lines(before), yaml_lines(after)
    lines: set[int] = set()
    words: set[str] = set()
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        lines |= set(range(k + 1, m + 1)) or {k, k + 1}
        lines |= {k for line in new[k:m] if k and line == new[k - 1]}  # of two equal lines neither is the new one
        words |= set(_words(old[i:j] + new[k:m]))
    return frozenset(line for line in lines if 1 <= line <= len(new)), frozenset(words)


def _words(lines: list[str]) -> list[str]:
    return re.findall(r"[\w.$-]+", "\n".join(lines))
