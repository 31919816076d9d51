"""Build, run, supervise, report: from a checked topology to a result.

    options, phases          what the parent tells the engine; what the engine says it is doing
    supervisor, postmortem   the parent process: progress, signals; the report of an engine that died
    engine                   the engine process: builds, compiles, runs, drains
    assembly, loops          what a run needs, built and compiled before anything moves
    watching, outcome        faults, stuck handlers, the end; what came of it
    timeline                 where the seconds before and after a run go
    graph, cells             rings, states, parameters, cursors, and who waits for whom
    sequencer, replayer      the two producers of the main ring: live and from a journal
    python_stage, recording  plain Python handlers; `--record`
    instruments              the instrument table, completed by the decimals seen
    journaling, digests      the journal of a run; state hashes
    result, report           what a run amounts to, as data and as text
"""
