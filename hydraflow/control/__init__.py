"""Talking to a running engine, from any process of the same user.

    connection    the engine's socket in its runtime folder: one JSON line asked, one answered
    running       the topology that an engine runs, with the parameters that it has now
    changes       changes of parameters: what an option or a file asks for → values that the engine may take, or diagnostics
"""

from hydraflow.control.changes import Wanted, from_options, from_values, literal
from hydraflow.control.connection import SCHEMA, Listener, ask

__all__ = ["SCHEMA", "Listener", "Wanted", "ask", "from_options", "from_values", "literal"]
