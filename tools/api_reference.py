"""The reference of the library's public names, made of their docstrings (docs/library/reference.md)."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import itertools
import re
from typing import Any

import disruptor

__all__ = ["GROUPS", "describe", "docstring", "members", "section"]

GROUPS: dict[str, tuple[str, ...]] = {
    "graphs": ("Disruptor", "handler", "Handler", "into", "thread", "ProcessorFactory", "StealingPool", "Spawn", "task_room", "task_push"),
    "rings": ("RingBuffer", "Sequencer", "Sequence", "SequenceGroup", "FixedSequenceGroup", "SequenceBarrier"),
    "readers": ("EventPoller", "PollState", "Observer", "BatchEventProcessor", "release_upto"),
    "waiting": ("Wait", "WaitStrategy"),
    "faults": ("ExceptionHandler", "FatalExceptionHandler", "IgnoreExceptionHandler", "RewindStrategy", "RewindAction", "SimpleRewind",
               "EventuallyGiveUp", "PauseRewind", "REWIND", "Rewind"),
    "errors": ("DisruptorError", "LayoutError", "MemoryMapError", "CapacityError", "InsufficientCapacity", "WaitTimeout", "Alerted",
               "ForkError", "GraphError", "CompileError", "HandlerError", "CounterFileError", "LogError", "SharedRingError",
               "OwnerGone", "DamagedMessage"),
    "bytes": ("ByteRing", "Claim", "Action", "BytePort", "bytes_room", "bytes_claim", "bytes_write", "bytes_write_many",
              "bytes_commit", "bytes_abort", "bytes_correlation", "bytes_next", "bytes_size", "bytes_release", "bytes_put_back",
              "bytes_rewind", "bytes_heartbeat", "bytes_unblock"),
    "broadcast": ("Broadcast", "BroadcastReceiver", "broadcast_send", "broadcast_join", "broadcast_next", "broadcast_valid",
                  "Seqlock", "seqlock_words", "seqlock_write", "seqlock_read", "Rcu", "RcuReader", "rcu_words", "rcu_slots", "rcu_edit", "rcu_slot",
                  "rcu_publish"),
    "compiled": ("compiled", "entry", "review", "check_stores", "Finding", "Record", "record_dtype", "fold", "fold_float"),
    "outputs": ("claim", "payload_claim", "payload_index", "Port", "Inlet", "Ring", "Mapping", "runtime_folder"),
    "measuring": ("CounterFile", "CounterReader", "counter_path", "set_control", "PinnedThread", "Calibration", "calibrate", "hiccups",
                  "RateLimit", "RATE", "rate_set", "rate_take", "rate_wait", "rate_tokens"),
    "notes": ("note", "NoteFile", "NoteLane", "NoteReader", "Note"),
    "aio": ("aio.events", "aio.batches", "aio.Stream", "aio.publish", "aio.publish_event"),
    "testing": ("testing.run",),
}
_PARAMETER = re.compile(r"(?:^|(?<=[.;] ))((?:\*{0,2}[a-z_0-9]+(?:, )?(?:or )?)+) : ")
_WORDS = re.compile(r"\b(Raises|Order|Source|Precondition): ")


def section(name: str) -> str:
    """Return the part of the reference for one group."""
    return "\n\n".join(describe(public) for public in GROUPS[name])


def find(name: str) -> Any:
    """Return the object of a public name; "aio.x" and "testing.x" are names of those modules."""
    module, _, inner = name.rpartition(".")
    return getattr(importlib.import_module(f"disruptor.{module}"), inner) if module else getattr(disruptor, name)


def docstring(name: str) -> str:
    """Return what is said of a name: its docstring, or for a number the text below it in its module; "" for nothing."""
    value = find(name)
    if inspect.isclass(value):
        return inspect.cleandoc(value.__doc__ or "")
    if callable(value):
        return inspect.getdoc(value) or ""
    module = importlib.import_module(f"disruptor.{disruptor._MODULE_OF[name]}")
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == name and isinstance(following, ast.Expr):
            return inspect.cleandoc(ast.literal_eval(following.value))
    return ""


def members(name: str) -> dict[str, Any]:
    """Return the public methods and properties of a class that are defined in the library, those of its bases too."""
    found: dict[str, Any] = {}
    value = find(name)
    if not inspect.isclass(value) or issubclass(value, enum.Enum):
        return found
    for owner in value.__mro__:
        if owner.__module__.startswith("disruptor"):
            for member, thing in vars(owner).items():
                plain = getattr(thing, "__func__", thing)
                if not member.startswith("_") and (callable(plain) or isinstance(thing, property)) and not inspect.isclass(thing):
                    found.setdefault(member, thing)
    return found


def describe(name: str) -> str:
    """Return heading, signature, docstring and members of a public name."""
    value = find(name)
    parts = [f"### {name}", f"```text\n{_signature(name.rpartition('.')[2], value)}\n```", _markdown(docstring(name))]
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        comments = dict(re.findall(r"^\s*([A-Z_0-9]+) = \S+ *# *(.+)$", inspect.getsource(value), re.MULTILINE))
        parts.append("\n".join(f"- `{m.name}` = {m.value!r}" + (f": {comments[m.name]}" if m.name in comments else "") for m in value))
    for member, thing in members(name).items():
        kind = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
        head = f"`.{member}`" if isinstance(thing, property) else f"`.{_signature(member, kind)}`"
        parts.append(f"{head}\n<br>{_markdown(_inherited(value, member, kind))}")
    return "\n\n".join(p for p in parts if p)


def _inherited(owner: Any, member: str, function: Any) -> str:
    """The docstring of a method, or that of the method it replaces."""
    for base in owner.__mro__:
        thing = vars(base).get(member)
        thing = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
        if thing is not None and inspect.getdoc(thing):
            return inspect.getdoc(thing) or ""
    return inspect.getdoc(function) or ""


def _signature(name: str, value: Any) -> str:
    if not callable(value):
        return f"{name} = {value}"
    if inspect.isclass(value) and issubclass(value, (enum.Enum, BaseException)) and "__init__" not in vars(value):
        return name
    plain = getattr(value, "py_func", value)
    try:
        text = str(inspect.signature(plain))
    except (TypeError, ValueError):
        return name
    text = text.replace("(self, ", "(").replace("(self)", "()")
    text = re.sub(r"(?:(?<=: )|(?<=> ))'([^']+)'", r"\1", text)  # annotations; defaults keep their quotes
    text = re.sub(r"\b(?:np|numpy|disruptor|collections|abc|typing|attrs)(?:\.\w+)*\.(\w+)", r"\1", text)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return f"{name}{text}".replace(" -> None", "")


def _markdown(text: str) -> str:
    """Return a docstring as markdown: indented lines as a block, parameters and Raises/Order/Source as a list."""
    out = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if all(line.startswith("    ") for line in paragraph.splitlines()) or "──" in paragraph:
            out.append(f"```text\n{inspect.cleandoc(paragraph)}\n```")
            continue
        flat = " ".join(line.strip() for line in paragraph.splitlines())
        begins = sorted([(m.start(1), m.end(), f"- **{m[1].strip()}** : ") for m in _PARAMETER.finditer(flat)]
                        + [(m.start(), m.end(), f"- *{m[1]}*: ") for m in _WORDS.finditer(flat)])
        ends = [start for start, _, _ in begins[1:]] + [len(flat)]
        lead = flat[: begins[0][0] if begins else len(flat)].strip()
        items = [mark + _plain(flat[end:until].strip()) for (_, end, mark), until in zip(begins, ends, strict=False)]
        out += [part for part in (_plain(lead), "\n".join(items)) if part]
    return "\n\n".join(out)


def _plain(text: str) -> str:
    """Keep what markdown would take for markup, outside `code`."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_<>|\[\]])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)
