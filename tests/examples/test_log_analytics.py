"""examples.log_analytics: the same numbers as a few lines of plain Python."""

from collections import Counter

from disruptor.compiled import JIT_ENABLED
from examples.log_analytics import ROUTES, analyse, made_up_lines, main

NUMBER = 20_000 if JIT_ENABLED else 300


def plainly(lines):
    """Return (requests, errors, bytes, slowest) by route and the number of malformed lines."""
    requests, errors, sizes, slowest, malformed = Counter(), Counter(), Counter(), Counter(), 0
    for line in lines:
        parts = line.split(b" ")
        if len(parts) != 5 or len(line) > 112 or not all(p.isdigit() for p in parts[2:]) or parts[1][:1] != b"/":
            malformed += 1
            continue
        route = parts[1].partition(b"?")[0].decode()
        requests[route] += 1
        errors[route] += int(parts[2]) >= 500
        sizes[route] += int(parts[3])
        slowest[route] = max(slowest[route], int(parts[4]))
    return {r: (requests[r], errors[r], sizes[r], slowest[r]) for r in requests}, malformed


def test_every_line_is_counted_once_and_right():
    lines = [*made_up_lines(NUMBER), b"", b"GET", b"GET  200 1 1", b"GET /a 200 x 1", b"GET /a 200 1 1x", b"GET /a -5 1 1",
             b"GET /" + b"a" * 200 + b" 200 1 1", b"PUT /only?x=1 500 7 0"]
    routes, known, _ = analyse(lines, slots=256)
    expected, malformed = plainly(lines)
    assert {r.name: (r.requests, r.errors, r.bytes, r.slowest_micros) for r in routes} == expected
    assert known == {"lines": len(lines), "malformed": malformed, "uncounted": 0}
    for r in routes:
        assert r.p50_micros <= r.p99_micros <= 2 * max(1, r.slowest_micros)


def test_routes_beyond_the_table_are_counted_as_such():
    lines = [b"GET /%d 200 1 1" % n for n in range(ROUTES + 10)] + [b"GET /5 200 1 1"]
    routes, known, _ = analyse(lines)
    assert (len(routes), known["uncounted"], known["malformed"]) == (ROUTES, 10, 0)
    assert (routes[0].name, routes[0].requests) == ("/5", 2)


def test_a_file_is_reported(tmp_path, capsys):
    (tmp_path / "access.log").write_bytes(b"GET /a 200 1000000 900\nGET /a 503 1000000 900\nnonsense\n")
    assert main([str(tmp_path / "access.log")]) == 0
    report = capsys.readouterr().out
    assert report.splitlines()[1].split() == ["/a", "2", "50.00%", "2.0", "1.0", "1.0", "0.9"]
    assert "3 lines in" in report and "1 malformed, 0 uncounted" in report
