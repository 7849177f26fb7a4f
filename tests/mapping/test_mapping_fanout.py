"""The fan-out table against synapses listed one by one."""

import numpy as np
import pytest
from mapping_cases import cells, conv, dense, edge, inputs, network, sparse_random
from mapping_oracle import synapses

from chipletsim.mapping.fanout import fan_out
from chipletsim.mapping.model import Slice
from chipletsim.network.connections import Pool2d


def part(population: int, *box: tuple[int, int]) -> Slice:
    return Slice(population, box, 0, 0)


def example():
    return network(
        inputs("in", 2, 6, 6),
        cells("conv", 4, 3, 3),
        cells("flat", 12),
        edge("in", "conv", conv(4, 2, 3, padding=1, groups=2), pool=Pool2d((2, 2), (2, 2))),
        edge("conv", "flat", dense(36, 12)),
        edge("flat", "flat", sparse_random(12, 12, 3), delay=1),
        edge("in", "flat", sparse_random(72, 12, 4, seed=1)),
    )


SLICES = [
    part(0, (0, 2), (0, 6), (0, 6)),
    part(1, (0, 4), (0, 1), (0, 3)),
    part(1, (0, 1), (1, 3), (0, 3)),
    part(1, (1, 4), (1, 3), (0, 3)),
    part(2, (0, 5)),
    part(2, (5, 12)),
]


def test_table_equals_synapses_listed_one_by_one():
    net = example()
    table = fan_out(net, SLICES)
    found = table.synapses.toarray()
    assert found.dtype == np.int64
    expected = np.zeros_like(found)
    blocks = []
    for number, projection in enumerate(net.projections):
        pairs = synapses(net, projection)
        target = net.index[projection.target]
        shape = net.populations[target].shape
        numbers = np.arange(pairs.shape[1]).reshape(shape)
        first = net.offsets[net.index[projection.source]]
        for index, item in enumerate(SLICES):
            if item.population == target:
                held = numbers[tuple(slice(*bounds) for bounds in item.box)].ravel()
                expected[first : first + len(pairs), len(blocks)] = pairs[:, held].sum(axis=1)
                blocks.append((number, index))
    np.testing.assert_array_equal(found, expected)
    assert list(zip(table.block_projection, table.block_slice, strict=True)) == blocks


def test_making_the_table_leaves_the_network_as_it_was():
    net = example()
    before = [
        net.projections[2].connection.indptr.copy(),
        net.projections[2].connection.targets.copy(),
    ]
    first, second = fan_out(net, SLICES), fan_out(net, SLICES)
    assert (first.synapses != second.synapses).nnz == 0
    np.testing.assert_array_equal(net.projections[2].connection.indptr, before[0])
    np.testing.assert_array_equal(net.projections[2].connection.targets, before[1])


def test_halo_of_rows_is_counted_by_hand():
    # 8 x 8 inputs, 3 x 3 kernel without padding: 6 x 6 outputs, cut into rows 0-2 and 3-5.
    # The upper piece sees input rows 0-4, the lower rows 3-7: rows 3 and 4 are the halo.
    net = network(inputs("in", 1, 8, 8), cells("conv", 4, 6, 6), edge("in", "conv", conv(4, 1)))
    rows = [
        part(0, (0, 1), (0, 8), (0, 8)),
        part(1, (0, 4), (0, 3), (0, 6)),
        part(1, (0, 4), (3, 6), (0, 6)),
    ]
    table = fan_out(net, rows)
    seen = (table.synapses[:64].toarray() > 0).reshape(8, 8, 2)
    assert seen[:, 0, 0].tolist() == [True] * 5 + [False] * 3
    assert seen[:, 0, 1].tolist() == [False] * 3 + [True] * 5
    reached = table.reaches(table.block_slice, 3)
    assert reached.nnz == 64 + 2 * 8
    # An inner neuron of row 4 has three rows of three taps in four channels: one row of
    # outputs (2) lies above the cut, two (3 and 4) below.
    assert table.synapses[4 * 8 + 4].toarray().ravel().tolist() == [12, 24]
    channels = [rows[0], part(1, (0, 2), (0, 6), (0, 6)), part(1, (2, 4), (0, 6), (0, 6))]
    replicated = fan_out(net, channels)
    assert replicated.reaches(replicated.block_slice, 3).nnz == 2 * 64


def test_reaches_counts_a_shared_destination_once():
    net = network(
        inputs("in", 3),
        cells("a", 4),
        edge("in", "a", dense(3, 4)),
        edge("in", "a", one_to_one_of()),
    )
    table = fan_out(net, [part(0, (0, 3)), part(1, (0, 2)), part(1, (2, 4))])
    assert table.synapses.shape == (7, 4)
    assert table.reaches(table.block_slice, 3).toarray().tolist()[:3] == [[0, 1, 1]] * 3
    same_tile = np.array([0, 5, 5])[table.block_slice]
    assert table.reaches(same_tile, 6).toarray().sum() == 3
    left_out = np.where(table.block_slice == 1, -1, 0)
    assert table.reaches(left_out, 1).toarray().sum() == 3


def one_to_one_of():
    return sparse_random(3, 4, 2)


@pytest.mark.slow
def test_table_of_twenty_million_synapses_is_complete():
    from chipletsim.network.connections import Sparse

    count, each = 100_000, 200
    targets = np.random.default_rng(0).integers(0, count, count * each, dtype=np.int32)
    indptr = np.arange(count + 1, dtype=np.int64) * each
    listed = Sparse(indptr, targets, np.ones(targets.size, np.float32), count)
    net = network(cells("a", count), edge("a", "a", listed, delay=1))
    table = fan_out(net, [part(0, (first, first + 250)) for first in range(0, count, 250)])
    assert int(table.synapses.sum()) == count * each
