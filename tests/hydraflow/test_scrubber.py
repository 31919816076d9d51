"""What came from a secret is not in any text that leaves the process."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydraflow.scrubber import HIDDEN, Scrubbed, Scrubber, is_secret


def scrubber(*secrets):
    one = Scrubber()
    for secret in secrets:
        one.add(secret)
    return one


@pytest.mark.parametrize(
    ("secret", "text", "scrubbed"),
    [
        ("hunter2", "key=hunter2!", "key=***!"),
        ("hunter2", "hunter2hunter2", "******"),
        ('a"b\nc', json.dumps({"k": 'a"b\nc'}), '{"k": "***"}'),
        ("é€ü!", json.dumps("é€ü!"), '"***"'),
        ("it's\n", repr("it's\n"), '"***"'),
        ("first line\nsecond line", "only the second line", "only the ***"),
        ("first line\nsecond line", "first line second line", "***"),
        ("123456", "at most 5, got 123,456", "at most 5, got ***"),
        ("abc", "abcabc", "abcabc"),
    ],
)
def test_scrub_replaces_every_form(secret, text, scrubbed):
    assert scrubber(secret).scrub(text) == scrubbed


def test_longer_secrets_go_first():
    assert scrubber("abcd", "abcdefgh").scrub("abcdefgh abcd") == "*** ***"


def test_nothing_is_changed_without_secrets():
    data = {"a": ("b", 1)}
    assert Scrubber().scrub("text") == "text"
    assert Scrubber().data(data) is data


def test_data_keeps_numbers_and_scrubs_texts_and_keys():
    given_data = {"frames": 1234, "hunter2": [("x hunter2", 1.5, None, True)], "n": "1234"}
    assert scrubber("hunter2", "1234").data(given_data) == {"frames": 1234, HIDDEN: [["x ***", 1.5, None, True]], "n": HIDDEN}


def test_holds_sees_short_and_numeric_secrets():
    assert scrubber("ab").holds("xaby")
    assert scrubber("123456").holds(123456)
    assert not scrubber("123456").holds(12345)


def test_a_scrubbed_stream_keeps_what_else_the_stream_can():
    stream = io.StringIO()
    scrubbed = Scrubbed(stream, scrubber("hunter2"))
    print("say hunter2", file=scrubbed, flush=True)
    scrubbed.writelines(["hunter2", "\n"])
    assert scrubbed.getvalue() == "say ***\n***\n"
    assert not scrubbed.isatty()


@given(st.text(min_size=4), st.text(), st.text())
def test_no_text_keeps_the_secret(secret, before, after):
    text = scrubber(secret).scrub(before + secret + after)
    assert secret not in text.replace(HIDDEN, "\0") or "*" in secret or "\0" in secret


@pytest.mark.parametrize(("name", "secret"), [("API_KEY", True), ("my_token", True), ("HYDRAFLOW_FRAMES", False), ("SEED", False)])
def test_is_secret_goes_by_the_name(name, secret):
    assert is_secret(name) is secret
