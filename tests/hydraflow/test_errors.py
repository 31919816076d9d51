"""Errors carry their exit code and render what, where, limit and remedy."""

from __future__ import annotations

import pytest

from hydraflow import errors

_CODES = {
    "UsageError": 2, "DataError": 65, "InputNotFound": 66, "Unavailable": 69, "InternalError": 70, "OutputError": 73,
    "InputOutputError": 74, "Locked": 75, "ConfigurationError": 78,
}  # fmt: skip


@pytest.mark.parametrize(("name", "code"), _CODES.items())
def test_error_has_its_exit_code(name, code):
    kind = getattr(errors, name)
    assert kind.exit_code == code and issubclass(kind, errors.HydraFlowError)


def test_error_renders_what_it_was_given():
    error = errors.DataError("31 levels", where="x.gz:7", limit="30", remedy="cut them")
    assert str(error) == "x.gz:7: 31 levels (limit: 30); cut them"
    assert (error.what, error.where, error.limit, error.remedy) == ("31 levels", "x.gz:7", "30", "cut them")
    assert str(errors.DataError("plain")) == "plain"
