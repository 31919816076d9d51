"""Puts the topologies of config/ into the package `hydraflow.config` of a wheel; everything else is in pyproject.toml.

A checkout and an editable install read config/ where it lies (hydraflow.cli.run.shipped looks in both places).
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTopologies(build_py):
    """Copies config/*.yaml beside the code."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return
        target = Path(self.build_lib, "hydraflow", "config")
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(Path("config").glob("*.yaml")):
            shutil.copyfile(path, target / path.name)


setup(cmdclass={"build_py": BuildWithTopologies})
