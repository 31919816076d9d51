"""The tests that a topology declares under `tests:`, run on the real engine.

    derive      topology + test → the topology that runs: its source replaced, no journal, one thread
    inputs      literal lines, a capture, simulated flow → the capture that the source reads
    judge       result + recorded rows + expectation → differences, each with its place in the YAML
    runner      one test, one file;   coverage   which handlers no test exercised
    report      lines for people;   junit   a file for CI servers

`hfx test` and the pytest plugin run the same.
"""
