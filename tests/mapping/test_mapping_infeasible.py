"""What does not fit is said with its numbers."""

import numpy as np
import pytest
from mapping_cases import (
    cells,
    conv,
    crossbar,
    dense,
    die,
    edge,
    inputs,
    io,
    memory,
    network,
    neurocore,
    npu,
    one_to_one,
    package,
)

from chipletsim.errors import InfeasibleError, Shortfall
from chipletsim.mapping import Mapping, Slice, check, map_network
from chipletsim.mapping.demand import slice_bits, stored_bits
from chipletsim.network.connections import Sparse


def shortfalls(net, hardware, **options) -> list[Shortfall]:
    with pytest.raises(InfeasibleError) as caught:
        map_network(net, hardware, **options)
    return caught.value.shortfalls


def net(sources: int = 20, targets: int = 100):
    return network(
        inputs("in", sources), cells("a", targets), edge("in", "a", dense(sources, targets))
    )


def two_synapses(sources: int, targets: int) -> Sparse:
    """Return synapses of the first and the last source alone."""
    indptr = np.array([0] + [1] * (sources - 1) + [2])
    return Sparse(indptr, np.array([0, 40], np.int32), np.ones(2, np.float32), targets)


def figures(item: Shortfall) -> tuple[float, float, str]:
    return item.demand, item.bound, item.unit


def test_neurons():
    (short,) = shortfalls(net(), package(die(io(), neurocore(neurons=30), neurocore(neurons=30))))
    assert figures(short) == (100, 60, "neurons")
    assert "'a'" in short.resource
    assert "neurocore" in short.resource
    assert "add tiles" in short.remedy


def test_synaptic_memory_in_total():
    # 2,000 weights of 8 bit; two tiles of 500 B.
    core = neurocore(neurons=100, synaptic_memory="500 B")
    (short,) = shortfalls(net(), package(die(io(), core, core)))
    assert figures(short) == (16_000, 8_000, "bit")
    assert "fewer weight bits" in short.remedy


def test_synaptic_memory_of_one_neuron():
    core = neurocore(neurons=100, synaptic_memory="10 B")
    (short,) = shortfalls(net(), package(die(io(), *[core] * 40)))
    assert figures(short) == (20 * 8, 80, "bit")
    assert "one neuron of 'a'" in short.resource


def test_a_crossbar_cannot_fetch_its_weights_from_a_memory():
    tile = {"neurons": 100, "synaptic_memory": "1000 B", "weight_bits": 8}
    # 20 x 100 weights of 4 cells take 5 arrays of 20 x 80 cells of 4 bits.
    arrays = {"array_rows": 20, "array_columns": 80}
    stores = package(die(io(), memory(), crossbar(**tile, **arrays)))
    (short,) = shortfalls(net(), stores)
    assert figures(short) == (5 * 20 * 80 * 4, 8_000, "bit")
    fetches = map_network(net(), package(die(io(), memory(), npu(**tile))))
    (part,) = [part for part in fetches.slices if part.population == 1]
    assert fetches.package.tiles[part.weight_tile].kind == "memory"


def test_memory_tiles_count_where_weights_can_be_fetched():
    tile = npu(neurons=100, synaptic_memory="500 B")
    hardware = package(die(io(), memory(synaptic_memory="1000 B"), tile))
    (short,) = shortfalls(net(), hardware)
    assert figures(short) == (16_000, 12_000, "bit")


def test_fan_in():
    (short,) = shortfalls(net(), package(die(io(), *[neurocore(fan_in=12)] * 8)))
    assert figures(short) == (20, 12, "source neurons")


def test_fan_out():
    # Twenty inputs reach each of five tiles: 100 pairs for an io tile with 60.
    hardware = package(die(io(fan_out=60), *[neurocore(neurons=20)] * 5))
    (short,) = shortfalls(net(), hardware)
    assert figures(short) == (100, 60, "(neuron, tile) pairs")


def test_no_io_tile():
    (short,) = shortfalls(net(), package(die(neurocore(neurons=200))))
    assert figures(short) == (1, 0, "tiles")
    assert "'in'" in short.resource


def test_every_population_that_does_not_fit_is_named():
    both = network(
        inputs("in", 4),
        cells("a", 50),
        cells("b", 50),
        edge("in", "a", dense(4, 50)),
        edge("in", "b", dense(4, 50)),
    )
    hardware = package(die(io(), neurocore(neurons=30), npu(neurons=40)))
    found = shortfalls(both, hardware, place={"a": {"kind": "neurocore"}, "b": {"kind": "npu"}})
    assert {figures(item) for item in found} == {(50, 30, "neurons"), (50, 40, "neurons")}


def test_gaps_too_small_for_a_row_are_said():
    # Rows of 12 neurons on tiles of 20: one row each, so two tiles of 40 neurons hold 24.
    plane = network(inputs("in", 1, 5, 14), cells("c", 1, 3, 12), edge("in", "c", conv(1, 1)))
    hardware = package(die(io(), neurocore(neurons=20), neurocore(neurons=20)))
    (short,) = shortfalls(plane, hardware, split={"c": "rows"})
    assert figures(short) == (36, 24, "neurons")
    assert "on 2 of them the next piece lacks neurons" in short.remedy
    assert "split" in short.remedy


def by_hand(hardware, tile: int, weight_tile: int | None = None, inputs_on: int = 0) -> Mapping:
    slices = (
        Slice(0, ((0, 20),), inputs_on, inputs_on),
        Slice(1, ((0, 100),), tile, tile if weight_tile is None else weight_tile),
    )
    return Mapping(net(), hardware, slices, "by hand", 0)


def found_by_check(mapping: Mapping) -> set[tuple[float, float, str]]:
    with pytest.raises(InfeasibleError) as caught:
        check(mapping)
    return {figures(item) for item in caught.value.shortfalls}


def test_check_counts_every_capacity_of_a_mapping_made_by_hand():
    small = neurocore(neurons=60, synaptic_memory="1 KiB", fan_in=12)
    hardware = package(die(io(neurons=15, fan_out=19), small))
    assert found_by_check(by_hand(hardware, 1)) == {
        (20, 15, "neurons"),
        (20, 19, "(neuron, tile) pairs"),
        (100, 60, "neurons"),
        (16_000, 8_192, "bit"),
        (20, 12, "source neurons"),
    }


def test_check_refuses_tiles_of_the_wrong_kind():
    hardware = package(die(io(), memory(), crossbar(neurons=200), npu()))
    assert found_by_check(by_hand(hardware, 2, weight_tile=1)) == {(1, 0, "tiles")}
    assert found_by_check(by_hand(hardware, 3, weight_tile=2)) == {(1, 0, "tiles")}
    assert found_by_check(by_hand(hardware, 3, inputs_on=3)) == {(1, 0, "tiles")}
    assert (1, 0, "tiles") in found_by_check(by_hand(hardware, 0))
    check(by_hand(hardware, 3, weight_tile=1))


def test_check_counts_answers_as_fan_out():
    answers = network(inputs("in", 2), cells("a", 5, output=True), edge("in", "a", dense(2, 5)))
    hardware = package(die(io(), neurocore(fan_out=4)))
    mapping = Mapping(
        answers, hardware, (Slice(0, ((0, 2),), 0, 0), Slice(1, ((0, 5),), 1, 1)), "", 0
    )
    assert found_by_check(mapping) == {(5, 4, "(neuron, tile) pairs")}


def test_index_bits_of_sparse_synapses_count():
    listed = Sparse(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), np.ones(3, np.float32), 2)
    sparse = network(inputs("in", 2), cells("a", 2), edge("in", "a", listed))
    hardware = package(die(io(), neurocore(neurons=65)))
    slices = (Slice(0, ((0, 2),), 0, 0), Slice(1, ((0, 1),), 1, 1), Slice(1, ((1, 2),), 1, 1))
    # 65 neurons take 7 bits of index beside 8 of weight.
    assert slice_bits(Mapping(sparse, hardware, slices, "", 0)).tolist() == [0, 15, 30]


def test_kernels_are_stored_once_per_slice_or_once_per_synapse():
    plane = network(inputs("in", 2, 5, 5), cells("c", 4, 3, 3), edge("in", "c", conv(4, 2)))
    hardware = package(die(io(), neurocore(), neurocore(weight_bits=4, shares_weights=False)))
    shared, unshared = (hardware.tiles[i].parameters for i in (1, 2))
    box = ((1, 3), (0, 2), (0, 3))
    assert stored_bits(plane, 1, [box], shared).tolist() == [2 * 2 * 9 * 8]
    assert stored_bits(plane, 1, [box], unshared).tolist() == [2 * 2 * 3 * 2 * 9 * 4]


@pytest.mark.parametrize(
    ("connection", "sources", "targets", "arrays"),
    [
        (dense(64, 32), (64,), (32,), 1),
        (dense(65, 32), (65,), (32,), 2),
        (dense(64, 33), (64,), (33,), 2),
        (one_to_one(33), (33,), (33,), 2),
        # Three channels of their own kernels: no two matrices share an array.
        (conv(3, 3, groups=3, padding=1), (3, 4, 4), (3, 4, 4), 3),
        # Two of 65 sources have a synapse: word lines without one are left out.
        (two_synapses(65, 64), (65,), (64,), 2),
    ],
)
def test_a_crossbar_keeps_whole_arrays(connection, sources, targets, arrays):
    """Arrays of 64 x 64 cells, two cells a weight."""
    net = network(inputs("in", *sources), cells("a", *targets), edge("in", "a", connection))
    tile = package(die(io(), crossbar(shares_weights=True))).tiles[1].parameters
    whole = tuple((0, length) for length in targets)
    assert stored_bits(net, 1, [whole], tile).tolist() == [arrays * 64 * 64 * 4]
