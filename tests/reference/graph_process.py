"""Says what random graphs come to, and whether un-jitted runs in random placements come to the same. To be run un-jitted.

    NUMBA_DISABLE_JIT=1 python -m tests.reference.graph_process '[[graph, data, placements], …]'

prints one JSON line per graph: what the sequential interpreter says, and the placements that say something else. Threads
change places every 0.1 ms at any bytecode.
"""

from __future__ import annotations

import json
import sys

from tests.reference.graph_runner import loaded, run
from tests.reference.random_graphs import random_graph, random_placement
from tests.reference.sequential import Interpreter


def main() -> None:
    sys.setswitchinterval(1e-4)
    for number, data, placements in json.loads(sys.argv[1]):
        graph = random_graph(number, data)
        topology = loaded(graph.text)
        interpreter = Interpreter(topology)
        expected = interpreter.run()
        wrong = {}
        for place in range(placements):
            text = random_placement(graph, place)
            found = run(topology, text)
            if found != expected:
                wrong[text] = {name: found.get(name) for name in {*found, *expected} if found.get(name) != expected.get(name)}
        print(json.dumps({"graph": number, "data": data, "messages": interpreter.messages, "expected": expected, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
