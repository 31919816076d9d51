"""`--no-journal` leaves one stage out, whoever comes after it and wherever it was placed; everything else is as it was."""

import pytest

TEXT = """version: 1
name: unwritten
sources: [{use: simulator, with: {frames: 2000}}]
handlers:
  - {use: deserialize.binance, name: decode}
  - {use: probe, name: early}
  - {use: journal, after: early}
  - {use: book, after: journal}
  - {use: probe, name: late, after: [journal, book]}
"""
EXPLICIT = "one=simulator,decode,sequencer,journal;two=early,book,late;journal-writer"


@pytest.mark.parametrize("placement", ["fused", EXPLICIT], ids=["fused", "explicit"])
def test_what_came_after_the_journal_comes_after_what_it_came_after(hfx, placement):
    path = hfx.folder / "unwritten.yaml"
    path.write_text(TEXT)
    with_it = hfx.run(str(path), placement, NUMBA_DISABLE_JIT="1")
    without = hfx.run(str(path), placement, "--no-journal", NUMBA_DISABLE_JIT="1")
    assert with_it["journal"]["verified"] and without["journal"] is None
    assert without["state_hashes"] == with_it["state_hashes"]
    assert without["frames"] == with_it["frames"] == 2000
