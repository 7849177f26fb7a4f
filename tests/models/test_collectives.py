"""Communication volumes against figures worked out by hand, and against a walked ring."""

from fractions import Fraction

import pytest

from chipletsim.codecs import AddressEvents, Bitmap
from chipletsim.errors import UsageError
from chipletsim.models import build_model
from chipletsim.models.collectives import (
    all_gather,
    all_reduce,
    all_to_all,
    broadcast,
    bubble_share,
    pipeline_boundary_bytes,
    reduce_scatter,
    tensor_parallel,
)


def test_llama2_7b_over_8_ranks():
    block = tensor_parallel(8, 4096, 4096)
    assert block.sum.bytes_sent == 58_720_256
    assert block.sum.steps == 14
    assert block.forward_bytes == 117_440_512
    assert 32 * block.forward_bytes == 3_758_096_384
    assert block.forward_bytes + block.backward_bytes == 234_881_024
    assert block.forward_bytes + block.backward_bytes == 8 * 4096 * 4096 * Fraction(7, 8) * 2


def test_one_decoded_token_over_8_ranks():
    block = tensor_parallel(8, 1, 4096)
    assert block.sum.bytes_sent == 14_336
    assert block.forward_steps == 28


def test_boundary_of_llama2_70b():
    (residual,) = build_model("llama2_70b").crossing("layers.39")
    assert pipeline_boundary_bytes(residual.activations) == 67_108_864


def test_boundary_of_resnet18():
    (values,) = build_model("resnet18").crossing("layer2.1")
    assert pipeline_boundary_bytes(values.activations, bytes_per_value=1) == 100_352


def test_spikes_over_a_cut_of_spikformer():
    steps, neurons, rate = 4, 196 * 512, 0.33795
    assert Bitmap().expected_bits(neurons, steps, rate) == 8 * 50_176
    events = AddressEvents(address="17 bit")
    assert round(events.expected_bits(neurons, steps, rate) / 17) == 135_656
    assert pipeline_boundary_bytes(steps * neurons, bytes_per_value=2) == 802_816


def walked_ring(shares):
    """Sum over a ring, chunk by chunk; return the bytes and steps of a rank.

    ``shares`` [ranks][ranks] holds the chunks of each rank.
    """
    ranks, steps, sent = len(shares), 0, [0] * len(shares)
    for turn in range(2):
        for step in range(ranks - 1):
            moved = []
            for rank in range(ranks):
                chunk = (rank - step + turn) % ranks
                moved.append(((rank + 1) % ranks, chunk, shares[rank][chunk]))
                sent[rank] += 1
            for rank, chunk, value in moved:
                shares[rank][chunk] = value if turn else shares[rank][chunk] + value
            steps += 1
    assert len({tuple(row) for row in shares}) == 1
    return sent[0], steps


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_all_reduce_is_that_of_a_walked_ring(ranks):
    chunk_bytes = 96
    chunks, steps = walked_ring([[10 * i + j for j in range(ranks)] for i in range(ranks)])
    found = all_reduce(chunk_bytes * ranks, ranks)
    assert (found.bytes_sent, found.steps) == (chunks * chunk_bytes, steps)
    assert found.bytes_per_step == chunk_bytes


@pytest.mark.parametrize("ranks", [1, 2, 7, 64])
def test_an_all_reduce_is_a_reduce_scatter_and_an_all_gather(ranks):
    whole, first, second = (f(1000, ranks) for f in (all_reduce, reduce_scatter, all_gather))
    assert whole.bytes_sent == first.bytes_sent + second.bytes_sent
    assert whole.steps == first.steps + second.steps == 2 * (ranks - 1)
    assert all_to_all(1000, ranks).bytes_sent == Fraction(1000 * (ranks - 1), ranks)


@pytest.mark.parametrize("collective", [all_reduce, reduce_scatter, all_gather, broadcast])
def test_one_rank_sends_nothing(collective):
    assert collective(1000, 1).bytes_sent == collective(1000, 1).steps == 0


def test_broadcast_sends_the_tensor_once():
    assert broadcast(1000, 8) == (1000, 7, 1000)


def test_bubble():
    assert bubble_share(8, 32) == Fraction(7, 32)
    assert bubble_share(1, 4) == 0


WRONG = {
    "ranks": lambda: all_reduce(1000, 0),
    "bytes": lambda: all_gather(-1, 4),
    "tokens": lambda: tensor_parallel(8, 0, 4096),
    "stages": lambda: bubble_share(0, 4),
    "values": lambda: pipeline_boundary_bytes(0),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(UsageError):
        wrong()
