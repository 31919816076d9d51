"""What the declarations know, in words: `hfx explain WHAT`.

    subjects     what can be asked, and who answers
    component    a handler or a source: parameters, state, counters, fields, rings, an example
    key          a key of the topology file
    record       a record or a ring
    page         how an answer is shown in 80 columns; the answer itself is plain data (schema hfx.explain/1)
"""

from hydraflow.explain.page import render
from hydraflow.explain.subjects import answer, overview

__all__ = ["answer", "overview", "render"]
