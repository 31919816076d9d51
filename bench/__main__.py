"""`python -m bench [NAME …]`: run the benchmarks, each in a process of its own, and print what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks named on the command line, or all; exit code of the first that fails."""
    folder = Path(__file__).parent
    packages = {p.parent.name: f"bench.{p.parent.name}" for p in folder.glob("*/__main__.py")}
    modules = {p.stem.removeprefix("bench_"): f"bench.{p.stem}" for p in folder.glob("bench_*.py")} | packages
    known = sorted(modules)
    wanted = sys.argv[1:] or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark '{unknown[0]}'; known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", modules[name]], cwd=folder.parent, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
