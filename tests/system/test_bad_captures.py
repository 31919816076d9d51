"""Bad input through the whole engine: spoiled frames, ids, prices, stamps and files, each held against a slow client.

The engine runs config/capture.yaml with `--record`. Lines that cannot be used are counted with the first of each kind,
the book is stale from the line that shows a fault until a snapshot, and no order is decided in between.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from hydraflow.codes import FrameError
from tests.reference.bad_captures import (
    Clean,
    Draft,
    Put,
    depth_of,
    flipped,
    follow,
    recorded,
    simulated,
    with_levels,
)
from tests.reference.bad_frames import BAD_FRAMES
from tests.system.conftest import Hfx
from tests.system.played import LIVE, Played, assert_as_client, play

SLOT = 6  # depth frames in which there is at most one alteration
AHEAD = 3  # from the altered frame to the snapshot behind it


@attrs.frozen
class Alteration:
    """One altered depth frame. at : line that shows it at the earliest; last : at the latest; until : line of the snapshot."""

    kind: str
    at: int
    last: int
    until: int


def altered(clean: Clean, tries: dict[str, int], seed: int) -> tuple[Draft, list[Alteration]]:
    """Return a draft in which so many random depth frames are altered in each way, and where it must show."""
    rng = random.Random(seed)
    kinds = [kind for kind, count in tries.items() for _ in range(count)]
    slots = rng.sample(range(len(clean.depths) // SLOT), len(kinds))
    plan = [(kind, SLOT * slot + rng.randrange(SLOT - AHEAD - 1)) for kind, slot in zip(kinds, slots, strict=True)]
    draft = Draft(clean)
    snapshots = clean.snapshots(clean.depths[place + AHEAD] for _, place in plan)
    found = []
    for kind, place in plan:
        one, following, until = (clean.depths[place + n] for n in (0, 1, AHEAD))
        at, last, puts = one, one, draft.puts
        if kind == "dropped":
            puts[one], at, last = [], following, following
        elif kind == "duplicated":
            puts[one] *= 2
        elif kind == "swapped":
            puts[one], puts[following] = puts[following], puts[one]
        else:
            frame = flipped(clean.frames[one], kind, rng)
            valid = _is_json(frame)
            puts[one] = [Put(frame) if valid else Put(frame, FrameError.CORRUPT, lost=True)]
            data = depth_of(frame if valid else clean.frames[one])
            before = data.get("pu", depth_of(clean.frames[clean.depths[place - 1]])["u"] if place else -1)
            if not valid or (kind == "u" and data["u"] >= data["U"]):
                last = following  # there is no record of it; or what it says fits all that came before
            if kind == "U" and valid and "pu" in data and before < data["U"] <= data["u"]:
                last = until  # so does this, and all that follows; only a ticker may contradict
        puts[until].append(Put(snapshots[until]))
        found.append((kind, at, last, until))
    line = draft.line_of
    duplicate = {"duplicated": 1}
    return draft, [Alteration(k, line[at] + duplicate.get(k, 0), line[last] + duplicate.get(k, 0), line[u] + 1) for k, at, last, u in found]


def _is_json(frame: bytes) -> bool:
    try:
        return bool(json.loads(frame))
    except ValueError:
        return False


def assert_every_alteration_shows(played: Played, draft: Draft, found: list[Alteration], truth: dict[int, Any]) -> dict[str, int]:
    """Assert for each alteration: stale from its line to the snapshot, no order meanwhile, live and exact before and after.

    truth : top of the true book by update id. Returns how many of each kind went unseen, which only harmless ones may.
    """
    unseen: dict[str, int] = defaultdict(int)
    depths = list(played.rows)
    for one in found:
        stale = [n for n in depths if one.at <= n <= one.until and played.rows[n]["status"] != "LIVE"]
        after = next(n for n in depths if n > one.until)
        assert played.rows[after]["status"] == "LIVE", one
        if not stale:
            assert one.last == one.until - 1, one
            unseen[one.kind] += 1
            begin = one.until
        else:
            begin = stale[0]
            assert one.at <= begin <= one.last, one
            assert all(played.rows[n]["status"] == "STALE" for n in depths if begin <= n < one.until), one
            assert not any(begin <= n < one.until for n in played.orders), one
    wrong_id = {n for one in found if one.kind == "u" for n in range(one.at, one.last)}
    for line, row in played.rows.items():
        if row["status"] == "LIVE" and line not in wrong_id:
            assert [Decimal(row[name]) for name in TOP] == truth[row["u"]], row
    return unseen


TOP = ("bid_price", "bid_quantity", "ask_price", "ask_quantity")


def truth_of(clean: Clean) -> dict[int, list[Decimal]]:
    """Return the top of the book of a stream without faults by update id."""
    draft = Draft(clean)
    client, ticks = follow(draft), [Decimal(1).scaleb(-d) for d in clean.decimals] * 2
    return {
        depth_of(clean.frames[line])["u"]: [value * tick for value, tick in zip(client.shown[line][1:], ticks, strict=True)]
        for line in client.depth_lines if client.shown[line][0] == LIVE
    }


def play_alterations(hfx: Hfx, folder: Path, clean: Clean, tries: dict[str, int]) -> dict[str, int]:
    """Alter, run, and assert that everything shows; return how many harmless alterations of each kind did not."""
    draft, found = altered(clean, tries, seed=5)
    played = play(hfx, folder, draft.text())
    unseen = assert_every_alteration_shows(played, draft, found, truth_of(clean))
    assert_as_client(played, draft, follow(draft))
    assert len(played.orders) > len(found) // 2
    return unseen


ORDER = ("dropped", "duplicated", "swapped")


def test_every_altered_depth_frame_of_futures_shows_at_its_line(hfx, tmp_path):
    unseen = play_alterations(hfx, tmp_path, simulated(56_000, 11), dict.fromkeys((*ORDER, "U", "u", "pu"), 200))
    assert unseen == {"U": 12}


def test_every_altered_depth_frame_of_spot_shows_at_its_line(hfx, tmp_path):
    unseen = play_alterations(hfx, tmp_path, simulated(46_000, 12, spot=True), dict.fromkeys((*ORDER, "U", "u"), 200))
    assert unseen == {}


def test_every_altered_depth_frame_of_a_real_futures_capture_shows_at_its_line(hfx, captures, tmp_path):
    clean = recorded(captures / "binance" / "usdm_btcusdt_20240808.gz", (1, 3), 30_000)
    unseen = play_alterations(hfx, tmp_path, clean, {**dict.fromkeys(ORDER, 50), "U": 17, "u": 17, "pu": 16})
    assert unseen == {"U": 3}


def test_every_altered_depth_frame_of_a_real_spot_capture_shows_at_its_line(hfx, captures, tmp_path):
    clean = recorded(captures / "binance" / "spot_ethusdt_20240808.gz", (2, 8), 30_000)
    assert play_alterations(hfx, tmp_path, clean, {**dict.fromkeys(ORDER, 50), "U": 25, "u": 25}) == {}


ROOM = 10  # depth frames from one bad frame of the catalogue to the next


def spoil(clean: Clean) -> tuple[Draft, dict[str, int]]:
    """Return a draft with the catalogue in it, each entry followed by a gap and a snapshot; and the place of each."""
    draft = Draft(clean)
    places = {name: clean.depths[ROOM * (n + 1)] for n, name in enumerate(BAD_FRAMES)}
    rows = [clean.depths[ROOM * (n + 1) : ROOM * (n + 2)] for n in range(len(BAD_FRAMES))]
    snapshots = clean.snapshots(row[5] for row in rows)
    for (replace, _), row in zip(BAD_FRAMES.values(), rows, strict=True):
        draft.puts[row[0]] = replace(clean.frames[row[0]])
        draft.puts[row[3]] = []
        draft.puts[row[5]].append(Put(snapshots[row[5]]))
    return draft, places


def test_every_bad_frame_of_the_catalogue_is_counted_and_leaves_the_book_right_or_stale(hfx, tmp_path):
    clean = simulated(9_000, 13)
    draft, places = spoil(clean)
    played, client = play(hfx, tmp_path, draft.text()), follow(draft)
    depths = list(played.rows)
    for name, place in places.items():
        last = draft.line_of[place] + len(draft.puts[place]) - 1
        behind = played.rows[next(n for n in depths if n > last)]
        assert (behind["status"] == "STALE") is BAD_FRAMES[name][1], (name, behind)
        before = played.rows[max(n for n in depths if n < draft.line_of[place])]
        assert before["status"] == "LIVE", name
    assert_as_client(played, draft, client)
    assert len(played.orders) > len(places)
    stamps = [order["receive_ns"] for orders in played.orders.values() for order in orders]
    assert stamps == sorted(stamps)


Rows = list[int]  # indexes of successive depth frames
Books = dict[int, tuple[list[list[str]], list[list[str]]]]  # true bids and asks behind each of them


def crossed(draft: Draft, row: Rows, books: Books) -> None:
    add_levels(draft, row[0], [[_moved(books[row[0]][1][0][0], 1.0001), "1.000"]], [])


def crossed_within_a_message(draft: Draft, row: Rows, books: Books) -> None:
    price = _moved(books[row[0]][1][0][0], 1.0001)
    add_levels(draft, row[0], [[price, "1.000"], [price, "0.000"]], [])


def unknown_deletes(draft: Draft, row: Rows, books: Books) -> None:
    gone = [[f"{price}.00", "0.000"] for price in range(1_000, 3_000)]
    add_levels(draft, row[0], gone, [[f"{price}.00", "0.000"] for price in range(90_000, 91_000)])


def far_levels_beside(draft: Draft, row: Rows, books: Books) -> None:
    add_levels(draft, row[0], [["30900.00", "1.000"]], [["92700.00", "1.000"]])


def jump(draft: Draft, row: Rows, books: Books, *, ratio: float) -> None:
    sides = [[[price, "0.000"] for price, _ in side] + [[_moved(p, ratio), q] for p, q in side[:50]] for side in books[row[0]]]
    add_levels(draft, row[0], *sides)


def emptied(draft: Draft, row: Rows, books: Books, *, sides: str) -> None:
    for index in row[:2]:
        add_levels(draft, index, *([[p, "0.000"] for p, _ in side] * (key in sides) for key, side in zip("ba", books[index], strict=True)))


def hundred_thousand_far_levels(draft: Draft, row: Rows, books: Books) -> None:
    for part in range(2):
        low, high = 100_000 + 25_000 * part, 1_000_000 + 25_000 * part
        add_levels(draft, row[part], *([[f"{n // 10}.{n % 10}0", "0.001"] for n in range(at, at + 25_000)] for at in (low, high)))


def crossed_snapshot(draft: Draft, row: Rows, books: Books) -> None:
    bids, asks = books[row[1]]
    draft.puts[row[0]] = []
    draft.puts[row[1]].append(Put(snapshot_of(draft, row[1], [[asks[1][0], "1.000"], *bids], asks)))


def snapshot_of_before(draft: Draft, row: Rows, books: Books) -> None:
    """It ends before the first delta that was kept begins."""
    draft.puts[row[0]] = draft.puts[row[1]] = []
    draft.puts[row[3]].append(Put(snapshot_of(draft, row[0], *books[row[0]])))


def late_snapshot(draft: Draft, row: Rows, books: Books) -> None:
    """The deltas kept reach from it to now."""
    draft.puts[row[0]] = []
    draft.puts[row[3]].append(Put(snapshot_of(draft, row[0], *books[row[0]])))


def spoiled_snapshot(draft: Draft, row: Rows, books: Books) -> None:
    draft.puts[row[0]] = []
    frame = snapshot_of(draft, row[1], *books[row[1]])
    nan = frame.replace(b'"bids":[', b'"bids":[["NaN","1"],')
    draft.puts[row[1]] += [Put(nan, FrameError.BAD_PRICE, lost=True), Put(frame[:-2], FrameError.TRUNCATED, lost=True)]


def snapshot_nobody_needs(draft: Draft, row: Rows, books: Books) -> None:
    draft.puts[row[1]].append(Put(snapshot_of(draft, row[0], [["1.00", "1.000"]], [["2.00", "1.000"]])))


# what is done to ten depth frames, and the status of the book behind some of them
BAD_BOOKS: dict[Callable[[Draft, Rows, Books], None], dict[int, str]] = {
    crossed: {0: "STALE", 1: "STALE"},
    crossed_within_a_message: {0: "LIVE", 1: "LIVE"},
    unknown_deletes: {0: "LIVE", 1: "LIVE"},
    far_levels_beside: {0: "LIVE", 1: "LIVE"},
    partial(jump, ratio=1.5): {0: "LIVE"},
    partial(jump, ratio=0.5): {0: "LIVE"},
    partial(emptied, sides="a"): {0: "LIVE", 1: "LIVE"},
    partial(emptied, sides="b"): {0: "LIVE", 1: "LIVE"},
    partial(emptied, sides="ba"): {0: "LIVE", 1: "LIVE"},
    hundred_thousand_far_levels: {0: "LIVE", 1: "LIVE", 2: "LIVE", 5: "LIVE"},
    crossed_snapshot: {1: "STALE", 2: "STALE", 5: "STALE"},
    snapshot_of_before: {2: "STALE", 3: "STALE", 4: "STALE", 5: "STALE"},
    late_snapshot: {1: "STALE", 2: "STALE", 3: "STALE", 4: "LIVE", 5: "LIVE"},
    spoiled_snapshot: {1: "STALE", 2: "STALE", 5: "STALE"},
    snapshot_nobody_needs: {0: "LIVE", 1: "LIVE", 2: "LIVE", 5: "LIVE"},
}
MISSING = 320  # depth frames without a snapshot: more than are kept


def add_levels(draft: Draft, index: int, bids: list[list[str]], asks: list[list[str]]) -> None:
    """Let the depth frame at `index` say more than it does."""
    frame = draft.clean.frames[index]
    said = depth_of(frame)
    draft.puts[index] = [Put(with_levels(frame, said["b"] + bids, said["a"] + asks))]


def snapshot_of(draft: Draft, index: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
    update = depth_of(draft.clean.frames[index])["u"]
    return json.dumps({"lastUpdateId": update, "bids": bids, "asks": asks}, separators=(",", ":")).encode()


def _moved(price: str, ratio: float) -> str:
    return f"{float(price) * ratio:.1f}0"


def test_every_bad_book_is_right_or_stale_and_never_traded_on_while_stale(hfx, tmp_path):
    clean = simulated(4_500, 17)
    draft, count = Draft(clean), len(BAD_BOOKS)
    rows = [clean.depths[ROOM * (n + 1) : ROOM * (n + 2)] for n in range(count)]
    lost, found = clean.depths[ROOM * (count + 1)], clean.depths[ROOM * (count + 1) + MISSING]
    first = clean.depths[ROOM - 2]
    snapshots = clean.snapshots([first, found, *(place for row in rows for place in row)])
    books = {place: tuple(json.loads(frame)[side] for side in ("bids", "asks")) for place, frame in snapshots.items()}
    for bad, row in zip(BAD_BOOKS, rows, strict=True):
        for index in range(clean.depths[clean.depths.index(row[0]) - 1], row[3]):
            if b'"bookTicker"' in clean.frames[index]:  # it would find out first
                draft.puts[index] = []
        bad(draft, row, books)
        draft.puts[row[6]] = []
        draft.puts[row[8]].append(Put(snapshots[row[8]]))
    draft.puts[0], draft.puts[lost] = [], []
    draft.puts[first].append(Put(snapshots[first]))
    draft.puts[found].append(Put(snapshots[found]))
    played = play(hfx, tmp_path, draft.text())
    assert_as_client(played, draft, follow(draft))
    status = {index: played.rows[line]["status"] for index, line in draft.line_of.items() if line in played.rows}
    for (bad, expected), row in zip(BAD_BOOKS.items(), rows, strict=True):
        seen = {n: status[row[n]] for n in expected}
        assert seen == expected, bad
        assert status[row[9]] == "LIVE", bad
    places = [place for place in clean.depths if place != lost]
    assert {status[place] for place in places if place <= first} == {"BUFFERING"}
    assert {status[place] for place in places if lost < place <= found} == {"STALE"}
    assert {status[place] for place in places if place > found} == {"LIVE"}
    assert min(played.orders) > draft.line_of[first]
    book = played.result["book"]
    assert book["deletes_unknown"] >= 3_000 and book["first_delete_unknown"] - 1 <= draft.line_of[rows[2][0]]
    assert book["crossed"] >= 2 and book["first_crossed"] - 1 == draft.line_of[rows[0][0]]
    assert book["truncated"] >= 100_000 - 2 * 28_672 and book["first_truncated"] - 1 == draft.line_of[rows[9][1]]
    assert book["snapshots_ignored"] == 1 and book["deltas_dropped"] >= MISSING - 256
