"""Checks of `replicas` and `by`: what can be sharded, and whether every shard sees the same key in a record.

Shards of one stage write disjoint records, for each record has one owner; so they do not race with each other, and with
other stages they race as the stage would. That holds only if the key does not change while shards look at it: it is an
input of the ring, or written by a stage that comes before, and by no other.
"""

from __future__ import annotations

from typing import Any

from hydraflow.topology.diagnose import Findings, Related, did_you_mean
from hydraflow.topology.graph import ancestors
from hydraflow.topology.shards import is_sharded
from hydraflow.topology.spec import HandlerSpec, Topology

__all__ = ["check_keys", "check_shards"]

_NAME_MOST = 60  # of 63: "/63" comes behind it


def check_shards(topology: Topology, findings: Findings) -> None:
    """Add what is wrong with `replicas` and `by` as far as the file says."""
    for spec in topology.stages:
        given = spec.node.entries if spec.node else {}
        if spec.by is not None and spec.replicas is None and "replicas" not in given:
            findings.error("HF413", f"handler '{spec.name}' has 'by' without 'replicas'", spec.where_key("by"), label="add replicas: 2, or remove it")
        if spec.replicas == 1:
            findings.warning("HF412", f"handler '{spec.name}' has one replica: nothing is divided", spec.where("replicas"),
                             label="write 2 or more, or remove it")
        if not is_sharded(spec):
            continue
        at = spec.where_key("replicas") or spec.where()
        if spec.by is None and "by" not in given:
            findings.error("HF413", f"handler '{spec.name}' has {spec.replicas} replicas and nothing that says which of them owns a "
                           "record", at, label="add by: FIELD", notes=("a whole-number field of the record, such as symbol",))
        if spec.use == "journal":
            findings.error("HF414", f"handler '{spec.name}' cannot have replicas: a journal holds the one order of everything", at,
                           label="remove it")
            continue
        if len(spec.name) > _NAME_MOST:
            findings.error("HF109", f"'{spec.name}' is too long for the name of a sharded stage", spec.where("name") or spec.where(),
                           notes=(f"shards are called NAME/0, NAME/1, …: at most {_NAME_MOST} characters",))
        _check_ends(spec, findings)


def _check_ends(spec: HandlerSpec, findings: Findings) -> None:
    for key, rings, why in (
        ("into", spec.into, "several shards would publish, each when it gets there: the order would be chance"),
        ("from", spec.inlets, "each record there belongs to one message, and every shard would take it"),
    ):
        if rings:
            verb = "publish into" if key == "into" else "drain"
            findings.error("HF417", f"handler '{spec.name}' has replicas, so it cannot {verb} '{rings[0]}'",
                           spec.where(key, 0) if spec.node and key in spec.node.entries else spec.where_key("replicas"), label=why,
                           notes=("let the shards write fields of the record, and one stage after them "
                                  + ("publish" if key == "into" else "drain the ring"),))


def check_keys(topology: Topology, bound: dict[str, Any], findings: Findings) -> None:
    """Add what is wrong with the fields by which records are divided. bound : stage name → hydraflow.topology.components.Bound."""
    for spec in topology.stages:
        one = bound.get(spec.name)
        if not is_sharded(spec) or one is None or one.spec is not spec:
            continue
        if not one.handler.jit:
            findings.error("HF414", f"handler '{spec.name}' cannot have replicas: it is plain Python, and Python runs on one core at "
                           "a time", spec.where_key("replicas") or spec.where(), label="remove it, or let it be compiled")
        if spec.by is not None and spec.on in topology.rings and _is_key(spec, topology, findings):
            _check_writers(spec, topology, bound, findings)


def _is_key(spec: HandlerSpec, topology: Topology, findings: Findings) -> bool:
    from disruptor.shard import check_key
    from hydraflow.topology.layouts import layout_of

    dtype = layout_of(topology.rings[spec.on])
    if dtype is None or spec.by is None:
        return False
    wrong = check_key(dtype, spec.by)
    if wrong:
        keys = [f for f in dtype.names or () if not f.startswith("pad") and not check_key(dtype, f)]
        close = did_you_mean(spec.by, keys)
        findings.error("HF415", f"handler '{spec.name}' cannot divide records of '{spec.on}' by '{spec.by}', {wrong}", spec.where("by"),
                       label=f"did you mean '{close}'?" if close else "", notes=(f"known: {', '.join(keys)}",))
    return not wrong


def _check_writers(spec: HandlerSpec, topology: Topology, bound: dict[str, Any], findings: Findings) -> None:
    from disruptor.access import EVERY
    from hydraflow.records import INPUT_BYTES, MESSAGE
    from hydraflow.topology.touched import INPUT, access_of

    assert spec.by is not None
    before = ancestors({s.name: s.after for s in topology.stages}, spec.name)
    on_ring = [s for s in topology.stages if s.on == spec.on and s.name in bound]
    is_input = topology.rings[spec.on].record == "message" and spec.by in INPUT
    names = {spec.by} if is_input else {spec.by, EVERY}  # HF343: nobody writes an input
    writers = [s for s in on_ring if names & access_of(s, bound[s.name].handler, topology).writes]
    for writer in writers:
        if writer.name in before and writer.name != spec.name:
            continue
        after = spec.name in ancestors({s.name: s.after for s in topology.stages}, writer.name)
        who = "it" if writer is spec else f"'{writer.name}', which comes after," if after else f"'{writer.name}', which nothing orders,"
        at = writer.where("name") or writer.where("use") or writer.where()
        findings.error("HF416", f"handler '{spec.name}' cannot divide records by '{spec.by}', for {who} writes that field: one shard "
                       "would see another key than the next", spec.where("by"),
                       label="a field that nothing writes from here on" if writer is spec or after else f"add after: {writer.name}",
                       related=(Related(at, f"writes '{spec.by}'"),) if at and writer is not spec else ())
    ring = topology.rings[spec.on]
    if not writers and ring.record == "message" and MESSAGE.fields[spec.by][1] >= INPUT_BYTES:  # type: ignore[index]
        findings.error("HF416", f"handler '{spec.name}' cannot divide records by '{spec.by}', which nothing has written when it sees "
                       "them: one shard would own them all", spec.where("by"), label="an input of the ring, such as symbol, or a field "
                       "of a stage in `after`")
