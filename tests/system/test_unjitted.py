"""Without the compiler the same engine comes to the same state: what is compiled is plain Python that can be read."""

import pytest

FRAMES = 2_000


@pytest.mark.parametrize("placement", ["fused", "auto"])
def test_shortened_input_gives_the_same_hashes_unjitted(hfx, placement):
    topology = hfx.topology(stages={"simulator": {"frames": FRAMES}})
    compiled = hfx.run(topology, placement)
    plain = hfx.run(topology, placement, NUMBA_DISABLE_JIT="1")
    assert plain["state_hashes"] == compiled["state_hashes"]
    assert plain["state_hash"] == compiled["state_hash"]
    for name in ("frames", "messages", "level_changes", "book_checks", "decisions", "orders", "fills", "rejects_by_reason",
                 "frame_errors", "wire", "risk"):
        assert plain[name] == compiled[name], name
    assert plain["fills"] > 0
    assert plain["journal"]["verified"]
    assert plain["compiled"]["seconds"] < 1.0  # nothing was compiled


def test_journal_of_an_unjitted_run_is_replayed_by_compiled_code(hfx):
    run = hfx.run(hfx.topology(stages={"simulator": {"frames": FRAMES}}), "fused", NUMBA_DISABLE_JIT="1")
    replayed = hfx.replay(run["journal"]["path"])
    assert replayed["state_hashes"] == run["state_hashes"]
    assert replayed["replay"]["differences"] == 0
