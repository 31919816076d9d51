"""What importing the library costs, and what it must not load."""

import subprocess
import sys

import pytest

import disruptor

HEAVY = ("numba", "llvmlite", "numpy", "cffi", "yaml", "click", "rich", "orjson", "asyncio", "hypothesis")
FOREIGN = ("yaml", "click", "rich", "orjson", "asyncio", "hydraflow", "handlers", "websockets")


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(' '.join(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split())


def test_import_disruptor_loads_nothing_heavy():
    assert not loaded_by("import disruptor") & set(HEAVY)


@pytest.mark.parametrize("module", ["errors", "layout", "memory", "buckets", "counters", "counters_reader", "handler", "cli"])
def test_data_modules_load_no_compiler(module):
    if module == "cli":
        found = loaded_by("from hydraflow.cli.stat import stat")
    else:
        found = loaded_by(f"import disruptor.{module}")
        assert not found & set(FOREIGN)
    assert not found & {"numba", "llvmlite"}


def test_the_whole_library_loads_nothing_of_the_engine():
    everything = ", ".join(disruptor.__all__)
    found = loaded_by(f"from disruptor import {everything}") - {"yaml"}  # numba loads it where it is installed
    assert not found & set(FOREIGN)


def test_names_that_are_also_modules_are_the_decorators():
    code = (
        "import disruptor.handler, disruptor.compiled\n"
        "from disruptor import handler, compiled\n"
        "import disruptor.single_producer\n"
        "from disruptor.handler import Handler, handler as same\n"
        "assert handler is same is disruptor.handler, handler\n"
        "assert callable(compiled) and not hasattr(compiled, 'loop_options')\n"
        "from disruptor import ring\n"
        "assert ring.Ring\n"
    )
    loaded_by(code)


def test_every_public_name_exists():
    for name in disruptor.__all__:
        assert getattr(disruptor, name) is not None
    assert set(disruptor.__all__) <= set(dir(disruptor))


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="module 'disruptor' has no attribute 'Disrupter'"):
        disruptor.Disrupter  # noqa: B018


def test_import_time_is_shown():
    code = (
        "import time\nstart = time.perf_counter()\nfrom disruptor import Disruptor, handler\n"
        "print(f'{time.perf_counter() - start:.2f} s')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    print(f"from disruptor import Disruptor, handler: {ran.stdout.strip()}")
    assert ran.returncode == 0, ran.stderr
