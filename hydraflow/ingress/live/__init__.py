"""Live sources: everything between a socket and the frames ring.

    params    what the source is told, what it remembers, what it counts
    streams   which symbols a subscription carries, and where their snapshots are
    backoff   how long to wait before the next attempt
    resync    when to ask for which snapshot
    chain     whether a depth stream is whole (for recordings, where no book watches)
    intake    what happens to frames that find no room (`when_full`)
    trouble   network errors in words, each said once
    http      one GET, on a thread of its own
    client    the connection itself: asyncio, the library `websockets`
    inbox     the byte ring between that thread and the compiled step
    feed      the thread

Only client, http, inbox and feed touch the outside; the others are sans-IO: values in, decisions out.
"""
