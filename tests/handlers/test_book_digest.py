"""The book's digest: the same for the same book however it came about, another for any other."""

from __future__ import annotations

import random

from handlers.book import levels
from tests.reference.book_driver import BookDriver
from tests.reference.book_scenario import SMALL
from tests.reference.messages import Messages

BIDS, ASKS = [(100, 1), (99, 2)], [(101, 3), (102, 4)]


def digest_of(messages: Messages) -> int:
    driver = BookDriver(SMALL)
    driver.feed(messages)
    return driver.digest()


def base() -> Messages:
    return Messages().snapshot(10, BIDS, ASKS).depth(11, 12, 10, [(98, 5)])


def test_digest_does_not_see_how_the_window_moved():
    rng = random.Random(3)
    drivers = [BookDriver(SMALL), BookDriver(SMALL)]
    final = [(rng.randrange(1, 2_000), 1 + rng.randrange(9)) for _ in range(300)]
    final = sorted(dict(final).items(), reverse=True)
    # One book wanders through twenty markets first, the other gets the levels in price order.
    wander = Messages().snapshot(10, [], ASKS[:0])
    for step in range(20):
        mid = rng.randrange(10**6)
        changes = [(mid - rng.randrange(500), 1 + rng.randrange(5)) for _ in range(40)]
        wander.depth(2 * step + 11, 2 * step + 11, 2 * step + 10, changes)
        wander.depth(2 * step + 12, 2 * step + 12, 2 * step + 11, [(p, 0) for p, _ in changes])
    shuffled = rng.sample(final, len(final))
    above = final[0][0] + 12  # far enough for the window to follow, and near enough for it to stay there afterwards
    wander.depth(51, 59, 50, shuffled[:100]).depth(60, 60, 59, [*shuffled[100:], (above, 1)]).depth(61, 70, 60, [(above, 0)])
    straight = Messages().snapshot(10, [], []).depth(11, 60, 10, final[:200]).depth(61, 70, 60, final[200:])
    for driver, messages in zip(drivers, (wander, straight), strict=True):
        driver.feed(messages)
        assert levels(driver.state)[0].tolist() == final
    assert drivers[0].count("recentres") > drivers[1].count("recentres") + 10
    assert drivers[0].book()["bid"]["low"] != drivers[1].book()["bid"]["low"]
    assert drivers[0].digest() == drivers[1].digest()


def test_digest_does_not_see_how_far_the_rings_have_turned():
    one = Messages().depth(1, 1, 0).depth(2, 2, 1, BIDS).depth(3, 3, 2).depth(4, 4, 3).depth(5, 5, 4, BIDS).depth(6, 6, 5)
    two = Messages().depth(3, 3, 2).depth(4, 4, 3).depth(5, 5, 4, BIDS).depth(6, 6, 5)
    assert digest_of(one) == digest_of(two)


def test_digest_sees_everything_that_matters_later():
    variants = [
        base(),
        base().depth(13, 14, 12),
        base().depth(13, 14, 12, [(98, 6)]),
        base().depth(13, 14, 12, [(10**9 * -1, 6)]),
        base().depth(13, 14, 12, [(10**9 * -1, 7)]),
        base().depth(13, 14, 12, [], [(10**9, 6)]),
        base().lost(),
        base().lost().depth(14, 15, 13),
        base().lost().depth(14, 15, 13, [(98, 6)]),
        base().lost().depth(14, 15, 13, [], [(98, 6)]),
        base().ticker(15, (100, 1), (101, 3)),
        base().ticker(16, (100, 1), (101, 3)),
        base().ticker(16, (100, 1), (101, 4)),
        base().trade(101, 1),
        Messages().snapshot(10, BIDS, ASKS),
        Messages().snapshot(11, BIDS, ASKS),
        Messages(),
    ]
    digests = [digest_of(messages) for messages in variants]
    assert len(set(digests)) == len(variants)


def test_digest_of_equal_runs_is_equal():
    assert digest_of(base().lost()) == digest_of(base().lost())
