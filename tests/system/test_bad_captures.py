"""Bad input through the whole engine: spoiled frames, ids, prices, stamps and files, each held against a slow client.

The engine runs config/capture.yaml with `--record`. Lines that cannot be used are counted with the first of each kind,
the book is stale from the line that shows a fault until a snapshot, and no order is decided in between.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from hydraflow.codes import BookStatus, FrameError
from hydraflow.ingress.capture import lines
from tests.reference.bad_captures import (
    Clean,
    Draft,
    Followed,
    Put,
    depth_of,
    flipped,
    follow,
    recorded,
    simulated,
    with_levels,
)
from tests.reference.bad_frames import BAD_FRAMES
from tests.system.conftest import ROOT, Hfx

CONFIG = str(ROOT / "config" / "capture.yaml")
LIVE = int(BookStatus.LIVE)
STREAMS = ("book", "orders", "fills")
SLOT = 6  # depth frames in which there is at most one alteration
AHEAD = 3  # from the altered frame to the snapshot behind it


@attrs.frozen
class Played:
    """What became of a capture. rows : book records by line; orders : decisions of new orders by line."""

    result: dict[str, Any]
    rows: dict[int, dict[str, Any]]
    orders: dict[int, list[dict[str, Any]]]


def play(hfx: Hfx, folder: Path, text: bytes, name: str = "capture") -> Played:
    """Run a capture, recorded."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_bytes(text)
    streams = ",".join(f"{stream}={folder / stream}.jsonl" for stream in STREAMS)
    result = hfx.run(CONFIG, None, "--record", streams, HYDRAFLOW_CAPTURE=str(file))
    assert result["journal"]["verified"] and result["journal"]["messages"] == result["messages"]
    read = {stream: [json.loads(t) for t in (folder / f"{stream}.jsonl").read_text().splitlines()] for stream in STREAMS}
    orders = defaultdict(list)
    for row in read["orders"]:
        if row["event"] == "decision" and row["action"] == "NEW":
            orders[row["line"] - 1].append(row)
    return Played(result, {row["line"] - 1: row for row in read["book"]}, dict(orders))


def assert_as_client(played: Played, draft: Draft, client: Followed) -> None:
    """Assert that books, counters, errors and orders are those of the slow client."""
    result, ticks = played.result, [Decimal(1).scaleb(-d) for d in draft.clean.decimals]

    def shown(row: dict[str, Any]) -> tuple[int, ...]:
        prices = (Decimal(row[f"{side}_{what}"]) / tick for side in ("bid", "ask") for what, tick in zip(("price", "quantity"), ticks))
        return (int(BookStatus[row["status"]]), *map(int, prices))

    assert list(played.rows) == client.depth_lines
    for line, row in played.rows.items():
        assert shown(row) == client.shown[line], (line, row)
    for line, orders in played.orders.items():
        status, bid, _, ask, _ = client.shown[line]
        assert status == LIVE and 0 < bid < ask, (line, client.shown[line])
        for order in orders:
            assert (Decimal(order["bid_price"]) / ticks[0], Decimal(order["ask_price"]) / ticks[0]) == (bid, ask), order
    names = ("sequence_gaps", "crossed", "lost", "stale_transitions", "resyncs", "cleared", "checks_passed", "checks_failed", "deletes_unknown",
             "snapshots", "snapshots_ignored", "deltas_applied", "deltas_old", "levels_applied")  # fmt: skip
    assert {name: result["book"][name] for name in names} == {name: client.counts[name] for name in names}
    assert (result["frame_errors"], result["first_frame_errors"]) == draft.errors()
    assert result["frames"] == len(draft.lines)


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


@pytest.fixture(scope="module")
def honest(hfx: Hfx, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Played]:
    """A capture without faults, the folder of its records, and its run."""
    folder = tmp_path_factory.mktemp("honest")
    text = Draft(simulated(6_000, 19)).text()
    played = play(hfx, folder, text)
    assert played.result["frame_errors"] == {} and played.result["fills"] > 20
    return text, folder, played


def _zstd(text: bytes) -> bytes:
    return pytest.importorskip("zstandard").compress(text)


DRESSES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF, BOM, no last line end": lambda text: b"\xef\xbb\xbf" + text[:-1].replace(b"\n", b"\r\n"),
    "gzip of two members and padding": lambda text: gzip.compress(text[:99_999]) + gzip.compress(text[99_999:]) + bytes(512),
    "zstd": _zstd,
}


@pytest.mark.parametrize("dress", DRESSES)
def test_same_lines_in_another_dress_give_the_same_run(hfx, honest, tmp_path, dress):
    text, folder, played = honest
    result = play(hfx, tmp_path, DRESSES[dress](text)).result
    assert result["state_hash"] == played.result["state_hash"]
    assert result["frame_errors"] == {}
    for stream in STREAMS:
        assert (tmp_path / f"{stream}.jsonl").read_bytes() == (folder / f"{stream}.jsonl").read_bytes()


def _cut_in(what: bytes) -> Callable[[bytes], bytes]:
    """A plain capture that ends within the first `what` behind its middle."""
    return lambda text: text[: text.index(what, len(text) // 2) + len(what) // 2]


# what is left of the file, and what is counted besides the last line
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "truncated gzip": (lambda text: gzip.compress(text)[:-99_999], True),
    "truncated zstd": (lambda text: _zstd(text)[:-99_999], True),
    "cut in a frame": (_cut_in(b'"depthUpdate"'), False),
    "cut in a stamp": (_cut_in(b"1700000000"), False),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_is_used_up_to_the_damage(hfx, honest, tmp_path, damage):
    text, _, played = honest
    spoil, packed = DAMAGES[damage]
    part = play(hfx, tmp_path, spoil(text))
    errors, firsts, frames = part.result["frame_errors"], part.result["first_frame_errors"], part.result["frames"]
    assert 0.2 * text.count(b"\n") < frames < 0.9 * text.count(b"\n")
    assert errors.pop("truncated_input", 0) == packed and firsts.pop("truncated_input", frames) == frames
    assert list(errors.values()) in ([], [1]) and errors.keys() <= {"truncated", "corrupt", "out_of_range"}, errors
    assert set(firsts.values()) <= {frames}
    whole = [line for line in played.rows if line < frames - len(errors)]
    assert list(part.rows) == whole and all(part.rows[line] == played.rows[line] for line in whole)
    before = {line: orders for line, orders in played.orders.items() if line < frames - len(errors)}
    assert part.orders == before and len(before) > 20


@pytest.mark.parametrize("place", [0.3, 0.6])
def test_gzip_with_a_changed_byte_is_right_up_to_it_and_never_stops_the_run(hfx, honest, tmp_path, place):
    """What follows the byte is garbage, and only the checksum at the very end says so."""
    text, _, played = honest
    packed = bytearray(gzip.compress(text))
    packed[int(len(packed) * place)] ^= 0xFF
    part = play(hfx, tmp_path, bytes(packed))
    begin = next(n for n, (a, b) in enumerate(zip(text.split(b"\n"), lines(tmp_path / "capture"), strict=False)) if a != b)
    assert part.result["frame_errors"]["truncated_input"] == 1
    assert part.result["first_frame_errors"].pop("truncated_input") == part.result["sources"]["capture"]["lines"]
    assert min(part.result["first_frame_errors"].values(), default=begin + 1) > begin
    assert begin > place / 2 * len(played.rows)
    for mine, honest_ones in ((part.rows, played.rows), (part.orders, played.orders)):
        assert {n: row for n, row in mine.items() if n < begin} == {n: row for n, row in honest_ones.items() if n < begin}
    assert all(order["book_status"] == "LIVE" for orders in part.orders.values() for order in orders)


def test_report_names_what_was_bad_and_where_it_began(hfx, honest, tmp_path):
    bad = honest[0].splitlines(keepends=True)
    depth = next(n for n, line in enumerate(bad) if n > 500 and b'"depthUpdate"' in line)
    bad[depth] = bad[depth][:100] + b"\n"
    bad[200] = b"no stamp\n"
    bad[900] = b"1" + bad[900]
    (tmp_path / "capture").write_bytes(b"".join(bad))
    record = f"book={tmp_path / 'book.jsonl'}"  # recording is part of the compiled graph of all these runs
    report = hfx.start("run", CONFIG, "--quiet", "--hiccups", "0", "--stall", "120", "--record", record, HYDRAFLOW_CAPTURE=str(tmp_path / "capture")).stdout
    assert "bad input\n" in report
    for words in ("truncated              1, first at line", "no stamp               2, first at line 201", "lost frames            1, first at line"):
        assert words in report, report
    assert f"first at line {depth + 1:,}\n" in report


USELESS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "holds no line"),
    "blank": (b"\n\r\n\n", "none of its 3 lines is a frame that names a symbol"),
    "gzip of nothing": (gzip.compress(b""), "holds no line"),
    "one line without end": (b"1" * 99, "its only line is no frame that names a symbol"),
    "gzip cut in its head": (gzip.compress(b"1 {}")[:5], "holds no line: the gzip data end before their end mark (truncated)"),
    "prose": (b"It was a dark and stormy night;\nthe rain fell in torrents.\n", "none of its 2 lines is a frame that names a symbol"),
}


@pytest.mark.parametrize("useless", USELESS)
def test_file_without_a_frame_is_one_error_and_leaves_nothing_behind(hfx, tmp_path, useless):
    data, what = USELESS[useless]
    (tmp_path / "capture").write_bytes(data)
    state = tmp_path / "state"
    ran = hfx.start("run", CONFIG, "--quiet", "--json", "--record", f"book={tmp_path / 'book.jsonl'}", code=65,
                    HYDRAFLOW_CAPTURE=str(tmp_path / "capture"), XDG_STATE_HOME=str(state))
    remedy = "give a file of lines '<receive ns> <json>', as hfx record and hfx simulate write them"
    assert ran.stderr == f"hfx: capture '{tmp_path / 'capture'}': {what}; {remedy}\n"
    assert ran.stdout == ""
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["capture"]
    assert not [path for path in state.rglob("*") if path.is_file()]


def test_frame_spoiled_beyond_telling_puts_the_books_of_all_symbols_in_doubt(hfx, tmp_path):
    """Not compiled: a graph of two books would be compiled for this test alone."""
    first = simulated(250, 23)
    both: list[bytes] = []
    for stamp, frame in zip(first.stamps, first.frames, strict=True):
        frame = frame if frame.startswith(b'{"stream"') else b'{"stream":"btcusdt@depth","data":%b}' % frame
        both += [b"%d %b" % (stamp, f) for f in (frame, frame.replace(b"btcusdt", b"ethusdt").replace(b"BTCUSDT", b"ETHUSDT"))]
    bad = next(n for n in range(len(both) // 2, len(both)) if b"depthUpdate" in both[n] and b"BTCUSDT" in both[n])
    both[bad] = both[bad].partition(b" ")[0] + b' {"stream":"e'
    both.insert(bad // 2, both[bad // 2].partition(b" ")[0] + b' {"e":"kline","s":"ETHU')
    bad += 2  # counted from 1
    (tmp_path / "capture").write_bytes(b"\n".join(both))
    streams = ",".join(f"{stream}={tmp_path / stream}.jsonl" for stream in STREAMS)
    result = hfx.run(CONFIG, None, "--record", streams, HYDRAFLOW_CAPTURE=str(tmp_path / "capture"), NUMBA_DISABLE_JIT="1")
    rows = [json.loads(text) for text in (tmp_path / "book.jsonl").read_text().splitlines()]
    assert {row["symbol"] for row in rows if row["line"] > bad} == {"BTCUSDT", "ETHUSDT"}
    wrong = [row for row in rows if (row["status"] == "LIVE") is not (row["line"] < bad or row["symbol"] == "ETHUSDT")]
    assert not wrong, (bad, len(rows), wrong[:6])
    orders = [json.loads(text) for text in (tmp_path / "orders.jsonl").read_text().splitlines()]
    decided = {symbol: [row["line"] for row in orders if row["event"] == "decision" and row["action"] == "NEW" and row["symbol"] == symbol]
               for symbol in ("BTCUSDT", "ETHUSDT")}
    assert 0 < max(decided["BTCUSDT"]) < bad < max(decided["ETHUSDT"])
    assert result["frame_errors"] == {"truncated": 2} and result["first_frame_errors"]["truncated"] == (bad - 2) // 2 + 1
    assert [result["book"][name] for name in ("lost", "stale_transitions", "cleared", "sequence_gaps")] == [1, 2, 1, 0]
