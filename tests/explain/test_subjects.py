"""What can be asked, and what is said to a question that has no answer."""

from __future__ import annotations

import pytest

from hydraflow.errors import ConfigurationError, UsageError
from hydraflow.explain import answer, overview, render
from hydraflow.registry import Registry

REGISTRY = Registry(entry_points=False)


def test_everything_that_is_listed_has_an_answer():
    listed = overview(REGISTRY)
    assert set(listed) == {"kind", "handlers", "sources", "keys", "rings", "records", "explanations"}
    for kind in ("handlers", "sources", "keys", "rings", "records", "explanations"):
        for name in listed[kind]:
            assert max(map(len, render(answer(name, REGISTRY)).splitlines())) <= 80


@pytest.mark.parametrize(
    ("what", "name", "inside"),
    [
        ("handlers.after", "handlers.after", "stages on the same ring that must have seen a record before it"),
        ("sinks.after", "sinks.after", "HF104"), ("rings.slots", "rings.slots", "1 to 67,108,864"),
        ("rings.main.slots", "rings.main.slots", "default 4,096"), ("rings.mine.slots", "rings.mine.slots", "power of two"),
        ("placement", "placement", "auto, fused, explicit, or a mapping"), ("placement.threads.cpu", "placement.threads.cpu", "or null"),
        ("instruments", "instruments", "base_is_token0"), ("handlers.use", "handlers.use", "hfx plugins"),
        ("message", "message", "written by book"), ("message.bid_count", "message.bid_count", "uint32"),
        ("order.reason", "order.reason", "risk"), ("message.kind", "message.kind", "4=TRADE"), ("main", "main", "sequencer"),
    ],
)
def test_a_question_has_its_page(what, name, inside):
    page = answer(what, REGISTRY)
    assert page["name"] == name
    assert inside in " ".join(render(page).split())


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("bok", "nothing is called 'bok'; did you mean 'book'?"), ("aftr", "nothing is called 'aftr'; did you mean 'after'?"),
        ("handlers.aftr", "nothing is called 'handlers.aftr'; did you mean 'handlers.after'?"),
        ("handler.after", "nothing is called 'handler.after'; did you mean 'handlers.after'?"),
        ("message.bidcount", "nothing is called 'message.bidcount'; did you mean 'message.bid_count'?"),
        ("book.window_tick", "handler 'book' has no parameter 'window_tick'; did you mean 'window_ticks'?"),
        ("journal.x", "handler 'journal' has no parameter 'x'; it takes none"),
        ("qqqqqq", "nothing is called 'qqqqqq'; `hfx explain` lists what can be asked"),
        ("", "nothing is called ''; `hfx explain` lists what can be asked"), (".", "nothing is called '.'; `hfx explain` lists what can be asked"),
        ("HF999", "no diagnostic is called 'HF999'; `hfx explain codes` lists all of them"),
        ("name.x.y", "nothing is called 'name.x.y'; did you mean 'name'?"),
    ],
)
def test_an_unknown_name_is_a_usage_error(what, error):
    with pytest.raises(UsageError) as caught:
        answer(what, REGISTRY)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("./mine.py:wath", "HF303: ./mine.py:wath: './mine.py' has no 'wath'; did you mean 'watch'?; functions there: watch"),
        ("./mne.py:watch", "HF302: ./mne.py:watch: cannot read 'FOLDER/mne.py': No such file or directory; did you mean './mine.py:watch'?"),
        ("json:loads", None), ("a b:c", "HF301: a b:c: 'a b' is neither a module nor a .py file"),
    ],
)
def test_a_component_that_cannot_be_resolved_is_a_setting_that_cannot_work(what, error, tmp_path):
    (tmp_path / "mine.py").write_text("def watch(event):\n    pass\n")
    if error is None:  # a function is a handler, whoever wrote it
        assert answer(what, REGISTRY, str(tmp_path))["kind"] == "handler"
        return
    with pytest.raises(ConfigurationError) as caught:
        answer(what, REGISTRY, str(tmp_path))
    assert str(caught.value) == error.replace("FOLDER", str(tmp_path))
