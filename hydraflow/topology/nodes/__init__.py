"""From text to a tree of nodes in which every key and value knows its line and column.

Built from PyYAML's parser events rather than its composer: libyaml's composer recurses in C and crashes the process on
a million opening brackets, and it cannot tell `!!str 12` from `12`. Here depth, node count and file size are bounded,
duplicate keys are found, plain scalars follow YAML 1.2, `<<` merges, and variables are interpolated per scalar.
Keys that begin with `x-` are skipped: they only hold anchors and notes.

    node     Node: a value with its place
    reader   read: bytes → nodes
    syntax   what the parser's complaints mean
"""

from hydraflow.topology.nodes.node import Node, forget, is_unknown
from hydraflow.topology.nodes.reader import BYTES_MAX, DEPTH_MAX, read, report_problems

__all__ = ["BYTES_MAX", "DEPTH_MAX", "Node", "forget", "is_unknown", "read", "report_problems"]
