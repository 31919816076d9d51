"""The compiled side of a capture: splits lines, parses stamps, publishes frames.

A line is `<digits> <json>`. Blank lines are counted and are no frames; a line without stamp (NO_STAMP) and one whose JSON
is longer than 16 MiB (OVERSIZE) are frames with `error` set and at most ERROR_BYTES of payload, so that order and line
numbers stay. An oversize line is never held whole. A stamp that goes backwards is counted and left as it is. A stamp
above STAMP_NS_MAX (the year 2116) is none: a time to which delays are added must not leave int64. One that is more than an
hour ahead, and that the next line takes back, is counted and not believed: time, once there, would stand still.

Stamps are nanoseconds. Where the first one, with the next to confirm it, reads as a time between 2009 and 2040 in seconds,
milliseconds or microseconds, all of the capture are multiplied by that unit, and `stamp_unit_ns` says so.
"""

from __future__ import annotations

import numpy as np

from disruptor.atomics import load_acquire, store_release
from disruptor.compiled import compiled, for_any_number
from disruptor.search import find_byte
from disruptor.single_producer import claim, payload_claim, payload_index
from disruptor.stores import copy_bytes
from hydraflow.codes import FrameError
from hydraflow.ingress.base import source
from hydraflow.ingress.capture.feed import CaptureFeed
from hydraflow.ingress.capture.state import (
    CAPTURE,
    CLOSED,
    CLOSED_DAMAGED,
    CONSUMED,
    COUNTERS,
    PROMISED,
    WRITTEN,
    CaptureParams,
    prepare,
)
from hydraflow.ingress.pacing import plan, promise
from hydraflow.records import FRAME_BYTES_MAX

__all__ = ["AHEAD_NS_MAX", "ERROR_BYTES", "STAMP_NS_MAX", "capture"]

ERROR_BYTES = 256  # of a bad line that are kept
STAMP_NS_MAX = (1 << 62) - 1
AHEAD_NS_MAX = 3600 * 10**9  # a stamp so far ahead of the one before needs the next one's consent
_NOT_YET = -1
_SECONDS_MIN, _SECONDS_MAX = 1_230_000_000, 2_210_000_000  # since 1970: from 2009 on, until 2040
_LINE_MAX = FRAME_BYTES_MAX + 64  # with stamp, blanks and line end
_NO_STAMP = int(FrameError.NO_STAMP)
_OVERSIZE = int(FrameError.OVERSIZE)
_LINES_PER_TURN = 4096  # blank ones too, so that a turn ends
_LINE_FEED, _RETURN, _BLANK, _TAB = 10, 13, 32, 9


@source(
    params=CaptureParams,
    state=CAPTURE,
    counters=COUNTERS,
    prepare=prepare,
    open=CaptureFeed,
    max_out={"frames": 1},
    max_payload={"frames": FRAME_BYTES_MAX},
    virtual=True,
)
def capture(state, params, counters, frames, room, payload_room, now, stamps, raw, raw_cells):
    """Publish the frames of the lines that are at hand and due; see ingress.base."""
    mask = raw.shape[0] // 2 - 1
    published = 0
    looked_at = 0
    finished = False
    closed = load_acquire(raw_cells, CLOSED)  # before WRITTEN: when it is set, WRITTEN is final
    written = load_acquire(raw_cells, WRITTEN)
    if state["position"] == 0 and (written >= 3 or closed != 0):
        _skip_mark(state, counters, raw, written)
    while published < params["burst"] and published < room and looked_at < _LINES_PER_TURN:
        looked_at += 1
        end = _line_end(state, raw, written, mask)
        if end < 0:
            starved = closed == 0
            finished = not starved and state["position"] == written
            if starved and state["starved_since"] == 0:
                state["starved_since"] = now
            if starved or finished:
                break
            end = written  # the last line has no line end
        if state["starved_since"] != 0:
            counters["starved_ticks"] += now - state["starved_since"]
            state["starved_since"] = 0
        start = state["position"]
        goes_on = end - start >= _LINE_MAX and (end == written or raw[end & mask] != _LINE_FEED)
        if state["skipping"] != 0:  # the rest of an oversize line, whose frame is out already
            _next_line(state, counters, end, written, goes_on)
            continue
        text, length, receive_ns, error = _parse(raw, start & mask, end - start, STAMP_NS_MAX // max(1, state["unit_ns"]))
        if length == 0 and error == _NO_STAMP and not goes_on:
            counters["blank_lines"] += 1
            counters["carriage_returns"] += _has_return(raw, start, end, mask)
            _next_line(state, counters, end, written, False)
            continue
        if error == 0 and (goes_on or length > FRAME_BYTES_MAX or length > frames.cell["payload_mask"] + 1):
            error = _OVERSIZE
        if error != 0:
            length = min(length, ERROR_BYTES)
        if error == 0 and length > 0 and receive_ns > 0:
            if state["unit_ns"] == 0:
                unit_ns = _unit_ns(state, raw, receive_ns, end, written, closed, mask)
                if unit_ns == _NOT_YET:
                    state["starved_since"] = now
                    break
                state["unit_ns"] = unit_ns
                counters["stamp_unit_ns"] = unit_ns if unit_ns > 1 else 0
            receive_ns *= state["unit_ns"]
        if error == _NO_STAMP or length == 0:  # where the JSON is cut off, the stamp may be as well
            receive_ns = state["receive_ns"]
        ahead = False
        if receive_ns - state["receive_ns"] > AHEAD_NS_MAX and not goes_on:
            believed = _believed(state, raw, receive_ns, end, written, closed, mask)
            if believed == _NOT_YET:
                state["starved_since"] = now
                break
            ahead = believed != receive_ns
            receive_ns = believed
        planned = now  # as long as no line had a stamp
        if receive_ns > 0:
            planned = plan(state["pace"], state["number"], receive_ns, now)
        if planned > now:
            promised_ns = promise(state["pace"], receive_ns, planned, now)
            if promised_ns > 0:  # order: release; every frame before this one was published in a turn before
                store_release(raw_cells, PROMISED, promised_ns)
            break
        if length > payload_room:
            break
        index = payload_index(frames)
        copy_bytes(frames.payload, index, raw, text, length)
        frame = claim(frames)
        frame["receive_ns"] = receive_ns
        frame["number"] = state["line"]
        frame["payload_position"] = payload_claim(frames, length)
        frame["payload_count"] = length
        frame["error"] = error
        frame["source"] = state["source"]
        stamps[(frames.cell["next"] - 1) & frames.cell["mask"]] = planned
        payload_room -= length
        published += 1
        _count(state, counters, receive_ns, error, ahead)
        if not goes_on:
            counters["carriage_returns"] += _has_return(raw, start, end, mask)
        _next_line(state, counters, end, written, goes_on)
    store_release(raw_cells, CONSUMED, state["position"])
    if finished and published == 0:
        _finish(state, counters, closed)
        return -1
    return published


@compiled
def _line_end(state, raw, written, mask):
    """Return the position of the next line end, or of the place where a line has become too long; −1 when neither is there."""
    limit = min(written, state["position"] + _LINE_MAX)
    start = state["scanned"]
    index = start & mask
    found = find_byte(raw, index, index + limit - start, _LINE_FEED) - index + start
    state["scanned"] = found
    if found < limit or found - state["position"] >= _LINE_MAX:
        return found
    return -1


@compiled
def _next_line(state, counters, end, written, goes_on):
    """Go on behind the line that ends at `end`, or skip what was seen of one that goes on."""
    following = end if goes_on else min(end + 1, written)
    counters["bytes"] += following - state["position"]
    state["position"] = following
    state["scanned"] = following
    state["skipping"] = 1 if goes_on else 0
    if not goes_on:
        counters["lines"] += 1
        state["line"] += 1


@compiled
def _skip_mark(state, counters, raw, written):
    """Step over the UTF-8 byte order mark that some editors put first."""
    if written >= 3 and raw[0] == 0xEF and raw[1] == 0xBB and raw[2] == 0xBF:
        counters["byte_order_marks"] += 1
        counters["bytes"] += 3
        state["position"] = 3
        state["scanned"] = 3


@compiled
def _has_return(raw, start, end, mask):
    return 1 if end > start and raw[(end - 1) & mask] == _RETURN else 0


@compiled
@for_any_number
def _parse(raw, start, length, most):
    """Split the line raw[start : start + length]; return (index of the JSON, its bytes, stamp, error). most : of a stamp.

    Without stamp the whole line is returned, with NO_STAMP; a blank one has 0 bytes.
    """
    end = start + length
    if end > start and raw[end - 1] == _RETURN:
        end -= 1
    while start < end and (raw[start] == _BLANK or raw[start] == _TAB):
        start += 1
    at = start
    stamp = 0
    while at < end:
        digit = np.int64(raw[at]) - 48
        if digit < 0 or digit > 9:
            break
        if stamp > (most - digit) // 10:
            return start, end - start, 0, _NO_STAMP
        stamp = 10 * stamp + digit
        at += 1
    if at == start or (at < end and raw[at] != _BLANK and raw[at] != _TAB):
        return start, end - start, 0, _NO_STAMP
    while at < end and (raw[at] == _BLANK or raw[at] == _TAB):
        at += 1
    return at, end - at, stamp, 0


@compiled
def _implied_unit_ns(stamp):
    """Return the unit in which a stamp is a time of our years, 1 (nanoseconds) when it is one in no coarser unit."""
    unit_ns = 1_000_000_000
    limit = 1
    for _ in range(3):
        if _SECONDS_MIN * limit <= stamp and stamp < _SECONDS_MAX * limit:
            return unit_ns
        unit_ns //= 1000
        limit *= 1000
    return 1


@compiled(inline=False)
def _unit_ns(state, raw, stamp, end, written, closed, mask):
    """Return the unit of the capture's stamps, of which `stamp` is the first, in the line that ends at `end`.

    A coarser one than nanoseconds needs the next line's consent. Returns _NOT_YET as long as that is not there.
    """
    unit_ns = _implied_unit_ns(stamp)
    start = end + 1
    if unit_ns == 1 or (start >= written and closed != 0):
        return unit_ns
    limit = min(written, start + _LINE_MAX)
    index = start & mask
    found = find_byte(raw, index, index + limit - start, _LINE_FEED) - index + start
    if found >= limit and closed == 0 and written - state["position"] <= mask // 2:
        return _NOT_YET
    _, length, following, error = _parse(raw, index, found - start, STAMP_NS_MAX)
    return 1 if error == 0 and length > 0 and _implied_unit_ns(following) != unit_ns else unit_ns


@compiled
def _believed(state, raw, receive_ns, end, written, closed, mask):
    """Return the stamp to use for the line that ends at `end`, whose own is far ahead; _NOT_YET as long as the next is not there.

    Its own, unless the next line's is back where time stood; then that time (at the first line: the next line's).
    """
    before = state["receive_ns"]
    start = end + 1
    if start >= written and closed != 0:
        return receive_ns
    limit = min(written, start + _LINE_MAX)
    index = start & mask
    found = find_byte(raw, index, index + limit - start, _LINE_FEED) - index + start
    if found >= limit and closed == 0 and written - state["position"] <= mask // 2:  # else both are too long to be held
        return _NOT_YET
    _, length, following, error = _parse(raw, index, found - start, STAMP_NS_MAX // state["unit_ns"])
    following *= state["unit_ns"]
    if error != 0 or length == 0 or receive_ns - following <= AHEAD_NS_MAX:
        return receive_ns
    if before == 0:
        return following
    return before if following - before <= AHEAD_NS_MAX else receive_ns


@compiled
def _count(state, counters, receive_ns, error, ahead):
    """Count the frame that goes out, and what is wrong with it."""
    line = state["line"] + 1
    if ahead:
        counters["ahead"] += 1
        if counters["first_ahead"] == 0:
            counters["first_ahead"] = line
    if receive_ns < state["receive_ns"]:
        counters["backwards"] += 1
        if counters["first_backwards"] == 0:
            counters["first_backwards"] = line
    if error == _NO_STAMP:
        counters["no_stamp"] += 1
        if counters["first_no_stamp"] == 0:
            counters["first_no_stamp"] = line
    elif error == _OVERSIZE:
        counters["oversize"] += 1
        if counters["first_oversize"] == 0:
            counters["first_oversize"] = line
    state["receive_ns"] = receive_ns
    state["number"] += 1
    counters["frames"] += 1


@compiled
def _finish(state, counters, closed):
    """The input is over: count how it ended, once."""
    if state["skipping"] != 0:
        state["skipping"] = 0
        counters["lines"] += 1
        state["line"] += 1
    if closed == CLOSED_DAMAGED and counters["truncated_input"] == 0:
        counters["truncated_input"] = 1
        counters["first_truncated"] = max(state["line"], 1)
