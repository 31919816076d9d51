"""Writes docs/conformance.md: the checklist of behaviours and the tests that show them.

    python -m tools.make_conformance
"""

from __future__ import annotations

from pathlib import Path

from tests.conformance.checklist import collected, page

if __name__ == "__main__":
    target = Path(__file__).parents[1] / "docs" / "conformance.md"
    target.write_text(page(collected()))
    print(f"{target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target} written")
