"""Time and bits of what ranks exchange, on the fabrics that they cross.

Ring: each step moves one share to the next rank, ``steps (latency + bytes / bandwidth)``,
as fast as the slowest hop. Double binary tree (two trees, each with half of the tensor,
summed upwards and sent down again): the same volume as a ring, ``2 (P - 1) / P n`` per rank
on average, in ``2 log2 P`` latencies. Trees join the ranks of a node first, then one rank
of each node. Every rank has the whole bandwidth of its fabric to itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Literal, NamedTuple

from chipletsim.baseline.placement import Groups, Placement
from chipletsim.models.collectives import Collective, all_reduce
from chipletsim.spec.fabric import FabricSpec, NodeSpec

AllReduce = Literal["ring", "tree"]


class Exchange(NamedTuple):
    """Something exchanged by all groups at once.

    Attributes:
        time_s: Until the last rank is done.
        inside_bits: Bits on the fabric inside nodes, all ranks together.
        between_bits: Bits on the fabric between nodes.
    """

    time_s: float = 0.0
    inside_bits: float = 0.0
    between_bits: float = 0.0

    def times(self, count: float) -> Exchange:
        """Return ``count`` of them, one after another."""
        return Exchange(self.time_s * count, self.inside_bits * count, self.between_bits * count)

    def plus(self, other: Exchange) -> Exchange:
        """Return both, one after the other."""
        return Exchange(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Exchanger:
    """What exchanges cost for a placement of ranks.

    Attributes:
        node: Fabrics inside and between nodes.
        placement: Where ranks are.
        all_reduce: Algorithm of sums that all ranks receive.
    """

    node: NodeSpec
    placement: Placement
    all_reduce: AllReduce = "ring"

    def ring(self, groups: Groups, collective: Collective) -> Exchange:
        """Return a ring collective of bytes in every one of ``groups`` at the same time."""
        step_bits = float(collective.bytes_per_step) * 8
        fabrics = self._crossed(groups.inside_hops, groups.between_hops)
        step_s = max((_message_s(fabric, step_bits) for fabric in fabrics), default=0.0)
        sent_bits = float(collective.bytes_sent) * 8
        return Exchange(
            collective.steps * step_s,
            sent_bits * groups.inside_hops,
            sent_bits * groups.between_hops,
        )

    def sum(self, groups: Groups, tensor_bytes: int) -> Exchange:
        """Return a sum of ``tensor_bytes`` bytes that every rank of each group receives."""
        collective = all_reduce(tensor_bytes, groups.ranks)
        if self.all_reduce == "ring" or groups.ranks == 1:
            return self.ring(groups, collective)
        fabrics = self._crossed(groups.inside_edges, groups.between_edges)
        slowest = min(fabric.bandwidth_bit_per_s for fabric in fabrics)
        latency_s = 2 * (
            ceil(log2(groups.most_in_node)) * self.node.inside.latency_s
            + ceil(log2(groups.most_nodes)) * self.node.between.latency_s
        )
        # Two trees move half of the tensor each, over each edge once up and once down.
        edge_bits = 2 * 8 * tensor_bytes
        return Exchange(
            latency_s + float(collective.bytes_sent) * 8 / slowest,
            float(edge_bits * groups.inside_edges),
            float(edge_bits * groups.between_edges),
        )

    def to_next_stage(self, stage: int, rank_bytes: float) -> Exchange:
        """Return the sending of ``rank_bytes`` bytes by each rank of a stage to the next."""
        inside, between = self.placement.stage_hops(stage)
        bits = rank_bytes * 8
        fabrics = self._crossed(inside, between)
        time_s = max((_message_s(fabric, bits) for fabric in fabrics), default=0.0)
        return Exchange(time_s, bits * inside, bits * between)

    def _crossed(self, inside: int, between: int) -> list[FabricSpec]:
        crossed = [self.node.inside] if inside else []
        return [*crossed, self.node.between] if between else crossed


def _message_s(fabric: FabricSpec, bits: float) -> float:
    return fabric.latency_s + bits / fabric.bandwidth_bit_per_s
