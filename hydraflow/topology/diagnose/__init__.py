"""Diagnostics: what is wrong in a topology file, where, and what to do about it.

A diagnostic is data: a stable code (HFnnn, see `explain`), a severity, a sentence, the place in the file, and the other
end of the relation when there is one. It renders the way a good compiler prints it:

    error[HF104]: handler 'strategy' waits for 'signl', which no handler defines
      --> demo.yaml:14:13
       |
    14 |     after: [signl, risk]
       |             ^^^^^ did you mean 'signal' (line 9)?
       = known: book, journal, risk, signal
       = more: hfx explain HF104

A place may lie in an included file, or be an option (`--set a.b=c`): a span knows which, and every excerpt comes from the
file that it is about. `Findings` collects diagnostics, so that a file shows all its mistakes in one run.

    finding    Span, Related, Diagnostic: a finding as data
    findings   Findings: all of a file, in a stable order
    excerpt    render: how it looks
    words      did_you_mean, plural, summary, places
"""

from hydraflow.topology.diagnose.excerpt import render, split_lines
from hydraflow.topology.diagnose.finding import Diagnostic, Related, Span
from hydraflow.topology.diagnose.findings import Findings
from hydraflow.topology.diagnose.words import did_you_mean, places, plural, summary

__all__ = ["Diagnostic", "Findings", "Related", "Span", "did_you_mean", "places", "plural", "render", "split_lines", "summary"]
