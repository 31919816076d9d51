"""What handlers touch is kept on disk while everything that it depends on is the same; a bad disk costs a second look only."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from disruptor.access import accesses
from disruptor.access import cache as access_cache
from disruptor.access.cache import AccessCache
from disruptor.handler import handler

HANDLERS = """
from {helpers} import put, FIELD

def by_helper(event):
    put(event, 1)
    event[FIELD] = event["b"]

def alone(event):
    event["a"] = 2

def make(name):
    def made(event):
        event[name] = 1
    return made

one, other = make("one"), make("other")
"""
HELPERS = """
FIELD = "{field}"

def put(record, value):
    record["{put}"] = value
"""


class World:
    """Two modules in a folder, and a cache."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.write()

    def write(self, field="c", put="d"):
        (self.folder / f"{self.name}_helpers.py").write_text(HELPERS.format(field=field, put=put))
        (self.folder / f"{self.name}.py").write_text(HANDLERS.format(helpers=f"{self.name}_helpers"))

    def load(self):
        for name in (f"{self.name}_helpers", self.name):
            spec = importlib.util.spec_from_file_location(name, self.folder / f"{name}.py")
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[self.name]

    def look(self, *names, layouts=None):
        cache = AccessCache(self.folder / "cache")
        module = self.load()
        found = [cache.accesses(handler(getattr(module, name)), layouts) for name in names]
        cache.save()
        return cache, found

    @property
    def files(self):
        return sorted((self.folder / "cache").glob("*.json"))


@pytest.fixture
def world(tmp_path, request):
    made = World(tmp_path, f"m{abs(hash(request.node.name))}")
    access_cache._hashed.cache_clear()
    yield made
    for name in (made.name, f"{made.name}_helpers"):
        sys.modules.pop(name, None)


def test_a_second_look_walks_nothing_and_finds_the_same(world):
    first, found = world.look("by_helper", "alone", "one", "other")
    assert (first.walked_count, first.found_count) == (4, 0)
    second, again = world.look("by_helper", "alone", "one", "other")
    assert (second.walked_count, second.found_count, second.troubles) == (0, 4, [])
    assert again == found
    assert [a.places for a in again] == [a.places for a in found]
    assert [sorted(a.writes) for a in again] == [["c", "d"], ["a"], ["one"], ["other"]]


def test_a_changed_helper_is_seen_in_its_callers_only(world):
    world.look("by_helper", "alone")
    world.write(put="other")
    cache, (changed, same) = world.look("by_helper", "alone")
    assert (cache.walked_count, cache.found_count) == (1, 1)
    assert (changed.writes, same.writes) == ({"c", "other"}, {"a"})


def test_a_constant_of_another_module_that_changed_is_seen(world):
    world.look("by_helper")
    sys.modules.pop(f"{world.name}_helpers")
    module = world.load()
    module.FIELD = "patched"
    cache = AccessCache(world.folder / "cache")
    assert cache.accesses(handler(module.by_helper)).writes == {"patched", "d"}
    assert cache.walked_count == 1


def test_what_is_declared_is_not_part_of_what_is_kept(world):
    world.look("alone")
    cache = AccessCache(world.folder / "cache")
    found = cache.accesses(handler(sys.modules[world.name].alone, reads=("z",), writes=("y",)))
    assert (cache.found_count, found.writes, found.undeclared) == (1, {"y"}, (("writes", "a"),))


def test_another_record_is_another_question(world):
    world.look("alone", layouts={"event": np.dtype([("a", "i8")])})
    cache, _ = world.look("alone", layouts={"event": np.dtype([("a", "i8", (3,))])})
    assert cache.walked_count == 1


def test_another_version_of_the_program_looks_again(world, monkeypatch):
    world.look("alone")
    monkeypatch.setattr(access_cache, "_program", lambda: "another")
    assert world.look("alone")[0].walked_count == 1
    assert world.look("alone")[0].walked_count == 0


@pytest.mark.parametrize("damage", [lambda d: d[:-7], lambda d: d + b"x", lambda d: b"", lambda d: d.replace(b'"a"', b'"b"'),
                                    lambda d: b"\xff" * len(d)])
def test_a_broken_file_is_told_and_made_again(world, damage):
    world.look("alone")
    path, = world.files
    path.write_bytes(damage(path.read_bytes()))
    cache, (found,) = world.look("alone")
    assert cache.troubles == [f"{path} is broken; it is made again"] and found.writes == {"a"}
    assert world.look("alone")[0].troubles == []


def test_every_flipped_bit_is_noticed(world):
    world.look("alone")
    path, = world.files
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        cache = AccessCache(world.folder / "cache")
        found = cache.accesses(handler(sys.modules[world.name].alone))
        assert found.writes == {"a"} and cache.troubles, place


def test_a_folder_that_cannot_be_made_is_told(world):
    cache = AccessCache(Path("/proc/no/such/folder"))
    assert cache.accesses(handler(world.load().alone)).writes == {"a"}
    cache.save()
    assert cache.troubles == ["cannot write /proc/no/such/folder: No such file or directory"]


def test_a_file_in_the_place_of_the_folder_is_told(world):
    (world.folder / "cache").write_text("")
    cache, (found,) = world.look("alone")
    assert len(cache.troubles) >= 1 and found.writes == {"a"}


def test_without_a_home_it_is_told_and_works(world, monkeypatch):
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    cache = AccessCache()
    assert cache.accesses(handler(world.load().alone)).writes == {"a"}
    assert cache.troubles == ["HOME and XDG_CACHE_HOME are unset: there is no folder for it"]


def test_files_of_sources_that_are_gone_are_removed(world, monkeypatch):
    world.look("alone")
    old, = world.files
    monkeypatch.setattr(access_cache, "_FILES_MAX", 0)
    (world.folder / f"{world.name}.py").rename(world.folder / "kept.py")
    world.name = "kept"
    (world.folder / "kept_helpers.py").write_text(HELPERS.format(field="c", put="d"))
    world.look("alone")
    assert old not in world.files and len(world.files) == 1


class Counter:
    def on_event(self, record, sequence, end_of_batch):
        self.total = record["a"]


def test_a_handler_that_is_an_object_is_looked_into_each_time(tmp_path):
    counter = Counter()
    for _ in range(2):
        cache = AccessCache(tmp_path)
        assert cache.accesses(counter) == accesses(counter)
        cache.save()
        assert cache.walked_count == 1
