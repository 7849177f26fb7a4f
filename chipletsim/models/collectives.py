"""Communication of models split over ranks: exact bytes and steps.

n is the number of bytes of the whole tensor, P the number of ranks. Bandwidth-optimal ring
algorithms are taken (factors as in the performance notes of nccl-tests). Tensor parallelism
follows Megatron (Shoeybi et al. 2019; Narayanan et al. 2021): query, key, value and the first
matrix of the feed-forward part are split by columns, the output projection and the second
matrix by rows, heads over ranks; each block sums twice forward and twice backward.
RWKV's time mix and channel mix need one sum each in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from chipletsim.models.checks import require_positive


class Collective(NamedTuple):
    """One collective operation.

    Attributes:
        bytes_sent: Bytes that a rank sends, exact; a whole number where P divides n.
        steps: Ring steps one after another.
        bytes_per_step: Bytes that a rank sends in one step.
    """

    bytes_sent: Fraction
    steps: int
    bytes_per_step: Fraction


def all_reduce(tensor_bytes: int, ranks: int) -> Collective:
    """Return a sum whose result every rank has: ``2 (P - 1) / P n``.

    Example:
        >>> all_reduce(33_554_432, 8).bytes_sent
        Fraction(58720256, 1)
    """
    return _ring(tensor_bytes, ranks, rounds=2)


def reduce_scatter(tensor_bytes: int, ranks: int) -> Collective:
    """Return a sum of which every rank keeps its share: ``(P - 1) / P n``."""
    return _ring(tensor_bytes, ranks)


def all_gather(tensor_bytes: int, ranks: int) -> Collective:
    """Return the collection of the shares of all ranks, n together: ``(P - 1) / P n``."""
    return _ring(tensor_bytes, ranks)


def all_to_all(tensor_bytes: int, ranks: int) -> Collective:
    """Return the exchange in which a rank has n bytes for all ranks: ``(P - 1) / P n``."""
    return _ring(tensor_bytes, ranks)


def broadcast(tensor_bytes: int, ranks: int) -> Collective:
    """Return the distribution of n bytes of the root, which sends them once along the ring."""
    _check(tensor_bytes, ranks)
    sent = Fraction(tensor_bytes if ranks > 1 else 0)
    return Collective(sent, ranks - 1, sent)


@dataclass(frozen=True)
class TensorParallel:
    """What a rank sends for one block of a transformer or of RWKV.

    Attributes:
        sum: One all-reduce of batch x tokens x width values.
        sums: All-reduces of a block forward, and as many backward.
    """

    sum: Collective
    sums: int = 2

    @property
    def forward_bytes(self) -> Fraction:
        """Bytes that a rank sends forward: ``4 (P - 1) / P b S d w``."""
        return self.sums * self.sum.bytes_sent

    @property
    def backward_bytes(self) -> Fraction:
        """Bytes that a rank sends backward, as many as forward."""
        return self.forward_bytes

    @property
    def forward_steps(self) -> int:
        """Ring steps forward, which decide the latency of one decoded token."""
        return self.sums * self.sum.steps


def tensor_parallel(
    ranks: int, tokens: int, width: int, bytes_per_value: int = 2, batch: int = 1
) -> TensorParallel:
    """Return the communication of one block over ``ranks`` ranks.

    With sequence parallelism every all-reduce becomes an all-gather and a reduce-scatter of
    the same volume.

    Args:
        ranks: Ranks P.
        tokens: Tokens S of the pass; 1 for a decoded token.
        width: Features d of a token.
        bytes_per_value: Bytes w of a value.
        batch: Sequences b.
    """
    numbers = {"tokens": tokens, "width": width, "bytes_per_value": bytes_per_value}
    require_positive("tensor parallelism", batch=batch, **numbers)
    return TensorParallel(all_reduce(batch * tokens * width * bytes_per_value, ranks))


def pipeline_boundary_bytes(values: int, bytes_per_value: int = 2, micro_batch: int = 1) -> int:
    """Return the bytes of one micro-batch over one boundary, forward or backward.

    Args:
        values: Values at the cut for one sample, such as tokens x width, or the activations
            of `Model.crossing`.
        bytes_per_value: Bytes of a value.
        micro_batch: Samples.
    """
    numbers = {"bytes_per_value": bytes_per_value, "micro_batch": micro_batch}
    require_positive("a pipeline boundary", values=values, **numbers)
    return values * bytes_per_value * micro_batch


def bubble_share(stages: int, micro_batches: int) -> Fraction:
    """Return idle over ideal time of a pipeline: ``(s - 1) / M``.

    Example:
        >>> bubble_share(8, 32)
        Fraction(7, 32)
    """
    require_positive("a pipeline", stages=stages, micro_batches=micro_batches)
    return Fraction(stages - 1, micro_batches)


def _check(tensor_bytes: int, ranks: int) -> None:
    require_positive("a collective", tensor_bytes=tensor_bytes, ranks=ranks)


def _ring(tensor_bytes: int, ranks: int, rounds: int = 1) -> Collective:
    """Return ``rounds`` turns of P - 1 steps of n / P bytes."""
    _check(tensor_bytes, ranks)
    share, steps = Fraction(tensor_bytes, ranks), rounds * (ranks - 1)
    return Collective(share * steps, steps, share)
