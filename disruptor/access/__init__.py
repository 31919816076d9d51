"""Which fields of its record a handler reads and writes, what else it shares, and what it does that a handler must not do.

    found = accesses(handler)
    found.reads, found.writes            fields of the record; "*" stands for every field
    found.beside_reads                   of other arguments ("orders.reason", "payload.*") and of globals ("module:NAME")
    found.effects                        allocations, clocks, random numbers, with file, line and remedy
    found.unresolved                     accesses that were not understood; they count as read and written

Found in the handler's source, followed into everything that it calls: through other names, views, attributes, constant
names of fields, copies of whole records, closures and literal loops. Nothing is compiled. What a handler declares with
`reads=` and `writes=` counts instead of what is found; `undeclared` names what the source shows beyond it.

    inference    accesses(handler), Access        cache        the same, kept on disk: AccessCache
    walk         a function and what it calls     search       calls of one function in a handler's source
    statements, expressions, calls, names, parts   what each form of the syntax touches
    frame, values, things   a function in hand; what an expression may stand for; objects that stand in globals and cells
    origin, overloads       whose code an object is; what compiled code runs in the place of what the source names
    source, purity          syntax trees and places; what a handler must not do
"""

from disruptor.access.inference import Access, accesses, combined, inferred, overlap, own_layouts
from disruptor.access.purity import ALLOCATES, CLOCK, PARAMS, RANDOM, Effect
from disruptor.access.source import Place
from disruptor.access.values import EVERY
from disruptor.access.walk import Unresolved

__all__ = ["ALLOCATES", "CLOCK", "EVERY", "PARAMS", "RANDOM", "Access", "Effect", "Place", "Unresolved", "accesses", "combined", "inferred", "overlap", "own_layouts"]
