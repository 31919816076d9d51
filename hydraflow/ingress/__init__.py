"""Sources of frames: what turns the outside world into records of the frames ring.

    base          the contract: `@source`, `Source`, `Feed`
    pacing        when a frame may go out: flat out, recorded time × speed, fixed rate
    simulator     seeded order flow that speaks Binance's JSON, compiled
    capture       lines `<receive ns> <json>` of a plain, gzip or zstd file
    decompress    bytes of such files in Python: chunks, lines, prefix
    compress      the other way, by suffix
    recorder      writes captures

Nothing is imported here: `hydraflow.ingress.decompress` must not cost the time that numba takes to load.
"""
