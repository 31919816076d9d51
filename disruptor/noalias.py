"""Telling LLVM which arrays of a loop nobody else touches while it runs, so that what it stores there stays in registers.

A handler's state and the sequence in its hand are written at every record. Without a word, LLVM must store them each time,
because any store into the ring might be a store into them: 2.6 ns per record for a sum of eight words, 1.75 with it (C: 1.7).
Never of cells or records: other threads read and write those meanwhile.

numba has no public option for this; it is set where numba names the arguments of a compiled function. Where numba's parts are
not what they were, nothing is marked and loops are slower (tests/disruptor/test_noalias.py).
Source: LLVM Language Reference, parameter attribute `noalias`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numba.core.callconv import CPUCallConv

__all__ = ["private_arrays"]

_DATA = 4  # the place of the data pointer among the fields of an array


@contextlib.contextmanager
def private_arrays(names: Collection[str], arguments: Mapping[str, np.ndarray], function: str = "run") -> Iterator[list[str]]:
    """Mark these arguments of the function called `function`, compiled in here, as private. Yields those marked.

    Raises: ValueError for an argument that shares memory with another.
    """
    for name in names:
        for other, array in arguments.items():
            if other != name and np.may_share_memory(arguments[name], array):
                raise ValueError(f"'{name}' is not private: it shares memory with '{other}'")
    marked: list[str] = []
    ordinary = CPUCallConv.decorate_function

    def decorate(self: Any, fn: Any, args: Any, fe_argtypes: Any, noalias: bool = False) -> None:
        ordinary(self, fn, args, fe_argtypes, noalias)
        if f"::{function}" not in fn.name and f"{len(function)}{function}B" not in fn.name:
            return
        for value in self.get_arguments(fn):
            name = value.name.removeprefix("arg.").removesuffix(f".{_DATA}")
            if name in names and value.name == f"arg.{name}.{_DATA}":
                value.add_attribute("noalias")
                marked.append(name)

    CPUCallConv.decorate_function = decorate
    try:
        yield marked
    finally:
        CPUCallConv.decorate_function = ordinary
