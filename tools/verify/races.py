"""ThreadSanitizer over the compiled loops: no data race in what `Disruptor` and `hfx` generate; planted ones are found.

    python -m tools.verify.races [--long] [--json]

The loops' own LLVM text (of numba, after optimisation) is given the attribute `sanitize_thread` and linked by the clang of the same
LLVM with a C program that runs each loop on a pthread over the memory that Python has laid out. ThreadSanitizer knows the
C11 orders, not those of x86-64: a relaxed publication is a race here, though it works on this machine.
What it does not see: fences (`broadcast` and observers pair plain accesses by fences), and what Python itself does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from tools.verify.figures import FAILED, PASSED, Row, command, timed
from tools.verify.image import Image
from tools.verify.loop_ir import c_arguments, exported, loop_ir
from tools.verify.race_plants import PLANTS, Plant
from tools.verify.race_threads import Topology
from tools.verify.race_topologies import TOPOLOGIES
from tools.verify.toolchain import NATIVE, build, find_clang

__all__ = ["Outcome", "main", "rows", "watch"]

SHORT, LONG = 50_000, 10_000_000
ENGINE = 300_000  # frames of the engine's graph in the long form: each is decoded, and passes seven handlers after that
PLANTED = 5_000_000  # most events of a run with a planted fault; it ends with the first report
_LIMIT_S = 1800
_RACE = re.compile(r"^WARNING: ThreadSanitizer: data race", re.MULTILINE)


@attrs.frozen
class Outcome:
    """Of one run. wrong : what does not add up, empty when all does; text : what the program said."""

    races: int
    wrong: str
    text: str


def watch(topology: Topology, clang: str, folder: Path, plant: Plant | None = None, limit_s: float = _LIMIT_S) -> Outcome:
    """Build a topology's loops with ThreadSanitizer, run them, and look at races and sums."""
    image = Image([topology.cells, *topology.arrays], topology.limits)
    sources = [NATIVE / "race_driver.c"]
    for number, one in enumerate(topology.threads):
        source = one.source if plant is None else plant.source(one)
        text, function = loop_ir(source)
        if plant is not None:
            text = plant.ir(one, text)
        path = folder / f"loop_{number}.ll"
        path.write_text(exported(text, function, f"loop_{number}", "sanitize_thread"))
        sources.append(path)
    (folder / "loops.h").write_text("\n".join(_header(topology, image)) + "\n")
    image.write(folder / "image.bin")
    try:
        program = build(clang, "thread", sources, folder / "races", "-I", str(folder))
    except RuntimeError as error:
        return Outcome(0, "cannot be built", str(error))
    options = f"exitcode=66 history_size=4 halt_on_error={int(plant is not None)}"
    with (folder / "said.txt").open("w+") as said:
        ran = subprocess.Popen(
            [str(program), "image.bin", "result.bin", str(limit_s)], cwd=folder, stdout=said, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env={**os.environ, "TSAN_OPTIONS": options},
        )
        try:
            code = ran.wait(limit_s + 60)
        except subprocess.TimeoutExpired:
            ran.kill()
            code = ran.wait()
        said.seek(0)
        text = said.read()
    races = len(_RACE.findall(text))
    wrong = f"ended with {code}: {text[-500:]}" if code not in (0, 66) else ""
    if not wrong and (folder / "result.bin").exists():  # not when it ended with the first report
        wrong = _sums(topology, image, folder / "result.bin")
    return Outcome(races, wrong, text)


def _sums(topology: Topology, image: Image, path: Path) -> str:
    for expected in topology.expected:
        records = [image.read(path, array)[0] for array in expected.records]
        found = {name: sum(int(record[name]) for record in records) for name in expected.sums}
        if found != expected.sums:
            return f"{found} instead of {expected.sums}"
    return ""


def _header(topology: Topology, image: Image) -> Iterator[str]:
    """Return the lines of loops.h."""
    yield f"#define REGIONS {len(image.regions)}\n#define LOOPS {len(topology.threads)}\n#define GOALS {len(topology.goals)}"
    mirrored = {image.place(array)[0] for array in topology.mirrored}
    yield f"static const long long region_size[] = {{{image.sizes()}}};"
    yield f"static const int region_mirrored[] = {{{', '.join(str(int(n in mirrored)) for n in range(len(image.regions)))}}};"
    yield f"static int64_t *cell_words(void) {{ return (int64_t *)({image.expression(topology.cells)}); }}"
    entries = []
    for number, one in enumerate(topology.threads):
        arrays = list(one.source.arguments.values())
        given = list(c_arguments(arrays, [image.expression(a) for a in arrays]))
        kinds, values = (", ".join(column) for column in zip(*given, strict=True))
        yield f"int loop_{number}(int64_t *, void **, {kinds});"
        yield f"static int enter_{number}(int64_t *result) {{ void *fault = NULL; return loop_{number}(result, &fault, {values}); }}"
        entries.append(f'{{"{one.source.name}", enter_{number}, {one.halt}, {int(one.produces)}}}')
    yield f"static const Loop loops[] = {{{', '.join(entries)}}};"
    yield f"static const Goal goals[] = {{{', '.join(f'{{{g.word}, {g.value}, {g.other}}}' for g in topology.goals)}}};"


def rows(long: bool) -> Iterator[Row]:
    """Watch every topology, then every planted fault."""
    clang = find_clang("tsan")
    for name in TOPOLOGIES if long else ("pair", "diamond", "producers"):
        events = ENGINE if name == "engine" else LONG if long else SHORT
        yield timed(lambda name=name, events=events: _clean(name, events, clang))
    for plant in PLANTS:
        yield timed(lambda plant=plant: _planted(plant, clang))


def _in_folder(run: Callable[[Path], Row]) -> Row:
    with tempfile.TemporaryDirectory(prefix="hfx-races-") as folder:
        return run(Path(folder))


def _clean(name: str, events: int, clang: str) -> Row:
    def run(folder: Path) -> Row:
        topology = TOPOLOGIES[name](events)
        found = watch(topology, clang, folder)
        good = found.races == 0 and not found.wrong
        if not good:
            print(found.text[:4000], file=sys.stderr)
        result = f"{PASSED if good else FAILED}: {found.races} races{', ' + found.wrong if found.wrong else ', sums right'}"
        return Row("races", f"{name}: {len(topology.threads)} loops", topology.events, "events", result)

    return _in_folder(run)


def _planted(plant: Plant, clang: str) -> Row:
    def run(folder: Path) -> Row:
        topology = TOPOLOGIES[plant.topology](PLANTED)
        found = watch(topology, clang, folder, plant, limit_s=120)
        result = f"{PASSED}: planted fault found" if found.races else f"{FAILED}: planted fault not found; {found.wrong or 'sums right'}"
        return Row("races", f"{plant.topology}, planted: {plant.name}", topology.events, "events at most", result)

    return _in_folder(run)


def main(argv: Sequence[str] | None = None) -> int:
    return command("races", "ThreadSanitizer over compiled loops", rows, argv)


if __name__ == "__main__":
    raise SystemExit(main())
