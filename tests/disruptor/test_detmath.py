"""The same bits jitted and un-jitted, and how far they are from the exact value."""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding

from disruptor import detmath
from disruptor.compiled import JIT_ENABLED
from disruptor.detmath import angle, exact
from tests.reference import kernels_detmath as kernels
from tests.reference.exact_functions import PI, ulps

INF, NAN = math.inf, math.nan
LIMITS = {"exp": 0.6, "expm1": 0.9, "log": 0.51, "log1p": 0.51, "pow": 0.7, "sin": 0.8, "cos": 0.8, "tanh": 0.8}
COUNT = 100_000
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, INF, -INF, NAN, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-300, -1e-17, 1e-9,
    1.7976931348623157e308, -1.7976931348623157e308, 709.782712893384, 709.7827128933841, -745.1332191019411,
    -745.1332191019412, -708.4, 22.0, 0.7853981633974483, 1.5707963267948966, 3.141592653589793, 1048576.0, 6.0e22,
    0.9999999999999999, 1.0000000000000002, -0.9999999999999999, 5.319372648326541e255, 1.4142135623730951, 36.7, -37.5,
]  # fmt: skip


def arguments(seed: int = 5) -> np.ndarray:
    """Return COUNT floats of every kind: all magnitudes, ordinary ones, near 1, and every special one."""
    random = np.random.default_rng(seed)
    quarter = COUNT // 4
    any_bits = random.integers(-(1 << 63), (1 << 63) - 1, quarter).view(np.float64)
    usual = random.uniform(-750.0, 750.0, quarter)
    near_one = random.choice([-1.0, 1.0], quarter) * (1.0 + random.normal(0.0, 0.1, quarter))
    small = random.normal(0.0, 1.0, COUNT - 3 * quarter - len(SPECIAL))
    return np.concatenate([any_bits, usual, near_one, small, SPECIAL])


def bits(values: np.ndarray) -> np.ndarray:
    return values.view(np.int64)


@pytest.mark.parametrize("name", kernels.ONE)
def test_the_bits_are_the_same_jitted_and_unjitted(name):
    x = arguments()
    jitted, plain = np.zeros(len(x)), np.zeros(len(x))
    kernels.ONE[name](x, jitted)
    function = getattr(detmath, name)
    for i, value in enumerate(x.tolist()):
        plain[i] = function(value)
    assert len(x) == COUNT
    assert x[bits(jitted) != bits(plain)].tolist() == []


def test_the_bits_of_pow_are_the_same_jitted_and_unjitted():
    random = np.random.default_rng(2)
    x = np.abs(arguments(6))
    x[: COUNT // 8] = -np.abs(arguments(7)[COUNT // 4 : 3 * COUNT // 8])
    y = random.choice([-3.0, 2.0, 0.5, 7.25, -1.5], COUNT) * np.exp2(random.uniform(-4, 5, COUNT))
    pairs = np.array([(a, b) for a in SPECIAL for b in SPECIAL])
    x, y = np.concatenate([x, pairs[:, 0]]), np.concatenate([y, pairs[:, 1]])
    jitted, plain = np.zeros(len(x)), np.zeros(len(x))
    kernels.power(x, y, jitted)
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist())):
        plain[i] = detmath.pow(a, b)
    assert np.argwhere(bits(jitted) != bits(plain)).tolist() == []


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000, 1003])
def test_the_bits_of_reductions_are_the_same_jitted_and_unjitted(count):
    random = np.random.default_rng(count)
    x, y = random.normal(0, 1e8, count) * 10.0 ** random.integers(-9, 9, count), random.normal(0, 1, count)
    jitted = np.zeros(4)
    kernels.reductions(x, y, jitted)
    plain = [detmath.ordered_sum(x), detmath.ordered_dot(x, y), detmath.ordered_mean(x), detmath.compensated_sum(x)]
    assert bits(jitted).tolist() == bits(np.array(plain)).tolist()


@pytest.mark.skipif(not JIT_ENABLED, reason="machine code")
def test_machine_code_has_no_fma_and_no_call_into_a_mathematical_library():
    x = np.ones(16)
    for kernel in kernels.ONE.values():
        kernel(x, np.zeros(16))
    kernels.power(x, x, np.zeros(16))
    kernels.reductions(x, x, np.zeros(4))
    for kernel in (*kernels.ONE.values(), kernels.power, kernels.reductions):
        for signature in kernel.signatures:
            code, ir = kernel.inspect_asm(signature), kernel.inspect_llvm(signature)
            assert not re.search(r"v?fn?m(add|sub)|fmadd|fmla", code)
            assert not re.search(r"llvm\.(fma|fmuladd|exp|log|sin|cos|tanh|pow)", ir)
            assert not re.search(r"\b(?:call|jmp)\s+\*?_?(exp|expm1|log|log1p|sin|cos|tanh|pow)\b", code)
            assert not re.search(r"f(add|sub|mul|div) (fast|reassoc|contract|arcp|afn)", ir)


@pytest.mark.skipif(not JIT_ENABLED, reason="machine code")
def test_machine_code_would_show_an_fma_where_contraction_is_allowed():
    if not binding.get_host_cpu_features().get("fma"):
        pytest.skip("this processor has no FMA")
    x = np.ones(16)
    kernels.contracted(x, x, np.zeros(16))
    kernels.uncontracted(x, x, np.zeros(16))
    assert re.search(r"vfn?m(add|sub)", kernels.contracted.inspect_asm(kernels.contracted.signatures[0]))
    assert not re.search(r"vfn?m(add|sub)", kernels.uncontracted.inspect_asm(kernels.uncontracted.signatures[0]))


def signed(low: float, high: float, count: int, seed: int) -> list[float]:
    """Return numbers of both signs whose logarithm is spread evenly."""
    random = np.random.default_rng(seed)
    return (np.exp2(random.uniform(low, high, count)) * random.choice([-1.0, 1.0], count)).tolist()


DOMAINS = {
    "exp": signed(-40, 9.4, 400, 1) + np.linspace(-745, 709, 400).tolist(),
    "expm1": signed(-50, 9.4, 400, 2) + np.linspace(-2, 2, 400).tolist(),
    "log": [abs(v) for v in signed(-1074, 1023, 400, 3)] + np.linspace(0.4, 2.5, 400).tolist(),
    "log1p": [v for v in signed(-60, 0, 400, 4) if v > -1] + [abs(v) for v in signed(0, 1023, 200, 5)],
    "sin": signed(-30, 1023.9, 400, 6) + np.linspace(-20, 20, 400).tolist(),
    "cos": signed(-30, 1023.9, 400, 7) + np.linspace(-20, 20, 400).tolist(),
    "tanh": signed(-30, 4.4, 400, 8) + np.linspace(-1, 1, 400).tolist(),
}
SUBNORMAL_EXTRA = 0.55  # a second rounding, where the result is subnormal


@pytest.mark.parametrize("name", DOMAINS)
def test_the_error_is_below_the_stated_limit(name):
    function = getattr(detmath, name)
    for x in DOMAINS[name]:
        result = function(x)
        limit = LIMITS[name] + (SUBNORMAL_EXTRA if abs(result) < 2.3e-308 else 0.0)
        assert ulps(name, (x,), result) < limit, x


def test_the_error_of_pow_is_below_the_stated_limit():
    random = np.random.default_rng(9)
    x = np.concatenate([np.exp2(random.uniform(-1074, 1023, 300)), random.uniform(0.5, 2.0, 300)])
    y = np.concatenate([random.uniform(-2, 2, 300), random.uniform(-1000, 1000, 300)])
    for a, b in zip(x.tolist(), y.tolist()):
        result = detmath.pow(a, b)
        limit = LIMITS["pow"] + (SUBNORMAL_EXTRA if result < 2.3e-308 else 0.0)
        assert ulps("pow", (a, b), result) < limit, (a, b)


def test_the_error_limits_are_those_of_the_docstring():
    stated = dict(re.findall(r"(exp|expm1|log|log1p|pow|sin|cos|tanh) (\d\.\d+)", detmath.__doc__))
    assert {name: float(limit) for name, limit in stated.items()} == LIMITS


@given(st.integers(1, 60), st.integers(1, 12))
def test_pow_of_small_integers_is_exact(base, exponent):
    if base**exponent < 2**53:
        assert detmath.pow(base, exponent) == base**exponent
        assert detmath.pow(-base, exponent) == (-base) ** exponent


@settings(deadline=None)
@given(st.floats(0.01, 100.0), st.floats(-20.0, 20.0))
def test_pow_agrees_with_the_exact_value(x, y):
    assert ulps("pow", (x, y), detmath.pow(x, y)) < LIMITS["pow"]


def test_the_digits_of_two_over_pi_and_the_parts_of_half_pi_are_right():
    scale = 1 << (24 * 50)
    digits = [int((2 / Fraction(PI)) * scale) >> (24 * (49 - i)) & 0xFFFFFF for i in range(50)]
    assert list(angle._TWO_OVER_PI) == [0, 0, 0, *digits]
    parts = [Fraction(p) for p in (angle._PART_1, angle._PART_2, angle._PART_3, angle._PART_4)]
    assert abs(sum(parts) - Fraction(PI) / 2) < Fraction(2) ** -157
    assert abs(Fraction(angle._HALF_PI) + Fraction(angle._HALF_PI_LOW) - Fraction(PI) / 2) < Fraction(2) ** -107


def check_reduced(x: float) -> None:
    quadrant, rest, low = angle.reduced_angle(x)
    assert abs(rest) <= 0.78539816339745
    with localcontext() as context:
        context.prec = 500
        turns = (Decimal(x) / (PI / 2)).to_integral_value()
        if abs(abs(rest) - 0.7853981633974483) < 1e-9:  # either quadrant will do
            turns += (quadrant - int(turns) + 1) % 4 - 1
        error = Decimal(x) - turns * (PI / 2) - Decimal(rest) - Decimal(low)
        assert quadrant == int(turns) & 3
        assert abs(error) < Decimal(2) ** -72 * abs(Decimal(rest)), x


@settings(deadline=None)
@given(st.floats(0.8, 1.7976931348623157e308) | st.floats(0.8, 2e6))
def test_reduced_angle_is_a_quarter_turn_at_most_and_precise(x):
    check_reduced(x)


def test_reduced_angle_is_precise_where_nearly_everything_cancels():
    check_reduced(6381956970095103 * 2.0**797)  # the float64 that is nearest to a multiple of π/2, for its size
    for n in [*range(1, 3000), *range(660_000, 670_000, 7), 10**9, 10**15 + 1, 10**100]:
        check_reduced(float(n * PI / 2))


@settings(deadline=None)
@given(st.floats(-1e100, 1e100), st.floats(-1e100, 1e100))
def test_sums_and_products_are_exact(a, b):
    high, low = exact.two_sum(a, b)
    assert Fraction(high) + Fraction(low) == Fraction(a) + Fraction(b)
    if 0.0 in (a, b) or abs(a * b) > 1e-280:
        high, low = exact.two_product(a, b)
        assert Fraction(high) + Fraction(low) == Fraction(a) * Fraction(b)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("exp", 0.0, 1.0), ("exp", -0.0, 1.0), ("exp", INF, INF), ("exp", -INF, 0.0), ("exp", NAN, NAN), ("exp", 710.0, INF),
        ("exp", -746.0, 0.0), ("exp", 709.782712893384, 1.7976931348622732e308), ("exp", -745.13, 5e-324), ("exp", 5e-324, 1.0),
        ("expm1", 0.0, 0.0), ("expm1", -0.0, -0.0), ("expm1", INF, INF), ("expm1", -INF, -1.0), ("expm1", NAN, NAN),
        ("expm1", 5e-324, 5e-324), ("expm1", -40.0, -1.0), ("expm1", 800.0, INF),
        ("log", 1.0, 0.0), ("log", 0.0, -INF), ("log", -0.0, -INF), ("log", INF, INF), ("log", -1.0, NAN), ("log", -INF, NAN),
        ("log", NAN, NAN), ("log", 5e-324, -744.4400719213812), ("log", -5e-324, NAN),
        ("log1p", 0.0, 0.0), ("log1p", -0.0, -0.0), ("log1p", -1.0, -INF), ("log1p", -1.5, NAN), ("log1p", INF, INF),
        ("log1p", -INF, NAN), ("log1p", NAN, NAN), ("log1p", 5e-324, 5e-324),
        ("sin", 0.0, 0.0), ("sin", -0.0, -0.0), ("sin", INF, NAN), ("sin", -INF, NAN), ("sin", NAN, NAN), ("sin", 5e-324, 5e-324),
        ("cos", 0.0, 1.0), ("cos", -0.0, 1.0), ("cos", INF, NAN), ("cos", -INF, NAN), ("cos", NAN, NAN), ("cos", 5e-324, 1.0),
        ("tanh", 0.0, 0.0), ("tanh", -0.0, -0.0), ("tanh", INF, 1.0), ("tanh", -INF, -1.0), ("tanh", NAN, NAN), ("tanh", 5e-324, 5e-324),
        ("sqrt", 4.0, 2.0), ("sqrt", -0.0, -0.0), ("sqrt", -1.0, NAN), ("sqrt", -5e-324, NAN), ("sqrt", INF, INF), ("sqrt", NAN, NAN),
        ("sqrt", 2.0, 1.4142135623730951),
    ],
)  # fmt: skip
def test_special_values(name, x, expected):
    out = np.zeros(1)
    kernels.ONE[name](np.array([x]), out)
    for result in (getattr(detmath, name)(x), float(out[0])):
        assert np.float64(result).view(np.int64) == np.float64(expected).view(np.int64), result


def test_pow_has_the_special_values_of_c99():
    values = [*SPECIAL, 3.0, -3.0, -2.5, 9007199254740993.0]
    for x in values:
        for y in values:
            try:
                expected = math.pow(x, y)
            except OverflowError:
                odd = float(y).is_integer() and abs(y) < 2**53 and int(y) & 1
                expected = -INF if x < 0 and odd else INF
            except ValueError:
                odd = float(y).is_integer() and abs(y) < 2**53 and int(y) & 1
                expected = NAN if x != 0 else (math.copysign(INF, x) if odd else INF)
            result = detmath.pow(x, y)
            if math.isnan(expected) or math.isinf(expected) or expected == 0.0:
                assert bits(np.array([result]))[0] == bits(np.array([expected]))[0], (x, y)
            else:
                assert result == pytest.approx(expected, rel=1e-15, abs=1e-323), (x, y)


def test_nan_is_always_the_same_nan():
    odd_nan = np.array([0x7FF80000DEADBEEF, -1], np.int64).view(np.float64)
    canonical = np.float64(NAN).view(np.int64)
    for name, kernel in kernels.ONE.items():
        out = np.zeros(2)
        kernel(odd_nan, out)
        assert (bits(out) == canonical).all()
        assert np.float64(getattr(detmath, name)(odd_nan[0])).view(np.int64) == canonical


def test_integers_are_converted():
    assert detmath.exp(1) == detmath.exp(1.0)
    assert detmath.pow(2, 10) == 1024.0
    whole = np.arange(20)
    assert detmath.ordered_sum(whole) == 190.0
    assert detmath.ordered_mean(whole) == 9.5


def test_ordered_sum_follows_its_lanes():
    values = np.array([1e16, 1, 1, 1, 1, 1, 1, 1, -1e16, 1, 1, 1, 1, 1, 1, 1, 0.5])
    assert detmath.ordered_sum(values) == 14.5
    assert detmath.ordered_sum(values[:0]) == 0.0
    assert detmath.ordered_sum(np.repeat(values, 2)[::2]) == 14.5
    assert math.isnan(detmath.ordered_mean(values[:0]))
    assert detmath.ordered_dot(values, np.ones(2)) == 1e16 + 1


@settings(deadline=None)
@given(st.lists(st.floats(-1e100, 1e100), max_size=60))
def test_compensated_sum_is_nearly_as_if_rounded_once(values):
    total, sizes = sum(map(Fraction, values)), sum(abs(Fraction(v)) for v in values)
    bound = Fraction(2) ** -53 * abs(total) + len(values) ** 2 * Fraction(2) ** -105 * sizes
    assert abs(Fraction(detmath.compensated_sum(np.array(values))) - total) <= bound


@pytest.mark.parametrize(
    ("values", "expected"),
    [([INF, 1.0], INF), ([1.0, -INF, 2.0], -INF), ([INF, -INF], NAN), ([NAN, 1.0], NAN), ([1e308, 1e308], INF), ([], 0.0),
     ([1.0, 1e100, 1.0, -1e100], 2.0)],
)  # fmt: skip
def test_compensated_sum_of_special_values(values, expected):
    out = np.zeros(4)
    x = np.array(values, np.float64)
    kernels.reductions(x, x, out)
    for result in (detmath.compensated_sum(x), out[3]):
        assert np.float64(result).view(np.int64) == np.float64(expected).view(np.int64)
