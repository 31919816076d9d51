"""Functions that write notes: numbers of each kind, from a helper, in a loop; and calls that do not fit what is declared."""

from disruptor.compiled import compiled, entry
from disruptor.handler import handler
from disruptor.notes import note

THIN = "THIN"
TEXTS = {"WIDE": "spread {a:,} ticks is above {b:.3f}", "THIN": "thin at {a}", "BARE": "nothing to add"}
CODES = 5


def numbers(whole, broken, flag):
    """Write a note of four numbers, one of none, and one of a helper."""
    note("WIDE", whole, broken, flag, -7)
    note("BARE")
    inner(whole)


@compiled
def inner(value):
    deeper(value + 1)


@compiled
def deeper(value):
    note(THIN, value)


def many(count):
    """Write `count` notes, numbered."""
    for i in range(count):
        note("THIN", i)


numbers_compiled, many_compiled = entry(numbers, cache=False), entry(many, cache=False)


@handler(name="fits", notes=TEXTS)
def fits(event, sequence):
    numbers(event["value"], 0.5, True)
    deeper(sequence)
    note(code="BARE")


@handler(name="strays", notes={"WIDE": "{a} {b}"})
def strays(event):
    note("WIDE", 1)
    note("WIED", 1, 2)
    note(CODES, 1)
    deeper(1)


@handler(name="spikes", notes={"SPIKE": "value {a:.1f} at {b:,}"})
def spikes(event, sequence):
    if event["value"] > 8.0:
        note("SPIKE", event["value"], sequence)


@handler(name="reports", jit=False, notes={"BATCH": "{a} records"})
def reports(batch, first_sequence):
    if first_sequence == 0:
        note("BATCH", len(batch))


def of_a_number(value):
    note(3, value)


def of_a_text(value):
    note("WIDE", "x")
