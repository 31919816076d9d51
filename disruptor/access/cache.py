"""What handlers touch, kept on disk: found once for each text of everything that it depends on.

One file for each source file that defines handlers, below `access/` of the cache folder; its first line names the
source. A finding counts only while the
files whose functions were walked have the same contents, every global that was looked at still means the same, and this
program is the same; else the handler is looked into again. A file carries a hash of its content and is written aside and
renamed, so a broken one, or two processes at once, cost a second look and nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from disruptor.access.inference import Access, combined, inferred, own_layouts
from disruptor.access.overloads import foreign
from disruptor.access.purity import Effect
from disruptor.access.source import Place
from disruptor.access.things import cell_content, described, plain
from disruptor.access.walk import Unresolved
from disruptor.cache import cache_root
from disruptor.handler import Handler, as_handler

__all__ = ["AccessCache"]

_MAGIC = b"hfx-access-1"
_FILES_MAX = 256  # more are looked through for those whose source is gone
_ENTRIES_MAX = 1024
_KEPT_SECONDS = 30 * 86_400
_HERE = Path(__file__).parent


class AccessCache:
    """Finds what handlers touch, on disk where it is known. `troubles` : what was wrong with the disk, a sentence each.

    root : folder, default: `access` of the cache folder. looked : called with a handler before its source is walked.
    found_count, walked_count : handlers that were on disk, and that were not.
    """

    def __init__(self, root: Path | None = None, looked: Callable[[Handler], None] | None = None) -> None:
        base = cache_root() if root is None else root
        self.root = base / "access" if root is None and base is not None else base
        self.troubles: list[str] = []
        self.found_count = self.walked_count = 0
        self._looked = looked
        self._entries: dict[Path, dict[str, Any]] = {}
        self._changed: set[Path] = set()
        self._sources: dict[Path, str] = {}  # cache file → source
        self._files: dict[str, Path | None] = {}  # file name of code → cache file
        if self.root is None:
            self.troubles.append("HOME and XDG_CACHE_HOME are unset: there is no folder for it")

    def accesses(self, handler: Any, layouts: Mapping[str, np.dtype] | None = None) -> Access:
        """Return what disruptor.access.accesses does."""
        declared = as_handler(handler)
        layouts = layouts or {}
        where = self._file_of(declared)
        key = _key(declared, layouts) if where is not None else ""
        if where is not None:
            entry = self._loaded(where).get(key)
            if entry is not None and _holds(entry):
                self.found_count += 1
                return combined(declared, _unpacked(entry["access"]))
        if self._looked is not None:
            self._looked(declared)
        self.walked_count += 1
        found, walk = inferred(declared, layouts)
        if where is not None and walk.kept:
            files = {path: _digest_of(path) for path in sorted(walk.files)}
            if all(files.values()):
                assumed = [[module, name, what] for (module, name), what in sorted(walk.assumed.items())]
                self._loaded(where)[key] = {"files": files, "assumed": assumed, "access": _packed(found)}
                self._changed.add(where)
        return combined(declared, found)

    def save(self) -> None:
        """Write what is new. What cannot be written is a trouble, not an error."""
        for path in sorted(self._changed):
            entries = self._entries[path]
            kept = dict(list((k, e) for k, e in entries.items() if _is_current(e))[-_ENTRIES_MAX:])
            body = json.dumps({"program": _program(), "entries": kept}, ensure_ascii=False).encode("utf-8", "surrogatepass")
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                if not path.parent.is_dir():
                    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary.write_bytes(_head(body, self._sources[path]) + body)
                os.replace(temporary, path)
                _prune(path.parent)
            except OSError as error:
                self.troubles.append(f"cannot write {path.parent}: {error.strerror}")
                break
        self._changed.clear()

    def _file_of(self, handler: Handler) -> Path | None:
        code = getattr(plain(handler.function), "__code__", None)
        if self.root is None or code is None:
            return None
        if code.co_filename not in self._files:
            source, path = os.path.abspath(code.co_filename), None
            if os.path.isfile(source):
                path = self.root / f"{hashlib.sha256(os.fsencode(source)).hexdigest()[:32]}.json"
                self._sources[path] = source
            self._files[code.co_filename] = path
        return self._files[code.co_filename]

    def _loaded(self, path: Path) -> dict[str, Any]:
        if path not in self._entries:
            self._entries[path] = self._read(path)
        return self._entries[path]

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            with path.open("rb") as stream:
                if os.fstat(stream.fileno()).st_uid != os.geteuid():
                    self.troubles.append(f"{path} belongs to another user")
                    return {}
                data = stream.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.troubles.append(f"cannot read {path}: {error.strerror}")
            return {}
        head, _, body = data.partition(b"\n")
        if data[: len(head) + 1] != _head(body, self._sources[path]):
            self.troubles.append(f"{path} is broken; it is made again")
            return {}
        content = json.loads(body.decode("utf-8", "surrogatepass"))
        return content["entries"] if content["program"] == _program() else {}


@functools.cache
def _program() -> str:
    """Return a text that names the code that finds, and the versions of what it looks at."""
    digest = hashlib.sha256(f"{sys.version} {np.__version__} {attrs.__version__}".encode())
    for path in sorted([*_HERE.glob("*.py"), _HERE.parent / "handler.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _key(handler: Handler, layouts: Mapping[str, np.dtype]) -> str:
    function: Any = plain(handler.function)
    function = getattr(function, "__func__", function)
    inner = [described(cell_content(c)) for c in function.__closure__ or ()]
    names: tuple = (function.__qualname__, function.__code__.co_firstlineno, handler.jit, handler.arguments, sorted(handler.max_out), inner)
    hooks = (handler.on_timer, handler.on_params, handler.on_batch_start, handler.on_timeout, handler.on_start, handler.on_shutdown)
    names += (*(described(hook) for hook in hooks), foreign().fingerprint)
    used = {**own_layouts(handler), **layouts}
    kinds = [(name, _dtype_text(used[name])) for name in sorted(used) if name in handler.arguments or name == "event"]
    return hashlib.sha256(repr((names, kinds)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@functools.cache
def _dtype_text(dtype: np.dtype) -> str:
    return str(dtype) + str(dtype.itemsize)


def _holds(entry: Mapping[str, Any]) -> bool:
    """Whether everything that the finding rests on is as it was."""
    return _is_current(entry) and all(_described_now(module, name) == what for module, name, what in entry["assumed"])


def _is_current(entry: Mapping[str, Any]) -> bool:
    return all(_digest_of(path) == digest for path, digest in entry["files"].items())


def _described_now(module: str, name: str) -> str | None:
    space = getattr(sys.modules.get(module), "__dict__", {})
    if name in space:
        return described(space[name])
    loaded = sys.modules.get(module)
    return described(getattr(loaded, name)) if loaded is not None and hasattr(loaded, name) else None


def _digest_of(path: str) -> str:
    try:
        about = os.stat(path)
    except OSError:
        return ""
    return _hashed(path, about.st_mtime_ns, about.st_size)


@functools.cache
def _hashed(path: str, _changed_ns: int, _size: int) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _packed(access: Access) -> dict[str, Any]:
    return {
        **{name: sorted(getattr(access, name)) for name in ("reads", "writes", "beside_reads", "beside_writes")},
        "places": [[verb, name, attrs.astuple(place)] for (verb, name), place in access.places.items()],
        "effects": [[e.kind, e.what, e.remedy, attrs.astuple(e.place)] for e in access.effects],
        "unresolved": [[u.what, u.remedy, attrs.astuple(u.place)] for u in access.unresolved],
    }


def _unpacked(data: Mapping[str, Any]) -> Access:
    return Access(
        reads=frozenset(data["reads"]), writes=frozenset(data["writes"]),
        beside_reads=frozenset(data["beside_reads"]), beside_writes=frozenset(data["beside_writes"]),
        places={(verb, name): Place(*place) for verb, name, place in data["places"]},
        effects=tuple(Effect(kind, what, remedy, Place(*place)) for kind, what, remedy, place in data["effects"]),
        unresolved=tuple(Unresolved(what, remedy, Place(*place)) for what, remedy, place in data["unresolved"]),
    )


def _head(body: bytes, source: str) -> bytes:
    return b" ".join((_MAGIC, hashlib.sha256(body).hexdigest().encode(), source.encode("utf-8", "surrogateescape"))) + b"\n"


def _source_of(head: bytes) -> str:
    return head.split(b" ", 2)[-1].decode("utf-8", "surrogateescape")


def _prune(folder: Path) -> None:
    """Remove what nobody made anew for a month, and of very many files those whose source is gone."""
    oldest = time.time() - _KEPT_SECONDS
    files = list(folder.iterdir())
    for path in files:
        with contextlib.suppress(OSError):
            gone = path.stat().st_mtime < oldest
            if not gone and len(files) > _FILES_MAX:
                with path.open("rb") as stream:
                    gone = not os.path.exists(_source_of(stream.readline(1 << 16).rstrip(b"\n")))
            if gone:
                path.unlink()
