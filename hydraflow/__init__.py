"""HydraFlow-X: a trading engine declared as a graph of event handlers.

    records, codes, reports, errors         data definitions (leaves)
    loading, registry, plugins              handlers and sources: imported, named, listed
    topology                                the YAML file: load, diagnose, check
    placement                               which stages share a thread, which thread gets which core
    runtime                                 build, run, supervise, report
    ingress, egress                         sources of frames; the paper exchange
    journal                                 reading and replaying what the journal handler wrote
    explain                                 what all of these declare, in words
    rows, results                           what a run left, as data: `hydraflow.open_run(path)`
    doctor, leftovers, settings             this machine; files that nobody needs; variables, folders, exit codes
    cli                                     the command `hfx`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from hydraflow.results.run import Run

__all__ = ["DISTRIBUTION", "__version__", "open_run"]

DISTRIBUTION = "hydraflow-x"  # whose package this is: another distribution has the same import name
__version__ = "0.1.0"


def open_run(path: str | os.PathLike | None = None) -> Run:
    """Open what a run left: a report, a journal, an engine's file, recorded files, or a folder of these.

    See hydraflow.results.run.open_run and docs/results.md.
    """
    from hydraflow.results.run import open_run as opened  # numpy is loaded when it is used: `hfx --help` is not

    return opened(path)
