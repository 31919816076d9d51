"""Mathematics that gives the same bits jitted, un-jitted and on every IEEE 754 machine.

`math.exp`, `np.tanh`, `np.sum` and what numba puts in their place differ from one another in the last bits, and from one
processor to the next. A state that is replayed or compared by its hash must not depend on them. The functions here use
only + − × ÷ and √, which IEEE 754 defines to the last bit, in an order that the source fixes; there is no FMA. They
are plain Python functions, and compiled code calls the same source.

    from disruptor import detmath
    event["score"] = detmath.tanh(event["value"])

Scalars: float64 in, float64 out (integers are converted). Errors are in units in the last place of the exact result,
largest of the arguments that tests/disruptor/test_detmath.py compares with exact arithmetic:

    exp 0.6   expm1 0.9   log 0.51   log1p 0.51   pow 0.7   sin 0.8   cos 0.8   tanh 0.8   sqrt 0.5 (rounded correctly)

Nothing raises: an argument outside the domain gives nan (always the same nan), an overflow an infinity. Not monotonic by
proof. For the precision of the sums see `reduction`.

    exact         bits, exact sums and products, the decorator
    exponential   exp, expm1, tanh       logarithm  log, log1p, pow
    angle, sine   sin, cos               reduction  sums in a fixed order
"""

from __future__ import annotations

import math

from disruptor.detmath.exact import NAN, deterministic
from disruptor.detmath.exponential import exp, expm1, tanh
from disruptor.detmath.logarithm import log, log1p, pow
from disruptor.detmath.reduction import compensated_sum, ordered_dot, ordered_mean, ordered_sum
from disruptor.detmath.sine import cos, sin

__all__ = [
    "compensated_sum",
    "cos",
    "exp",
    "expm1",
    "log",
    "log1p",
    "ordered_dot",
    "ordered_mean",
    "ordered_sum",
    "pow",
    "sin",
    "sqrt",
    "tanh",
]


def sqrt(x):
    """Return the square root, rounded correctly by IEEE 754. sqrt(−0) = −0; nan for x < 0 and nan."""
    x = float(x)
    root = math.sqrt(abs(x))  # LLVM makes one square root of "x < 0 ? nan : √x", whose nan is the processor's
    return NAN if x != x or x < 0.0 else (root if x != 0.0 else x)


deterministic(sqrt)
