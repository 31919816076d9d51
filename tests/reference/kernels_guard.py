"""Handlers that fail where they are told, and what shows what became of it."""

from disruptor.compiled import compiled
from disruptor.digest import SEED, fold
from disruptor.handler import handler
from disruptor.single_producer import claim

FIELDS = [("value", "i8"), ("quotient", "i8"), ("twin", "i8"), ("parked", "i8")]


@compiled
def digest(state, params):
    return fold(fold(SEED, state["calls"]), state["total"])


@compiled
def quotient(value):
    return 100 // value  # fails at 0


@handler(name="splits", state=[("calls", "i8"), ("total", "i8")], max_out={"out": 2}, digest=digest)
def splits(event, state, out):
    """Publish two records for each, the second of which may fail; a value below 0 is refused by a status."""
    state["calls"] += 1
    first = claim(out)
    first["value"] = event["value"]
    event["twin"] = event["value"]
    if event["value"] < 0:
        return event["value"]
    event["quotient"] = quotient(event["value"])
    second = claim(out)
    second["value"] = -event["value"]
    state["total"] += event["quotient"]
    return 1


@handler(name="sees", state=[("calls", "i8"), ("total", "i8")], digest=digest)
def sees(event, state, parked):
    """Follow `splits`: add up what it wrote, and note whether it is parked."""
    state["calls"] += 1
    state["total"] += event["quotient"]
    event["parked"] = parked


@compiled
def index(array, place):
    return array[place]


@compiled
def grows(number):
    total = number * 4
    total += 7
    return total


@compiled(wraps=True)
def scrambles(number):
    return number * ((1 << 62) + 1)


def scrambled(number):
    return scrambles(number)


@compiled
def shrinks(number):
    return -5 - number


def doubled_until(number, times):
    for _ in range(times):
        number = grows(number)
    return number


def lowered(number):
    return shrinks(number)


def divided(number):
    return quotient(number)


def read(array, place):
    return index(array, place)


def narrow(number):
    return number * 4  # of 32 bits: computed in 64


def hashed(number):
    return fold(number, number)
