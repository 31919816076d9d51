"""Environment variables in one scalar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydraflow.topology.interpolate import interpolate

ENVIRONMENT = {"V": "value", "EMPTY": "", "EVIL": "${V} $$ : {a: b} # \n- x"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"), ("${V}", "value"), ("a${V}b${V}", "avaluebvalue"), ("${UNSET:-d}", "d"), ("${EMPTY:-d}", "d"),
        ("${EMPTY}", ""), ("${V:-d}", "value"), ("${UNSET:-}", ""), ("${UNSET:-a:-b}", "a:-b"), ("$$", "$"), ("$${V}", "${V}"),
        ("$V", "$V"), ("5 $", "5 $"), ("${EVIL}", ENVIRONMENT["EVIL"]), ("${V:?why}", "value"),
    ],
)
def test_interpolate_replaces(text, result):
    found = interpolate(text, ENVIRONMENT)
    assert (found.text, found.problems) == (result, ())


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("${UNSET}", "unset", "environment variable UNSET is not set"),
        ("x ${UNSET:?say where}", "unset", "environment variable UNSET is not set: say where"),
        ("${EMPTY:?say where}", "unset", "environment variable EMPTY is empty: say where"),
        ("${V", "malformed", "'${V' has no closing brace"),
        ("${}", "malformed", "'${}' is not a variable"),
        ("${V-d}", "malformed", "'${V-d}' is not a variable"),
        ("${1}", "malformed", "'${1}' is not a variable"),
    ],
)
def test_interpolate_reports(text, kind, message):
    (problem,) = interpolate(text, ENVIRONMENT).problems
    assert (problem.kind, problem.message) == (kind, message)
    assert text[problem.offset :][: problem.length].startswith("${")


@given(st.text(alphabet="${}:-?aV ", max_size=40))
def test_interpolate_never_raises(text):
    interpolate(text, ENVIRONMENT)


def test_interpolate_takes_hostile_text_in_linear_time():
    interpolate("${" * 200_000, ENVIRONMENT)
