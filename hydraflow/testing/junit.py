"""A JUnit file of the tests, as CI servers read it: a suite for each topology, a case for each test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from hydraflow.testing.report import complaints
from hydraflow.testing.runner import Verdict

__all__ = ["junit"]

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML 1.0 document may hold them


def junit(files: Sequence[tuple[str, Sequence[str], Sequence[Verdict]]], *, judge_budgets: bool) -> bytes:
    """Return the document, UTF-8. files : (path, stages, verdicts)."""
    root = ElementTree.Element("testsuites")
    for path, _, verdicts in files:
        failed = [v for v in verdicts if not v.passed(judge_budgets=judge_budgets)]
        suite = ElementTree.SubElement(
            root, "testsuite", name=_text(path), tests=str(len(verdicts)), failures=str(sum(not v.error for v in failed)),
            errors=str(sum(bool(v.error) for v in failed)), time=f"{sum(v.seconds for v in verdicts):.3f}",
        )
        for verdict in verdicts:
            case = ElementTree.SubElement(suite, "testcase", classname=_text(path), name=_text(verdict.name), file=_text(path),
                                          line=str(verdict.span.line if verdict.span else 0), time=f"{verdict.seconds:.3f}")
            if verdict in failed:
                lines = [_text(line) for line in complaints(verdict, judge_budgets=judge_budgets)]
                ElementTree.SubElement(case, "error" if verdict.error else "failure", message=lines[0]).text = "\n".join(lines)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _text(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
