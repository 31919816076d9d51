"""Placement: which stages share a thread, which thread gets which core. Separate from the graph, pure functions.

    cpus      the cores that this process really has, from `quota` and `pseudo_files`
    seats     which cpus are near each other and quiet
    stage     the stages of a topology, shard by shard
    assign    stages and cores → threads, with reasons (`explicit`: those that a file names); the command line's placement text
"""

from hydraflow.placement.assign import Placement, Stage, Thread, assign, parse_placement, stages_of
from hydraflow.placement.cpus import Machine, read_machine

__all__ = ["Machine", "Placement", "Stage", "Thread", "assign", "parse_placement", "read_machine", "stages_of"]
