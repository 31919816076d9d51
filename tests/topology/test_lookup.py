"""Files and secrets as values: what they give, what is wrong with them, and that no secret is shown."""

from __future__ import annotations

import os

import pytest

from hydraflow.scrubber import SECRETS
from hydraflow.topology import examine, render
from hydraflow.topology.interpolate import interpolate
from hydraflow.topology.lookup import FILE_BYTES_MAX, Lookup
from tests.reference.topology_stubs import registry

SECRET = "zq-hunter2-Bearer-0815"


@pytest.fixture(autouse=True)
def no_secrets_of_others():
    SECRETS.clear()
    yield
    SECRETS.clear()


@pytest.fixture
def secrets(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "KEY").write_text(f"{SECRET}\n")
    (folder / "KEY").chmod(0o600)
    return folder


def problem(text, environment=None, folder="."):
    found = interpolate(text, environment or {}, str(folder))
    assert len(found.problems) == 1
    return found.problems[0].kind, found.problems[0].message


def topology(with_text, use="./component.py:tell"):
    return (f"version: 1\nsources: [{{use: simulator}}]\nhandlers:\n  - {{use: deserialize.binance}}\n"
            f"  - {{name: book, use: book, with: {with_text}}}\n")


def said(text, environment, tmp_path, **more):
    _, findings = examine(text, str(tmp_path / "t.yaml"), environment, registry=registry(), **more)
    return findings.diagnostics, "\n".join(render(d, findings.texts) for d in findings.diagnostics)


def test_a_file_gives_its_text_without_the_last_newline(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n\n")
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfx\r\n")
    found = interpolate("<${file:a.txt}|${file:b.txt}>", {}, str(tmp_path))
    assert (found.text, found.problems, found.secret) == ("<one\ntwo\n|x>", (), False)
    assert found.taken == ("file:a.txt", "file:b.txt")
    assert interpolate(f"${{file:{tmp_path}/b.txt}}", {}).text == "x"


def test_a_variable_may_be_called_file():
    assert interpolate("${file:-x}${secret:-y}", {}).text == "xy"
    assert interpolate("${file}${secret}", {"file": "f", "secret": "s"}).text == "fs"


def test_files_that_are_no_values_are_said_to_be_so(tmp_path):
    (tmp_path / "bytes").write_bytes(b"a\xff")
    (tmp_path / "large").write_bytes(b"x" * (FILE_BYTES_MAX + 1))
    os.mkfifo(tmp_path / "pipe")
    reasons = {"none": "No such file", "bytes": "not UTF-8: byte 0xff at 1", "large": "more than 65,536 bytes",
               "pipe": "not a regular file", ".": "a folder", "a\0b": "no file can be called so"}
    for name, reason in reasons.items():
        kind, message = problem(f"${{file:{name}}}", folder=tmp_path)
        assert kind == "file"
        assert reason in message


def test_a_missing_file_is_reported_with_a_name_that_is_there(tmp_path):
    (tmp_path / "limits.txt").write_text("1")
    found, text = said(topology('{low: "${file:limit.txt}"}'), {}, tmp_path)
    assert [(d.code, d.label) for d in found] == [("HF014", "did you mean 'limits.txt'?")]
    assert '^^^^^^^^^^^^^^^^^ did you mean' in text


def test_a_secret_comes_from_the_folder_or_else_from_the_environment(secrets):
    found = interpolate("a ${secret:KEY}", {"HYDRAFLOW_SECRETS": str(secrets), "KEY": "of the environment"})
    assert (found.text, found.secret, found.taken) == (f"a {SECRET}", True, ("secret:KEY",))
    assert interpolate("${secret:KEY}", {"KEY": "of the environment"}).text == "of the environment"
    assert SECRETS.scrub(f"{SECRET}, of the environment") == "***, ***"


def test_what_is_no_secret_is_said_to_be_so(secrets):
    environment = {"HYDRAFLOW_SECRETS": str(secrets), "OTHER": "x"}
    (secrets / "EMPTY").write_text("\n")
    assert problem("${secret:OTHER}", environment)[0] == "secret"
    assert problem("${secret:EMPTY}", environment) == ("secret", "secret EMPTY: it is empty")
    assert problem("${secret:../KEY}", environment) == ("malformed", "'${secret:../KEY}' cannot be the name of a secret")
    assert problem("${secret:NONE}") == (
        "secret", "secret NONE: neither HYDRAFLOW_SECRETS (a folder of secrets) nor the variable NONE is set")


def test_a_missing_secret_is_reported_with_one_that_is_there(secrets, tmp_path):
    found, _ = said(topology("{low: '${secret:KEYS}'}"), {"HYDRAFLOW_SECRETS": str(secrets)}, tmp_path)
    assert [(d.code, d.label) for d in found] == [("HF015", "did you mean 'KEY'?")]


def test_a_secret_that_everybody_can_read_is_a_warning(secrets, tmp_path):
    (secrets / "KEY").chmod(0o644)
    found, _ = said(topology("{unknown: '${secret:KEY}'}"), {"HYDRAFLOW_SECRETS": str(secrets)}, tmp_path)
    assert [(d.code, d.severity) for d in found] == [("HF304", "error"), ("HF016", "warning")]
    assert found[1].message.endswith("KEY' can be read by everybody (mode 0644)")


@pytest.mark.parametrize("parameter", ["window_ticks", "stale_after", "cache", "share", "strict", "mode", "low"])
@pytest.mark.parametrize("secret", [SECRET, "9876543210123456789012", "x" * 300, "-987654"])
def test_a_secret_of_the_wrong_type_is_not_shown(parameter, secret, tmp_path):
    found, text = said(topology(f"{{{parameter}: '${{secret:KEY}}'}}"), {"KEY": secret}, tmp_path)
    assert found or parameter in ("low", "share")
    for part in (secret, secret[:30], secret.lstrip("-")[:6]):
        assert part not in text
    assert all("got" not in d.message or d.message.endswith(", got a secret") for d in found if d.code != "HF308")


def test_a_secret_beside_a_nan_is_not_shown(tmp_path):
    _, text = said(topology("{share: .nan, window_ticks: '${secret:KEY}'}"), {"KEY": "x" * 300}, tmp_path)
    assert "window_ticks must be a whole number, got a secret" in text


@pytest.mark.parametrize("old", ["name: book", "use: book"])
def test_a_secret_can_only_be_a_parameter(old, tmp_path):
    text = topology("{}").replace(old, f"{old.split(':')[0]}: '${{secret:KEY}}'")
    found, shown = said(text, {"KEY": "s" * 90}, tmp_path)
    assert [d.code for d in found if d.code == "HF017"] == ["HF017"]
    assert "sss" not in shown


def test_an_option_may_name_a_secret_but_not_show_it(tmp_path):
    found, shown = said(topology("{}"), {"KEY": SECRET}, tmp_path, overrides=["handlers.book.with.low=${secret:KEY}",
                                                                            "name=${secret:KEY}"])
    assert [d.code for d in found] == ["HF305", "HF017"] or [d.code for d in found] == ["HF017", "HF305"]
    assert SECRET not in shown
    assert "--set handlers.book.with.low=${secret:KEY}" in shown


def test_a_lookup_remembers_and_a_replay_is_answered_from_it(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("then\n")
    first = Lookup({"V": "1", "W": "2"})
    interpolate("${V} ${file:a.txt} ${X:-}", first, str(tmp_path))
    assert (first.variables, first.files) == ({"V": "1"}, {str(path): "then\n"})
    path.unlink()
    again = Lookup({}, first.files)
    assert interpolate("${file:a.txt}", again, str(tmp_path)).text == "then"
