"""Byte rings that processes share: attaching, a process that is killed, heartbeats."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from disruptor.broadcast import Broadcast
from disruptor.byte_ring import ByteRing
from disruptor.errors import LayoutError
from tests.reference.byte_rings import CAPACITY, everything


def test_a_process_killed_between_claim_and_commit_blocks_nobody_for_ever():
    code = """
import os, signal
from disruptor.byte_ring import ByteRing
ring = ByteRing("messages", 4096, "multi")
child = os.fork()
if child == 0:
    ring.write(b"from the child", 1)
    ring.try_claim(50, 2)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
ring.write(b"from the parent", 3)
print(list(ring), ring.size() > 0, ring.unblock(), list(ring), ring.size(), ring.next_correlation_id())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300, env={**os.environ})
    assert ran.stdout == "[(1, b'from the child')] True True [(3, b'from the parent')] 0 0\n", ran.stderr


def test_another_process_attaches_and_writes():
    ring = ByteRing("messages", CAPACITY, "multi", max_length=100)
    code = f"""
from disruptor.byte_ring import ByteRing
ring = ByteRing.attach("messages", {ring.paths!r})
print(ring, ring.capacity, ring.producers, ring.max_length, list(ring))
ring.write(b"x" * 100, 7)
ring.try_claim(10, 1)
"""
    ring.write(b"hello", 1)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert ran.stdout == "byte ring 'messages' 4096 multi 100 [(1, b'hello')]\n", ran.stderr
    assert everything(ring) == [(7, b"x" * 100)]
    assert ring.unblock()  # it has ended without a commit
    assert everything(ring) == [] and ring.size() == 0


def test_only_a_byte_ring_can_be_attached_to():
    ring, sender = ByteRing("messages", CAPACITY), Broadcast("events", CAPACITY)
    again = ByteRing.attach("again", ring.paths)
    ring.write(b"hello", 1)
    assert everything(again) == [(1, b"hello")] and again.producers == "single"
    with pytest.raises(LayoutError) as error:
        ByteRing.attach("messages", sender.paths)
    assert str(error.value) == (
        f"byte ring 'messages': {sender.paths[1]} holds a broadcast, not a byte ring for one producer or a byte ring for many"
        " producers of this version"
    )
    with pytest.raises(LayoutError, match=r" holds a byte ring for one producer, not a broadcast of this version$"):
        Broadcast.attach("events", ring.paths)
    with pytest.raises(LayoutError, match=r" holds something else, not a broadcast of this version$"):
        Broadcast.attach("events", (ring.paths[0], ring.paths[0]))
    larger = ByteRing("larger", 2 * CAPACITY)
    with pytest.raises(LayoutError) as error:
        ByteRing.attach("messages", (larger.paths[0], ring.paths[1]))
    assert str(error.value) == (
        f"byte ring 'messages': {larger.paths[0]} has 8,192 bytes, but {ring.paths[1]} speaks of 4,096;"
        " take both paths from the same ring"
    )
    with pytest.raises(OSError, match="No such file"):
        ByteRing.attach("messages", ("/proc/self/fd/999999", ring.paths[1]))
