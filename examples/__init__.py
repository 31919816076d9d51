"""Programs that use `disruptor` without topologies, most for something else than trading. Each ends by itself: `python -m examples.NAME`.

    log_analytics      lines of bytes, parsed and counted by compiled handlers
    market_data_fanout  one process publishes, four read, each with a compiled handler
    order_gateways     producers of other processes, merged into one order
    sensor_fusion      several producers, calibration, alignment in time, a Kalman filter, alarms
    websocket_fanout   one ring, any number of websocket clients; slow ones are conflated or dropped
"""
