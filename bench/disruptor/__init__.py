"""The ring beside its references, in one run: `python -m bench.disruptor [--json] [--quick] [--row PATTERN]`.

    work          what is measured: kind, slots, batch, wait; what the sums must be
    table         the rows: work, who is measured on it, goals
    harness       alternates the contenders of a row, takes medians, compares with the goals
    machine       what this machine is, and the CPU that others took during a run
    report        the table as text and as JSON (schema hfx.bench.disruptor/1)

Contenders, one file each; a class with `run(count)` that returns a `Run`, or `Missing` with what to install:

    ours_graphs, ours_round_trip (kernels)  the library by its public interface, compiled at both ends
    ours_python                             the library called from Python
    c_ring (ring.c), lmax (Lmax.java)       C11 and LMAX Disruptor, compiled on the spot
    queues, processes                       Python's own and installed queues, in a process and between two
"""
