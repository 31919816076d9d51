"""The recording of a run: what stood in each line and when, and a picture of exactly that."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

import pytest

from tools.record_run import Span, draw, record, shortened, spans


def test_spans_follow_a_line_that_is_refreshed_in_place():
    pieces = [(0.1, "\rframes 1"), (0.2, "\rframes 22"), (0.3, "\r         \r"), (0.4, "report\r\nend\r\n")]
    assert spans(pieces) == [
        Span(0, "frames 1", 0.1, 0.2), Span(0, "frames 22", 0.2, 0.3), Span(0, "report", 0.4, None), Span(1, "end", 0.4, None),
    ]


def test_spans_know_erasing_and_leave_colours_out():
    assert spans([(0.0, "\x1b[31mred\x1b[0m and more"), (1.0, "\rred\x1b[K")]) == [
        Span(0, "red and more", 0.0, 1.0), Span(0, "red", 1.0, None),
    ]


def test_shortened_cuts_long_pauses_and_says_how_much():
    assert shortened([(1.0, "a"), (11.0, "b"), (11.5, "c")]) == ([(1.0, "a"), (3.0, "b"), (3.5, "c")], 8.0)


def test_draw_shows_the_end_where_nothing_moves():
    picture = draw([Span(0, "1 < 2", 0.5, 1.0), Span(0, "the end", 1.0, None)], "hfx run demo", 9.0)
    texts = {e.text: e for e in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")}
    assert texts["1 < 2"].get("visibility") == "hidden"
    assert texts["the end"].get("visibility") is None
    assert {"$ hfx run demo", "pauses shortened by 9 s"} <= set(texts)


def test_record_gives_a_command_a_terminal():
    pieces = record([sys.executable, "-c", "import sys; print(sys.stdout.isatty())"])
    assert "".join(text for _, text in pieces) == "True\r\n"


def test_record_refuses_a_command_that_fails():
    with pytest.raises(SystemExit, match="ended with status 3"):
        record([sys.executable, "-c", "raise SystemExit(3)"])
