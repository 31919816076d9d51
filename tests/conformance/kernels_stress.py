"""Compiled producers and watchers for the stress tests."""

from disruptor.atomics import pause
from disruptor.claims import claim_many, claim_one, is_published, publish_many, publish_one
from disruptor.compiled import entry
from disruptor.system_calls import yield_core


@entry
def produce(cells, base, marks, records, count):
    """Publish `count` records among many producers: value = sequence, other = 2 × sequence. Returns how many."""
    mask = records.shape[0] - 1
    done = 0
    while done < count:
        sequence = claim_many(cells, base, marks, 1)
        if sequence < 0:
            yield_core()
            continue
        event = records[sequence & mask]
        event["value"] = sequence
        event["other"] = 2.0 * sequence
        publish_many(cells, base, marks, sequence, sequence)
        done += 1
    return done


@entry
def tell(cells, base, marks, records, rounds):
    """Publish pairs: the first, then the second; each with its fields written before."""
    mask = records.shape[0] - 1
    for _ in range(rounds):
        for _ in range(2):
            sequence = claim_one(cells, base, marks, 1)
            records[sequence & mask]["value"] = sequence + 1
            if marks.shape[0] == 0:
                publish_one(cells, base, sequence)
            else:
                publish_many(cells, base, marks, sequence, sequence)
        if rounds > 100 and (sequence & 63) == 63:
            pause()
    return rounds


@entry
def watch(cells, base, marks, records, rounds):
    """Count forbidden outcomes: a second of a pair without its first, a published record without its fields."""
    mask = records.shape[0] - 1
    wrong = 0
    for pair in range(rounds):
        first, second = 2 * pair, 2 * pair + 1
        idle = 0
        while True:
            two = is_published(cells, base, marks, second)
            if two:
                one = is_published(cells, base, marks, first)
                if records[second & mask]["value"] < second + 1:  # a later one: lapped since the look at the cursor
                    wrong += 1
                if not one and records[first & mask]["value"] <= first + 1:
                    wrong += 1
                break
            idle += 1
            if idle > 1000:
                yield_core()
            # the ring holds them all unless it has been lapped, and then the pair is gone for good
            if records[second & mask]["value"] > second + 1:
                break
    return wrong
