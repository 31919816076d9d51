"""What SVG drawings have in common: the document, colours for light and dark, the tip of an arrow."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

__all__ = ["document"]

_LIGHT = {
    ".card": "fill: #ffffff;", ".text": "fill: #1f2328;", ".soft": "fill: #57606a; font-size: 13px;",
    ".line": "stroke: #57606a; fill: none; stroke-width: 1.6;", ".tip": "fill: #57606a;", "rect": "stroke-width: 1.4;",
}
_DARK = {".card": "fill: #0d1117;", ".text": "fill: #e6edf3;", ".soft": "fill: #9da7b1;", ".line": "stroke: #9da7b1;",
         ".tip": "fill: #9da7b1;"}
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


def document(title: str, width: int, height: int, body: list[str], light: Mapping[str, str], dark: Mapping[str, str],
             markers: str = "") -> str:
    """Return an SVG that stands alone. light, dark : selector → declarations, beside those of every drawing."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="{_FONT}" font-size="14">',
        f"<title>{escape(title)}</title>", "<style>", *_rules(_LIGHT | dict(light), "  "),
        "  @media (prefers-color-scheme: dark) {", *_rules(_DARK | dict(dark), "    "), "  }", "</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="tip" d="M0 0 8 4 0 8z"/></marker>{markers}</defs>',
        f'<rect class="card" width="{width}" height="{height}" rx="10"/>', *body, "</svg>",
    ]) + "\n"


def _rules(rules: Mapping[str, str], indent: str) -> list[str]:
    return [f"{indent}{selector} {{ {declarations} }}" for selector, declarations in rules.items()]
