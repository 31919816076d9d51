"""Gateways that publish orders: three processes take orders from clients, one process gives them all one order and checks them.

    python -m examples.order_gateways [ORDERS]      orders of each gateway, 20,000 by default

    gateway 1 ─▶ lane ─┐
    gateway 2 ─▶ lane ─┼▶ ring "orders" (merged) ─▶ risk: a compiled handler, one limit for all ─▶ counted by gateway
    gateway 3 ─▶ lane ─┘

Each gateway publishes into a lane of its own and is held back when the lane is full. One of them is killed in the middle: what it
had published counts, what it had not does not exist, and nobody waits for it.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from disruptor import Disruptor, handler, shared

RING = "orders"
ORDER = [("number", "i8"), ("gateway", "i8"), ("quantity", "i8")]
GATEWAYS = 3
LIMIT = 10_000  # of the position, in both directions


@handler(state=[("position", "i8"), ("accepted", "i8"), ("rejected", "i8"), ("gaps", "i8"), ("last", "i8", (GATEWAYS + 1,))])
def risk(event, state):
    """Accept what keeps the position within the limit; count orders of a gateway that are missing."""
    position = state["position"] + event["quantity"]
    if -LIMIT <= position <= LIMIT:
        state["position"] = position
        state["accepted"] += 1
    else:
        state["rejected"] += 1
    if event["number"] != state["last"][event["gateway"]] + 1:
        state["gaps"] += 1
    state["last"][event["gateway"]] = event["number"]


def gateway(number: int, count: int) -> None:
    """Publish orders, a few at a time."""
    rng = np.random.default_rng(number)
    with shared.attach(RING, ORDER, producer=True, label=f"gateway {number}", timeout=60) as lane:
        print("attached", flush=True)
        sys.stdin.readline()
        for first in range(1, count + 1, 20):
            numbers = np.arange(first, min(first + 20, count + 1))
            lane.publish(number=numbers, gateway=number, quantity=rng.integers(-50, 51, len(numbers)))
        print("done", flush=True)
        sys.stdin.readline()  # stays until it is no longer needed, or is killed


def run(count: int) -> dict[str, int]:
    """Run the gateways; return what risk has counted."""
    with shared.create(RING, ORDER, slots=4096, lanes=GATEWAYS, lane_slots=256) as ring:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "examples.order_gateways", "gateway", str(number), str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for number in range(1, GATEWAYS + 1)
        ]
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "attached\n"
        with Disruptor(ring).then(risk) as graph:
            with ring.merge():
                for process in processes:
                    _tell(process)
                for process in processes:
                    assert process.stdout is not None and process.stdout.readline() == "done\n"
                processes[0].kill()  # whatever happens to it now: what it has published is in its lane, or in the ring
            graph.drain()
            state = graph.state(risk)
            found = {field: int(state[field]) for field in ("accepted", "rejected", "gaps", "position")}
        for process in processes:
            process.communicate()
    return found


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def main(arguments: list[str]) -> None:
    """Be a gateway, or the process that gives orders their order."""
    if arguments[:1] == ["gateway"]:
        gateway(int(arguments[1]), int(arguments[2]))
        return
    count = int(arguments[0]) if arguments else 20_000
    found = run(count)
    assert found["accepted"] + found["rejected"] == GATEWAYS * count and found["gaps"] == 0
    print(f"{GATEWAYS * count:,} orders of {GATEWAYS} gateways, none missing: {found['accepted']:,} accepted,"
          f" {found['rejected']:,} rejected, position {found['position']:,}")


if __name__ == "__main__":
    main(sys.argv[1:])
