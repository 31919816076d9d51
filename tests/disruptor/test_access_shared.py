"""Two handlers that share something see that they do, under whatever names each of them has it."""

from __future__ import annotations

import functools
import types

import numpy as np
import pytest

from disruptor.access import EVERY, accesses, overlap
from disruptor.access.cache import AccessCache
from disruptor.handler import as_handler, handler
from tests.reference import shared_left, shared_right

LAYOUT = np.dtype([("x", "i8")])
NAMES = [name for name, f in vars(shared_left).items() if isinstance(f, types.FunctionType) and f.__module__ == shared_left.__name__]


@pytest.mark.parametrize("first", ["left", "right"])
@pytest.mark.parametrize("name", NAMES)
def test_what_one_writes_and_the_other_reads_has_one_name(name, first):
    order = (shared_left, shared_right) if first == "left" else (shared_right, shared_left)
    found = {module: accesses(handler(jit=False)(getattr(module, name)), {"event": LAYOUT}) for module in order}
    writer, reader = found[shared_left], found[shared_right]
    assert overlap(writer.beside_writes, reader.beside_reads | reader.beside_writes)


def test_what_rests_on_an_objects_identity_is_not_kept_on_disk(tmp_path):
    for name in ("one_array", "inner_object"):
        cache = AccessCache(tmp_path)
        cache.accesses(handler(jit=False)(getattr(shared_left, name)), {"event": LAYOUT})
        cache.save()
        again = AccessCache(tmp_path)
        again.accesses(handler(jit=False)(getattr(shared_left, name)), {"event": LAYOUT})
        assert again.found_count == 0


class _Base:
    def __call__(self, event):
        event["x"] = 1


class _Inherits(_Base):
    pass


def _set(number, event):
    event["x"] = number


def test_objects_that_can_be_called_are_followed_or_named():
    assert accesses(handler(jit=False)(_Inherits()), {"event": LAYOUT}).writes == {"x"}
    found = accesses(handler(jit=False)(functools.partial(_set, 1)), {"event": LAYOUT})
    assert EVERY in found.writes
    assert found.unresolved


class _Watch:
    def on_event(self, event):
        pass

    def on_batch_start(self, batch_size):
        shared_left.OURS[0, 0] = batch_size


def test_hooks_belong_to_the_handler():
    found = accesses(as_handler(_Watch()), {"event": LAYOUT})
    other = accesses(handler(jit=False)(shared_right.one_array), {"event": LAYOUT})
    assert overlap(found.beside_writes, other.beside_reads)


def test_two_handlers_of_one_function_with_other_hooks_are_told_apart_on_disk(tmp_path):
    def nothing(event):
        pass

    def first(event):
        event["x"] = 1

    cache = AccessCache(tmp_path)
    plain = handler(jit=False)(nothing)
    assert cache.accesses(plain, {"event": LAYOUT}).writes == set()
    assert cache.accesses(plain.using(on_timer=first), {"event": LAYOUT}).writes == {"x"}


def test_source_that_is_not_what_runs_is_named(tmp_path):
    path = tmp_path / "edited.py"
    path.write_text("def put(event):\n    event['x'] = 1\n")
    space = {}
    exec(compile("def put(event):\n    event['y'] = 1\n", str(path), "exec"), space)
    found = accesses(handler(space["put"]))
    assert EVERY in found.writes
    assert found.unresolved


@pytest.mark.parametrize("name", ["queue", "random", "operator"])
def test_a_file_that_is_called_like_a_module_of_pythons_is_the_users(tmp_path, monkeypatch, name):
    import importlib.util

    path = tmp_path / f"{name}.py"
    path.write_text("def floor(event):\n    event['x'] = 1\n\n\nclass Keep:\n    def __init__(self, event):\n        event['x'] = 1\n")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def calls(event):
        module.floor(event)

    def makes(event):
        module.Keep(event)

    found = accesses(handler(calls), {"event": LAYOUT})
    assert (found.writes, found.effects, found.unresolved) == ({"x"}, (), ())
    assert EVERY in accesses(handler(jit=False)(makes), {"event": LAYOUT}).writes
