"""Captures as a source: lines `<receive ns> <json>` of a plain, gzip or zstd file.

    state     parameters, the state record, counters
    feed      the Python side: a thread that decompresses into a byte ring
    step      the compiled side: splits lines, parses stamps, publishes frames (the source)

`lines` and `prefix` read a capture in Python.
"""

from hydraflow.ingress.decompress import lines, prefix

__all__ = ["lines", "prefix"]
