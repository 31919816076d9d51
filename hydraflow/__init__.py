"""HydraFlow-X: a trading engine declared as a graph of event handlers.

    records, codes, reports, errors         data definitions (leaves)
    loading, registry, plugins              handlers and sources: imported, named, listed
    topology                                the YAML file: load, diagnose, check
    placement                               which stages share a thread, which thread gets which core
    runtime                                 build, run, supervise, report
    ingress, egress                         sources of frames; the paper exchange
    journal                                 reading and replaying what the journal handler wrote
    explain                                 what all of these declare, in words
    cli                                     the command `hfx`
"""

DISTRIBUTION = "hydraflow-x"  # whose package this is: another distribution has the same import name
__version__ = "0.1.0"
