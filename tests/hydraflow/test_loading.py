"""Modules of users: what they do while they are imported is one readable line, and stdout stays the command's."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from hydraflow import loading
from hydraflow.loading import ComponentError, load_file, load_module

HFX = [sys.executable, "-m", "hydraflow_x_entry"]
GOOD = "def watch(event):\n    event['signal'] = 1.0\n"
TOPOLOGY = "version: 1\nsources: [{use: simulator}]\nhandlers:\n  - use: deserialize.binance\n  - use: book\n  - use: ./mine.py:watch\n"


def hfx(*arguments, cwd) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HFX, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False, env=os.environ)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no\\nsecond line')\n", "(line 1): ValueError: no"),
        ("def f():\n    raise KeyError('x')\n\nf()\n", "(line 2): KeyError: 'x'"),
        ("\n\nassert False\n", "(line 3): AssertionError"),
        ("import sys\nsys.exit('bye')\n", "(line 2): it ends the process (SystemExit: bye)"),
        ("x = 1\ndef broken(:\n", "(line 2): SyntaxError: "),
        ("if True:\nx = 1\n", "(line 2): IndentationError: "),
        ("import json\njson.loads('{')\n", "(line 2): JSONDecodeError: "),
        ("from . import sibling\n", "(FOLDER/sibling.py:2): SyntaxError: "),
        ("from .failing import x\n", "(line 1): RuntimeError: deep"),
        ("class E(BaseException):\n    pass\nraise E('x')\n", "(line 3): E: x"),
        ("class E(Exception):\n    def __str__(self):\n        raise TypeError\nraise E\n", "(line 4): E"),
        ("from disruptor import handler\n@handler(stat=[])\ndef watch(event):\n    pass\n", "(line 2): LayoutError: a handler has no setting 'stat'"),
    ],
)
def test_a_module_that_fails_is_one_line_with_the_users_own_place(source, said, tmp_path):
    (tmp_path / "mine.py").write_text(source)
    (tmp_path / "sibling.py").write_text("\ndef f(:\n")
    (tmp_path / "failing.py").write_text("\nraise RuntimeError('deep')\n")
    before = {name for name in sys.modules if name.endswith(".mine")}
    with pytest.raises(ComponentError) as caught:
        load_file(tmp_path / "mine.py", "./mine.py:watch")
    text = str(caught.value)
    assert caught.value.code == "HF302" and "\n" not in text
    assert text.startswith(f"importing '{tmp_path}/mine.py' failed {said.replace('FOLDER', str(tmp_path))}")
    assert {name for name in sys.modules if name.endswith(".mine")} == before, "it can be mended and loaded again"


def test_a_failing_module_found_by_name_says_its_file_and_line(tmp_path, monkeypatch):
    (tmp_path / "failing_plugin.py").write_text("import json\n\nvalue = json.loads('')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ComponentError) as caught:
        load_module("failing_plugin", "failing_plugin:watch")
    assert re.search(r"failed \(.*\.py:\d+\): JSONDecodeError: ", str(caught.value))


def test_ctrl_c_is_not_taken_for_a_mistake(tmp_path):
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_file(tmp_path / "mine.py", "./mine.py:watch")


def test_a_long_import_is_named_while_it_lasts(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(loading, "PATIENCE_S", 0.01)
    (tmp_path / "mine.py").write_text("import time\ntime.sleep(0.2)\nprint('done')\n")
    load_file(tmp_path / "mine.py", "./mine.py:watch")
    out, err = capsys.readouterr()
    path = re.escape(f"{tmp_path}/mine.py")
    assert out == ""
    assert re.fullmatch(rf"hfx: still importing '{path}': .*\ndone\nhfx: importing '{path}' took 0\.\d s, .*\n", err)


@pytest.mark.parametrize("arguments", [["check", "t.yaml", "--format", "json"], ["explain", "./mine.py:watch", "--json"]])
def test_what_a_module_prints_does_not_spoil_the_data(arguments, tmp_path):
    (tmp_path / "mine.py").write_text(f"print('hello')\n{GOOD}")
    (tmp_path / "t.yaml").write_text(TOPOLOGY)
    ran = hfx(*arguments, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "hello\n")
    assert json.loads(ran.stdout)["schema"].startswith("hfx.")


@pytest.mark.parametrize("source", ["raise ValueError('no')", "import sys; sys.exit(0)", "def broken(:", "1 / 0"])
def test_check_shows_a_failing_module_at_its_use(source, tmp_path):
    (tmp_path / "mine.py").write_text(f"# mine\n{source}\n{GOOD}")
    (tmp_path / "t.yaml").write_text(TOPOLOGY)
    ran = hfx("check", "t.yaml", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (78, "")
    first = ran.stderr.splitlines()[0]
    assert first.startswith("error[HF302]: handler 'watch': importing 'mine.py' failed (line 2): ")
    assert " --> t.yaml:6:10\n" in ran.stderr and "Traceback" not in ran.stderr


def test_a_folder_of_handlers_beside_the_topology_does_not_shadow_ours(tmp_path):
    """`handlers/book.py` of the user and our `book` are used by the same file, from the user's folder."""
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").write_text("raise SystemExit('the wrong package')\n")
    (tmp_path / "handlers" / "book.py").write_text(f"from .shared import LIMIT\n{GOOD}")
    (tmp_path / "handlers" / "shared.py").write_text("LIMIT = 3\n")
    (tmp_path / "t.yaml").write_text(TOPOLOGY.replace("./mine.py", "./handlers/book.py"))
    ran = hfx("check", "t.yaml", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    page = json.loads(hfx("explain", "./handlers/book.py:watch", "--json", cwd=tmp_path).stdout)
    assert (page["from"], page["writes"]) == (str(tmp_path / "handlers" / "book.py"), ["signal"])
    assert json.loads(hfx("explain", "book", "--json", cwd=tmp_path).stdout)["from"] == "shipped"


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("class P: pass\n@handler(params=P)\n", "the params of 'handlers_mine:watch' are no attrs class: P"),
        ("@handler(params={'a': 1})\n", "the params of 'handlers_mine:watch' are no attrs class: a dict"),
        ("@attrs.frozen\nclass P:\n    a: 'Missing' = 1\n@handler(params=P)\n",
         "the types of P, the params of 'handlers_mine:watch', cannot be read: NameError: name 'Missing' is not defined"),
    ],
)
def test_parameters_that_cannot_be_read_are_refused(declared, said, tmp_path, monkeypatch):
    from hydraflow.registry import Registry

    (tmp_path / "handlers_mine.py").write_text(f"import attrs\nfrom disruptor import handler\n{declared}def watch(event, params):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "handlers_mine", raising=False)
    with pytest.raises(ComponentError) as caught:
        Registry(entry_points=False).resolve("handler", "handlers_mine:watch")
    assert (caught.value.code, str(caught.value)) == ("HF303", said)


def test_parameters_come_from_the_annotation_of_a_plain_function(tmp_path):
    from hydraflow.registry import Registry

    (tmp_path / "mine.py").write_text(
        "from __future__ import annotations\nimport attrs, dataclasses\nfrom disruptor import handler\n"
        "@attrs.frozen\nclass P:\n    wide: int = 2\n"
        "@dataclasses.dataclass\nclass D:\n    wide: int = 2\n"
        "def plain(event, params: P):\n    pass\n"
        "@handler(name='other')\ndef declared(event, params: P):\n    pass\n"
        "def without(event, params):\n    pass\n"
        "def late(event, params: Nowhere):\n    pass\n"
        "def data(event, params: D):\n    pass\n"
    )
    registry = Registry(entry_points=False)

    def params(name):
        return registry.resolve("handler", f"./mine.py:{name}", tmp_path).params

    assert params("plain").__name__ == params("declared").__name__ == "P"
    assert params("without") is None and params("late") is None
    with pytest.raises(ComponentError, match=r"params of handler 'data' is a dataclass: declare D with @attrs\.frozen"):
        params("data")


@pytest.mark.parametrize("body", ["while True:\n    pass\n", "import time\ntime.sleep(3600)\n",
                                  "try:\n    while True:\n        pass\nexcept Exception:\n    pass\n"])
def test_a_module_that_does_not_come_back_is_stopped(body, tmp_path, monkeypatch):
    monkeypatch.setenv("HYDRAFLOW_IMPORT_SECONDS", "0.2")
    (tmp_path / "endless.py").write_text(f"import os\n{body}")
    alarm, handler = signal.getitimer(signal.ITIMER_REAL)[0], signal.getsignal(signal.SIGALRM)
    with pytest.raises(ComponentError, match=r"endless.py' did not end within 0.2 s \(line \d\)") as caught:
        load_file(tmp_path / "endless.py", "./endless.py:x")
    assert caught.value.code == "HF312"
    assert signal.getsignal(signal.SIGALRM) is handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (alarm > 0)  # pytest's own limit goes on


def test_a_limit_that_is_no_number_or_nought_changes_nothing(tmp_path, monkeypatch):
    (tmp_path / "quick.py").write_text("x = 1\n")
    for text in ("soon", "0"):
        monkeypatch.setenv("HYDRAFLOW_IMPORT_SECONDS", text)
        (tmp_path / "quick.py").write_text(f"x = '{text}'\n")
        assert load_file(tmp_path / "quick.py", "./quick.py:x").x == text


def test_a_module_that_ends_the_process_is_refused_and_the_process_lives(tmp_path):
    (tmp_path / "deadly.py").write_text("import os\nos._exit(3)\n")
    ends = os._exit
    with pytest.raises(ComponentError, match=r"failed \(line 2\): it ends the process \(os\._exit: 3\)"):
        load_file(tmp_path / "deadly.py", "./deadly.py:x")
    assert os._exit is ends
