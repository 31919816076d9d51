"""Rings that several processes share, beside two threads of one process and zmq: `python -m bench.processes`.

    contenders   what is measured
    peer         the other process of our own rows
    __main__     rows, alternated, medians
"""
