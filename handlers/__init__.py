"""The event handlers of HydraFlow-X: pure functions over records, compiled, without I/O, clock or logging.

In the order in which a message meets them:

    deserialize    bytes of a frame → one message with its levels (stateless, runs ahead)
    journal        copies every message of the main ring to the writer's stream
    book           L2 books: synchronised, checked, best bid and offer of each message
    strategy       order lines: a two-sided market maker
    risk           decides every order line; holds exposure until reports release it
    route          the exchange or a pool, whichever is better after fees
    mev            bounds what a sandwich could take from a pool order
    wire           encodes what may leave into the egress ring
    probe          counts and checksums, anywhere in the graph

Below them: amm, sandwich (pool mathematics), encode, text, wide (bytes and wide integers), fees.
"""
