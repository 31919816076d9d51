"""The other process of a round trip between compiled handlers: `python -m bench.processes.peer THERE BACK FOLDER SLOTS CPU`."""

from __future__ import annotations

import sys

from bench.disruptor import kernels
from bench.disruptor.work import FIELDS
from disruptor import Disruptor, into, shared, thread

__all__ = ["main"]


def main(there_name: str, back_name: str, folder: str, slots: str, cpu: str) -> None:
    """Answer until the other side has closed its ring."""
    with (
        shared.create(back_name, FIELDS, slots=int(slots), wait="busy-spin", lanes=0, folder=folder) as back,
        shared.attach(there_name, FIELDS, wait="busy-spin", folder=folder) as there,
    ):
        graph = Disruptor(there, wait="busy-spin", placement=[thread("pong", cpu=int(cpu))])
        with graph.then(into(kernels.pong, back=back)):
            print("ready", flush=True)
            there.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
