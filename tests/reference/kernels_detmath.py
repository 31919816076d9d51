"""The compiled forms of disruptor.detmath: each function over an array, and two that LLVM may contract."""

from __future__ import annotations

import numba

from disruptor import detmath
from disruptor.compiled import entry

__all__ = ["ONE", "contracted", "reductions", "uncontracted"]


@entry
def exp(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.exp(x[i])


@entry
def expm1(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.expm1(x[i])


@entry
def tanh(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.tanh(x[i])


@entry
def log(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.log(x[i])


@entry
def log1p(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.log1p(x[i])


@entry
def sin(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.sin(x[i])


@entry
def cos(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.cos(x[i])


@entry
def sqrt(x, out):
    for i in range(x.shape[0]):
        out[i] = detmath.sqrt(x[i])


@entry
def power(x, y, out):
    for i in range(x.shape[0]):
        out[i] = detmath.pow(x[i], y[i])


@entry
def reductions(x, y, out):
    out[0] = detmath.ordered_sum(x)
    out[1] = detmath.ordered_dot(x, y)
    out[2] = detmath.ordered_mean(x)
    out[3] = detmath.compensated_sum(x)


ONE = {"exp": exp, "expm1": expm1, "tanh": tanh, "log": log, "log1p": log1p, "sin": sin, "cos": cos, "sqrt": sqrt}


@numba.njit(fastmath={"contract"})
def contracted(x, y, out):
    for i in range(x.shape[0]):
        out[i] = x[i] * y[i] + out[i]


@entry
def uncontracted(x, y, out):
    for i in range(x.shape[0]):
        out[i] = x[i] * y[i] + out[i]
