"""The topology file: what it may say, how it is read, what is wrong with it.

    spec           attrs classes: the only declaration of keys, types, defaults, ranges
    nodes          text → nodes with line and column; YAML 1.2, duplicate keys, bounds
    values         scalars and quantities;   interpolate   ${V}, ${file:…}, ${secret:…}
    convert        nodes → attrs objects, for the file's keys and for components' parameters
    lookup         variables, files, secrets;   includes   other files;   overrides   --set
    resolved, emit the result as YAML again
    sections       stages under the wrong heading;   doubts   what a mistake leaves open
    load           the whole way, all mistakes in one error
    graph          stages, rings, order, cycles;   closure   what comes before what, as bit sets
    check, check_rings, check_placement     what needs no import;   components   what does
    proof          what the handlers' source proves: touched, remembered (on disk), conduct (purity, declarations),
                   happens_before, races, derived (after: auto), superfluous
    check_tests    what `tests:` says;   comparison   what an expectation says of a number
    check_tests    what `tests:` says;   rows   what the rows hold that a run records;   comparison   what an expectation says of a number
    keys           what an attrs class says about its keys;   schema   the file as a JSON Schema
    diagnose       findings and how they look;   explain   what each code means

Importing this package imports neither numpy nor numba; `load` imports the components that a file uses.
"""

from hydraflow.topology.diagnose import Diagnostic, Findings, render, summary
from hydraflow.topology.load import TopologyError, examine, load
from hydraflow.topology.spec import (
    HandlerSpec,
    InstrumentSpec,
    PlacementSpec,
    RingSpec,
    SourceSpec,
    ThreadSpec,
    Topology,
)

__all__ = [
    "Diagnostic", "Findings", "HandlerSpec", "InstrumentSpec", "PlacementSpec", "RingSpec", "SourceSpec", "ThreadSpec",
    "Topology", "TopologyError", "examine", "load", "render", "summary",
]
