"""Which files have tests."""

import pytest

from hydraflow.errors import InputNotFound, UsageError
from hydraflow.testing.files import declares_tests, files_with_tests


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in {
        "a.yaml": "version: 1\ntests:\n", "b.yml": '"tests": []', "no.yaml": "x: {tests: 1}\n  tests: 2\n# tests:\n",
        "sub/c.yaml": "tests: []", ".hidden/d.yaml": "tests: []", "e.txt": "tests: []", "json.yaml": '{"version": 1, "tests": []}',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_stands_for_the_yaml_files_with_tests_below_it(folder):
    assert files_with_tests([]) == ["a.yaml", "b.yml", "json.yaml", "sub/c.yaml"]
    assert files_with_tests(["sub"]) == ["sub/c.yaml"]


def test_a_file_that_is_named_is_taken_as_it_is_and_once(folder):
    assert files_with_tests(["no.yaml", "a.yaml", "no.yaml"]) == ["no.yaml", "a.yaml"]


def test_what_is_not_there_and_folders_without_tests_are_refused(folder):
    with pytest.raises(InputNotFound, match=r"gone\.yaml: no such file or folder"):
        files_with_tests(["gone.yaml"])
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no YAML file with `tests:` in empty"):
        files_with_tests(["empty"])


def test_a_file_that_cannot_be_read_declares_none(tmp_path):
    assert not declares_tests(tmp_path)
