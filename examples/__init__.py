"""Programs that use `disruptor` for something else than trading. Each ends by itself: `python -m examples.NAME`.

    climate            a topology of own records: a generator, compiled handlers, alarms: `hfx run examples/climate/climate.yaml`
    log_analytics      lines of bytes, parsed and counted by compiled handlers
    sensor_fusion      several producers, calibration, alignment in time, a Kalman filter, alarms
    websocket_fanout   one ring, any number of websocket clients; slow ones are conflated or dropped
"""
