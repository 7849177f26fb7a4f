"""Synapse counts against a list of all synapses, one by one."""

import re
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import (
    CONNECTIONS,
    Conv2d,
    Dense,
    OneToOne,
    Pool2d,
    Sparse,
    sparse,
)
from chipletsim.network.synapses import (
    connection_source_shape,
    projection_dense_operations,
    projection_fan_out,
    projection_positions,
    projection_stored_weights,
    projection_synapses,
)

THOROUGH = settings(derandomize=True, deadline=None, max_examples=40)


def conv_synapses(connection, source_shape, target_shape):
    """List (source index, target index), tap by tap, straight from the definition."""
    out_channels, in_group, ky, kx = connection.weight.shape
    (top, _), (left, _) = connection.padding
    out_group = out_channels // connection.groups
    for o, y, x in np.ndindex(target_shape):
        for c, j, i in np.ndindex(in_group, ky, kx):
            channel = (o // out_group) * in_group + c
            row = y * connection.stride[0] + j * connection.dilation[0] - top
            column = x * connection.stride[1] + i * connection.dilation[1] - left
            if 0 <= row < source_shape[1] and 0 <= column < source_shape[2]:
                yield (channel, row, column), (o, y, x)


def pool_synapses(pool, source_shape, target_shape):
    for c, y, x in np.ndindex(target_shape):
        for j, i in np.ndindex(pool.kernel):
            row = y * pool.stride[0] + j - pool.padding[0]
            column = x * pool.stride[1] + i - pool.padding[1]
            if 0 <= row < source_shape[1] and 0 <= column < source_shape[2]:
                yield (c, row, column), (c, y, x)


def counts(synapses, source_shape, boxes):
    table = np.zeros((*source_shape, len(boxes)), np.int64)
    for source, target in synapses:
        for number, box in enumerate(boxes):
            if all(a <= t < b for t, (a, b) in zip(target, box, strict=True)):
                table[(*source, number)] += 1
    return table.reshape(prod(source_shape), len(boxes))


def reached(synapses, source_shape, boxes):
    """Distinct (source, y, x) of the targets in each box."""
    seen = {(source, (0, *target[1:])) for source, target in synapses}
    flat = [((0, 10**6), *box[1:]) for box in boxes]
    return counts(seen, source_shape, flat)


def lengths(window, inputs):
    """Output length by trying positions one after the other."""
    kernel, stride, before, after, dilation = window
    span = (kernel - 1) * dilation + 1
    return len(range(0, inputs + before + after - span + 1, stride))


def cut(draw, shape):
    """Disjoint boxes that partition ``shape`` along one drawn cut per axis."""
    pieces = []
    for length in shape:
        at = draw(st.integers(0, length))
        pieces.append([(0, at), (at, length)])
    return [box for box in np.stack(np.meshgrid(range(2), range(2), range(2)), -1).reshape(-1, 3)
            for box in [tuple(pieces[axis][side] for axis, side in enumerate(box))]
            if all(stop > start for start, stop in box)]  # fmt: skip


@st.composite
def convolutions(draw):
    small = st.integers(1, 3)
    groups = draw(st.integers(1, 2))
    weight = np.zeros(
        (groups * draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(small), draw(small)),
        np.float32,
    )
    pad = st.integers(0, 2)
    connection = Conv2d(
        weight,
        (draw(small), draw(small)),
        ((draw(pad), draw(pad)), (draw(pad), draw(pad))),
        (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        groups,
    )
    size = st.integers(5, 7)
    source_shape = (weight.shape[1] * groups, draw(size), draw(size))
    target_shape = (
        weight.shape[0],
        *(
            lengths((k, s, *p, d), n)
            for k, s, p, d, n in zip(
                weight.shape[2:],
                connection.stride,
                connection.padding,
                connection.dilation,
                source_shape[1:],
                strict=True,
            )
        ),
    )
    return connection, source_shape, target_shape, cut(draw, target_shape)


@THOROUGH
@given(convolutions())
def test_convolution_counts(case):
    connection, source_shape, target_shape, boxes = case
    assert connection.target_shape(source_shape) == target_shape
    assert connection.problem(source_shape, target_shape) is None
    synapses = list(conv_synapses(connection, source_shape, target_shape))
    expected = counts(synapses, source_shape, boxes)
    args = (source_shape, target_shape, boxes)
    found = connection.fan_out(*args)
    assert found.dtype == np.int64
    assert np.array_equal(found.toarray(), expected)
    assert np.array_equal(connection.synapse_count(*args), expected.sum(axis=0))
    assert np.array_equal(connection.stored_weights(*args, shared=False), expected.sum(axis=0))


@THOROUGH
@given(convolutions())
def test_convolution_positions(case):
    connection, source_shape, target_shape, _ = case
    # One channel group reaches every position it reaches through any of its channels.
    rows = target_shape[1] // 2 or 1
    out_group = target_shape[0] // connection.groups
    boxes = [
        ((g * out_group, (g + 1) * out_group), (a, b), (0, target_shape[2]))
        for g in range(connection.groups)
        for a, b in [(0, rows), (rows, target_shape[1])]
    ]
    synapses = list(conv_synapses(connection, source_shape, target_shape))
    found = connection.positions(source_shape, target_shape, boxes).toarray()
    for number, box in enumerate(boxes):
        inside = [(s, t) for s, t in synapses if box[0][0] <= t[0] < box[0][1]]
        expected = reached(inside, source_shape, [box])
        assert np.array_equal(found[:, [number]], expected)


def test_convolution_sizes_by_hand():
    # 2 of 6 output channels, 3 x 4 positions, kernels of 4 / 2 channels x 3 x 3.
    connection = Conv2d(np.zeros((6, 2, 3, 3), np.float32), padding=((1, 1), (1, 1)), groups=2)
    args = ((4, 8, 8), (6, 8, 8), [((0, 2), (0, 3), (0, 4))])
    assert connection.stored_weights(*args, shared=True).tolist() == [2 * 2 * 9]
    assert connection.dense_operations(*args).tolist() == [2 * 3 * 4 * 2 * 9]
    # Rows 0..2 lose one tap row at the top border, columns 0..3 one at the left.
    assert connection.synapse_count(*args).tolist() == [2 * 2 * (3 * 3 - 1) * (4 * 3 - 1)]


@st.composite
def poolings(draw):
    size = st.integers(1, 3)
    pool = Pool2d(
        (draw(size), draw(size)),
        (draw(size), draw(size)),
        (draw(st.integers(0, 1)), draw(st.integers(0, 1))),
    )
    source_shape = (2, draw(st.integers(3, 6)), draw(st.integers(3, 6)))
    target_shape = (
        2,
        *(
            lengths((k, s, p, p, 1), n)
            for k, s, p, n in zip(
                pool.kernel, pool.stride, pool.padding, source_shape[1:], strict=True
            )
        ),
    )
    return pool, source_shape, target_shape, cut(draw, target_shape)


@THOROUGH
@given(poolings())
def test_pooling_counts(case):
    pool, source_shape, target_shape, boxes = case
    assert pool.target_shape(source_shape) == target_shape
    expected = counts(pool_synapses(pool, source_shape, target_shape), source_shape, boxes)
    args = (source_shape, target_shape, boxes)
    assert np.array_equal(pool.fan_out(*args).toarray(), expected)
    assert np.array_equal(pool.positions(*args).toarray(), expected)
    assert np.array_equal(pool.synapse_count(*args), expected.sum(axis=0))
    sizes = [prod(b - a for a, b in box) for box in boxes]
    assert pool.dense_operations(*args).tolist() == [n * prod(pool.kernel) for n in sizes]
    matrix = np.zeros((prod(source_shape), prod(target_shape)), np.int64)
    for source, target in pool_synapses(pool, source_shape, target_shape):
        at = np.ravel_multi_index(source, source_shape), np.ravel_multi_index(target, target_shape)
        matrix[at] += 1
    assert np.array_equal(pool.matrix(source_shape).toarray(), matrix)


@st.composite
def sparse_lists(draw):
    sources, target_shape = draw(st.integers(1, 6)), (2, draw(st.integers(1, 3)), 2)
    pairs = draw(
        st.lists(
            st.tuples(st.integers(0, sources - 1), st.integers(0, prod(target_shape) - 1)),
            max_size=30,
        )
    )
    pairs.sort(key=lambda pair: pair[0])
    starts = np.searchsorted([source for source, _ in pairs], np.arange(sources + 1))
    targets = np.array([target for _, target in pairs], np.int32)
    weight = np.ones(len(pairs), np.float32)
    connection = Sparse(starts.astype(np.int64), targets, weight, prod(target_shape))
    boxes = cut(draw, target_shape)
    return connection, pairs, (sources,), target_shape, boxes[: draw(st.integers(1, len(boxes)))]


@THOROUGH
@given(sparse_lists())
def test_sparse_counts(case):
    connection, pairs, source_shape, target_shape, boxes = case
    assert connection.problem(source_shape, target_shape) is None
    synapses = [((s,), np.unravel_index(t, target_shape)) for s, t in pairs]
    expected = counts(synapses, source_shape, boxes)
    args = (source_shape, target_shape, boxes)
    assert np.array_equal(connection.fan_out(*args).toarray(), expected)
    assert np.array_equal(connection.positions(*args).toarray(), expected > 0)
    assert np.array_equal(connection.synapse_count(*args), expected.sum(axis=0))
    assert np.array_equal(connection.dense_operations(*args), expected.sum(axis=0))


def test_counting_leaves_the_network_as_it_was():
    """Several synapses into one box: summing them must not happen in the network's arrays."""
    indptr = np.array([0, 3, 3, 5], np.int64)
    targets = np.array([0, 1, 1, 2, 3], np.int32)
    connection = Sparse(indptr, targets, np.ones(5, np.float32), 4)
    before = indptr.copy(), targets.copy()
    first = connection.fan_out((3,), (4,), [((0, 4),)]).toarray()
    assert first.tolist() == [[3], [0], [2]]
    np.testing.assert_array_equal(connection.indptr, before[0])
    np.testing.assert_array_equal(connection.targets, before[1])
    again = connection.fan_out((3,), (4,), [((0, 4),)]).toarray()
    np.testing.assert_array_equal(again, first)


def test_dense_and_one_to_one():
    boxes = [((0, 2), (0, 2)), ((0, 2), (2, 3))]
    dense = Dense(np.zeros((6, 5), np.float32))
    assert dense.fan_out((5,), (2, 3), boxes).toarray().tolist() == [[4, 2]] * 5
    assert dense.positions((5,), (2, 3), boxes).toarray().tolist() == [[1, 1]] * 5
    assert dense.stored_weights((5,), (2, 3), boxes, shared=True).tolist() == [20, 10]
    one = OneToOne(np.zeros(6, np.float32))
    expected = [[1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1]]
    assert one.fan_out((6,), (2, 3), boxes).toarray().tolist() == expected
    assert one.synapse_count((6,), (2, 3), boxes).tolist() == [4, 2]


def test_overlapping_boxes_are_refused():
    one = OneToOne(np.zeros(6, np.float32))
    with pytest.raises(ValueError, match="overlap"):
        one.fan_out((6,), (6,), [((0, 4),), ((3, 6),)])


@THOROUGH
@given(poolings(), st.integers(1, 2))
def test_pooling_in_front_composes(case, channels):
    """Synapses behind a pool: one for each (window, tap) pair from source to target."""
    pool, source_shape, pooled_shape, _ = case
    conv = Conv2d(np.zeros((channels, 2, 2, 2), np.float32), padding=((1, 0), (0, 1)))
    target_shape = (channels, *pooled_shape[1:])
    network = (
        NetworkBuilder("pooled", dt="1 ms")
        .input("in", source_shape)
        .population("out", target_shape, "lif", tau="10 ms")
        .project("in", "out", conv, pool=pool)
        .build()
    )
    rows = (target_shape[1] + 1) // 2
    full = ((0, channels), (0, target_shape[1]), (0, target_shape[2]))
    boxes = [box for box in [
        (full[0], (0, rows), full[2]), (full[0], (rows, target_shape[1]), full[2])
    ] if box[1][0] < box[1][1]]  # fmt: skip
    behind = {}
    for middle, target in conv_synapses(conv, pooled_shape, target_shape):
        behind.setdefault(middle, []).append(target)
    synapses = [
        (source, target)
        for source, middle in pool_synapses(pool, source_shape, pooled_shape)
        for target in behind.get(middle, [])
    ]
    projection = network.projections[0]
    assert connection_source_shape(projection, network) == pooled_shape
    expected = counts(synapses, source_shape, boxes)
    assert np.array_equal(projection_fan_out(projection, network, boxes).toarray(), expected)
    first = [(s, t) for s, t in synapses if t[0] == 0]
    whole = [((0, 10**6), *box[1:]) for box in boxes]
    positions = projection_positions(projection, network, boxes)
    assert np.array_equal(positions.toarray(), counts(first, source_shape, whole))
    own = sum(len(targets) for targets in behind.values())
    assert projection_synapses(projection, network, boxes).sum() == own
    shared = projection_stored_weights(projection, network, boxes, shared=True)
    assert shared.tolist() == [channels * 2 * 4] * len(boxes)
    operations = projection_dense_operations(projection, network, boxes)
    assert operations.sum() == prod(target_shape) * 8


@pytest.mark.parametrize(
    ("connection", "source", "target", "words"),
    [
        (Dense(np.zeros((3, 4))), (5,), (3,), r"expected \[targets, sources\] = \[3, 5\]"),
        (OneToOne(np.zeros(4)), (4,), (5,), "4 sources, 5 targets"),
        (OneToOne(np.zeros(3)), (4,), (4,), r"expected \[4\]"),
        (Conv2d(np.zeros((2, 1, 3, 3))), (9,), (2, 7, 7), r"source of shape \[C, H, W\]"),
        (Conv2d(np.zeros((2, 3, 3, 3))), (1, 9, 9), (2, 7, 7), "takes 3 input channels"),
        (Conv2d(np.zeros((2, 1, 3, 3))), (1, 9, 9), (2, 9, 9), r"gives shape \[2, 7, 7\]"),
        (Conv2d(np.zeros((3, 1, 3, 3)), groups=2), (2, 9, 9), (3, 7, 7), "do not divide"),
        (Conv2d(np.zeros((1, 1, 3, 3)), stride=(0, 1)), (1, 9, 9), (1, 7, 7), "at least 1"),
        (Conv2d(np.zeros((1, 1, 9, 3))), (1, 5, 5), (1, 1, 3), "window of 9 does not fit"),
        (Conv2d(np.zeros((1, 3, 3))), (1, 5, 5), (1, 3, 3), "weight has 3 axes"),
        (Pool2d((2, 2), (2, 2)), (1, 4, 4), (1, 4, 4), r"gives shape \[1, 2, 2\]"),
        (Pool2d((2, 2), (2, 2), (-1, 0)), (1, 4, 4), (1, 1, 2), "negative"),
        (Pool2d((2, 2), (2, 2), mode="median"), (1, 4, 4), (1, 2, 2), "'sum', 'avg' or 'max'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(connection, source, target, words):
    assert re.search(words, connection.problem(source, target))


@pytest.mark.parametrize(
    ("indptr", "targets", "weights", "words"),
    [
        ([0, 1], [0], 1, "1 source neurons"),
        ([0, 2, 1], [0], 1, "must rise"),
        ([0, 0, 2], [0], 1, "must rise"),
        ([0, 0, 1], [7], 1, "0..4"),
        ([0, 0, 1], [-1], 1, "0..4"),
        ([0, 0, 1], [0], 2, "one weight per target"),
    ],
)
def test_broken_sparse_lists_are_said(indptr, targets, weights, words):
    connection = Sparse(
        np.array(indptr), np.array(targets), np.zeros(weights, np.float32), n_targets=5
    )
    assert words in connection.problem((2,), (5,))


@pytest.mark.parametrize("name", CONNECTIONS)
def test_every_kind_keeps_its_synapses_with_other_weights(name):
    connection = {
        "dense": Dense(np.ones((2, 2), np.float32)),
        "conv2d": Conv2d(np.ones((1, 1, 2, 2), np.float32)),
        "pool2d": Pool2d((2, 2), (2, 2)),
        "sparse": Sparse(np.array([0, 1]), np.array([0]), np.ones(1, np.float32), 1),
        "one_to_one": OneToOne(np.ones(2, np.float32)),
    }[name]
    assert isinstance(connection, CONNECTIONS[name])
    doubled = connection.with_weights(connection.weights * 2)
    assert np.array_equal(doubled.weights, connection.weights * 2)
    assert type(doubled) is type(connection)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_fan_in_is_counted_in_any_chunks(monkeypatch, chunk):
    monkeypatch.setattr(sparse, "_CHUNK", chunk)
    targets = np.array([4, 0, 0, 2, 4, 4, 0], np.int32)
    connection = Sparse(np.array([0, 3, 7]), targets, np.ones(7, np.float32), 6)
    assert connection.fan_in.tolist() == [3, 0, 1, 0, 3, 0]
    assert connection.fan_in.dtype == np.int64
