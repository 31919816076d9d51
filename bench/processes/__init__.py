"""Rings that several processes share, beside two threads of one process, zmq and tachyon-ipc: `python -m bench.processes`.

    contenders   round trips, attaching
    one_way      messages per second, ours and others'
    peer         the other process of our own rows
    __main__     rows, alternated, medians
"""
