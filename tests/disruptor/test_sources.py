"""Which files count for a function's machine code: ours and the user's, and nothing that is installed."""

import importlib
import sys

import pytest

from disruptor.sources import module_sources


@pytest.mark.parametrize(("folder", "counts"), [("mine", True), ("site-packages", False), ("dist-packages", False)])
def test_what_is_installed_counts_for_nothing_wherever_a_system_puts_it(folder, counts, tmp_path, monkeypatch):
    place = tmp_path / folder
    place.mkdir()
    name = f"imported_from_{folder.replace('-', '_')}"
    (place / f"{name}.py").write_text("rate = 3\n")
    user = f"user_of_{name}"
    (tmp_path / f"{user}.py").write_text(f"from {name} import rate\n")
    for path in (place, tmp_path):
        monkeypatch.syspath_prepend(path)
    importlib.import_module(user)
    found = module_sources(user)
    for module in (user, name):
        monkeypatch.delitem(sys.modules, module)
    assert tmp_path / f"{user}.py" in found
    assert (place / f"{name}.py" in found) is counts
