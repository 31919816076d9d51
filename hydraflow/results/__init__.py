"""What a run left, as data: `hydraflow.open_run(path)`.

    run        Run: orders, fills, books, latencies, messages, report, each read when it is asked for
    pieces     what lies at a path: report, journal, engine file, recorded files; in a folder all of them
    recorded   the files of `--record`, JSON lines or .npy
    replayed   orders and books that nobody recorded, from a journal
    table      Table: rows as numpy, pandas or Arrow
    scales     ticks, lots and units of a symbol as numbers, decimals or texts

The rows themselves are declared in hydraflow.rows.
"""

from hydraflow.results.run import Run, open_run
from hydraflow.results.table import Table

__all__ = ["Run", "Table", "open_run"]
