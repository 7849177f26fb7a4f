"""Where the ranks of a parallel run are, and which fabric joins the ranks of a group.

Ranks are numbered with the tensor index fastest, then the pipeline stage, then the replica,
and fill node after node: tensor groups are inside a node where they fit, then stages, then
replicas across nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Groups(NamedTuple):
    """Groups of ranks that exchange among themselves at the same time.

    Attributes:
        ranks: Ranks of each group.
        inside_hops: Ring hops inside a node, all groups together.
        between_hops: Ring hops between nodes, all groups together.
        inside_edges: Edges of a tree that is a tree inside each node, all groups together.
        between_edges: Edges of it between nodes.
        most_in_node: Most ranks of a group in one node.
        most_nodes: Most nodes of a group.
    """

    ranks: int
    inside_hops: int
    between_hops: int
    inside_edges: int
    between_edges: int
    most_in_node: int
    most_nodes: int


@dataclass(frozen=True)
class Placement:
    """Ranks of a run on nodes.

    Attributes:
        tensor: Ranks that share each layer.
        pipeline: Stages.
        data: Replicas.
        per_node: Devices of a node.
    """

    tensor: int
    pipeline: int
    data: int
    per_node: int

    @property
    def devices(self) -> int:
        """Devices of the run, one for each rank."""
        return self.tensor * self.pipeline * self.data

    def node(self, tensor: int, stage: int, replica: int) -> int:
        """Return the node of a rank."""
        return (tensor + self.tensor * (stage + self.pipeline * replica)) // self.per_node

    @cached_property
    def tensor_groups(self) -> tuple[Groups, ...]:
        """For each stage the groups that share its layers, one for each replica."""
        return tuple(
            _groups(
                self.tensor,
                (
                    [self.node(rank, stage, replica) for rank in range(self.tensor)]
                    for replica in range(self.data)
                ),
            )
            for stage in range(self.pipeline)
        )

    @cached_property
    def data_groups(self) -> tuple[Groups, ...]:
        """For each stage the groups that hold the same weights, one for each tensor rank."""
        return tuple(
            _groups(
                self.data,
                (
                    [self.node(rank, stage, replica) for replica in range(self.data)]
                    for rank in range(self.tensor)
                ),
            )
            for stage in range(self.pipeline)
        )

    def stage_hops(self, stage: int) -> tuple[int, int]:
        """Return how many ranks send to the next stage inside a node, and between nodes."""
        same = [
            self.node(rank, stage, replica) == self.node(rank, stage + 1, replica)
            for rank in range(self.tensor)
            for replica in range(self.data)
        ]
        return sum(same), len(same) - sum(same)


def _groups(ranks: int, groups: Iterator[list[int]]) -> Groups:
    inside = between = in_edges = out_edges = 0
    most_in_node = most_nodes = 1
    for nodes in groups:
        in_node = Counter(nodes)
        count = len(in_node)
        hops = sum(a != b for a, b in zip(nodes, nodes[1:] + nodes[:1], strict=True))
        between += hops
        inside += ranks - hops if ranks > 1 else 0
        in_edges += ranks - count
        out_edges += count - 1
        most_in_node = max(most_in_node, *in_node.values())
        most_nodes = max(most_nodes, count)
    return Groups(ranks, inside, between, in_edges, out_edges, most_in_node, most_nodes)
