"""Rings that several processes share, in a named file that they map.

    with shared.create("ticks", [("price", "f8"), ("size", "i8")], slots=4096) as ring:      the owner
        ring.publish(price=prices, size=sizes)

    with shared.attach("ticks") as ring:                                                       any other process
        with Disruptor(ring).then(handler): ring.join()      a compiled handler, or a Python one, on a thread of its own
        for event in ring.follow(): ...                      or record by record; batches(), new_poller(), aio.events(ring)

    with shared.attach("ticks", producer=True) as lane:                                        a producer of another process
        lane.publish(price=1.0, size=2)                      the owner takes it by collect(), or merges all by merge()

    identity     who a process is, and whether it is alive
    deaths       which of some processes have died, by one look
    format       what lies where in the file
    file         files made, opened, judged, cleared away
    places       cells of the file in this process's arena; places that processes take and give back
    follower     reading record by record, until the owner is gone
    owner        the ring of the process that made it; keeper: its thread that lets others in and clears up behind the dead
    guest        the ring of a process that attached; watch: its thread that sees the owner go
    lanes        what producers of other processes publish into, and how the owner drains it

Each ring has one process that publishes into it. What others publish goes through lanes, a ring of one producer for each,
so that a process that is killed at any instruction leaves nothing half done that anybody would wait for.
"""

from disruptor.errors import OwnerGone, SharedRingError
from disruptor.shared.file import ring_folder
from disruptor.shared.guest import AttachedLane, AttachedRing, attach
from disruptor.shared.owner import Client, SharedRing, create

__all__ = ["AttachedLane", "AttachedRing", "Client", "OwnerGone", "SharedRing", "SharedRingError", "attach", "create", "ring_folder"]
