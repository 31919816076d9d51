"""A run does without what only tests need: a capture that is not there, a component that tests put in a stage's place."""

import pytest

from hydraflow.topology import TopologyError, load
from tests.reference.topology_stubs import registry

TEXT = """\
version: 1
sources: [{use: simulator}]
handlers: [{use: deserialize.binance}, {use: book}]
tests:
  - {name: one, input: {file: gone.gz}, handlers: {book: "./gone.py:on_event"}}
"""


def test_what_tests_name_is_looked_for_by_check_and_not_by_a_run(tmp_path):
    (tmp_path / "t.yaml").write_text(TEXT)
    with pytest.raises(TopologyError) as caught:
        load(tmp_path / "t.yaml", registry=registry())
    assert [d.code for d in caught.value.diagnostics] == ["HF602", "HF302"]
    assert load(tmp_path / "t.yaml", registry=registry(), tests=False).tests[0].name == "one"
