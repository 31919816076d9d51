"""Memory on a NUMA node: asked for by address range, also for pages that lie elsewhere already.

`prefer` is a wish: a node that is full gives way to another. What a kernel without NUMA, a container or a wrong number refuses
is told in words, and the memory stays what it was.

Source: mbind(2), move_pages(2), Linux include/uapi/linux/mempolicy.h.
"""

from __future__ import annotations

import os
import platform

import cffi

from disruptor.layout import PAGE
from disruptor.memory import Mapping

__all__ = ["NODES_MAX", "pages_by_node", "prefer"]

NODES_MAX = 1024
_MBIND = {"x86_64": 237, "aarch64": 235}
_MOVE_PAGES = {"x86_64": 279, "aarch64": 239}
_MPOL_PREFERRED = 1
_MPOL_MF_MOVE = 2
_WORD_BITS = 64

_ffi = cffi.FFI()
_ffi.cdef("long syscall(long, ...);")
_libc = _ffi.dlopen(None)


def prefer(mapping: Mapping, node: int) -> bool:
    """Take the pages of a mapping from NUMA node `node`, and move those that are there; return whether the kernel agreed.

    What it refused stands in mapping.notes. Nobody else need stop using the memory.
    """
    number = _MBIND.get(platform.machine())
    if number is None or not 0 <= node < NODES_MAX:
        why = f"not known for {platform.machine()}" if number is None else f"there are {NODES_MAX:,} at most"
    else:
        mask = _ffi.new("unsigned long[]", NODES_MAX // _WORD_BITS)
        mask[node // _WORD_BITS] = 1 << node % _WORD_BITS
        done = _libc.syscall(
            _ffi.cast("long", number), _ffi.cast("void *", mapping.address), _ffi.cast("unsigned long", mapping.span),
            _ffi.cast("unsigned long", _MPOL_PREFERRED), mask, _ffi.cast("unsigned long", NODES_MAX + 1), _ffi.cast("unsigned long", _MPOL_MF_MOVE),
        )
        if done == 0:
            return True
        why = os.strerror(_ffi.errno)
    mapping.notes.append(f"memory node {node} refused for {mapping.span:,} bytes ({why}); they stay where they were touched first")
    return False


def pages_by_node(mapping: Mapping) -> dict[int, int]:
    """Return how many pages lie on each node; of pages that were never touched, or not shown, nothing."""
    number = _MOVE_PAGES.get(platform.machine())
    count = mapping.span // PAGE
    if number is None or count == 0:
        return {}
    pages = _ffi.new("void *[]", [_ffi.cast("void *", mapping.address + PAGE * k) for k in range(count)])
    status = _ffi.new("int[]", count)
    done = _libc.syscall(_ffi.cast("long", number), _ffi.cast("long", 0), _ffi.cast("unsigned long", count), pages, _ffi.cast("void *", 0),
                         status, _ffi.cast("long", 0))
    found: dict[int, int] = {}
    for node in status if done == 0 else ():
        if node >= 0:
            found[node] = found.get(node, 0) + 1
    return found
