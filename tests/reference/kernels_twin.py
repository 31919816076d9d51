"""Functions that reach compiled helpers in every way: globals, modules, closures, recursion; and what may differ."""

import random

import numba
import numpy as np

from disruptor.compiled import compiled
from tests.reference import kernels_twin_helpers
from tests.reference.kernels_twin_helpers import square, twice

WEIGHTS = np.array([1.0, 2.0, 3.0])


def through_globals(x):
    return twice(x) + square(x)


def through_a_module(x):
    return kernels_twin_helpers.twice(x)


@compiled(inline=False)
def countdown(n):
    if n <= 0:
        return 0
    return countdown(n - 1) + 1


def recursive(x):
    return countdown(x)


@compiled
def fourfold(x):
    return twice(twice(x))


def nested(x):
    return fourfold(x)


@numba.njit
def ordinary(x, i):
    return x[i]


def reads_through_ordinary(x, i):
    return ordinary(x, i)


def makes_closure(factor):
    helper = compiled(lambda x: x * factor)

    def closed(x):
        return helper(x) + factor

    return closed


def global_array_read(event):
    event["value"] = WEIGHTS[event["n"]]


def draws_numpy(event):
    event["value"] = np.random.rand()


def draws_python(event):
    event["value"] = random.random()


def nested_lossy(event):
    event["levels"][1]["n"] = event["mean"]
    event["inner"]["n"] = event["mean"]
    event["grid"][1, 2] = event["mean"]
