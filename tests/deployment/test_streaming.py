"""What does not fit streams from memories: as many bits as are missing, no more, no fewer."""

from __future__ import annotations

import numpy as np
import pytest
from deployment_cases import (
    CROSSBAR,
    MEMORY,
    NEUROCORE,
    NPU,
    die_type,
    package_of,
    perceptron,
    row_of_dies,
    with_memory,
)

from chipletsim.deployment.deploy import deploy
from chipletsim.deployment.plan import Plan
from chipletsim.errors import InfeasibleError
from chipletsim.models import Signal
from chipletsim.models.builder import Builder
from chipletsim.models.llama import LlamaSize, llama

pytestmark = pytest.mark.usefixtures("quick_programs")

MODEL = perceptron(40, 30, 20)
WEIGHT_BITS = (40 * 30 * 8, 30 * 20 * 8)
TWO = Plan(stages=2)


def tile_of(kind: dict, memory: str) -> dict:
    return kind | {"synaptic_memory": memory}


@pytest.mark.parametrize("room", [0, 8, 1000, 4800, 4801, 9592, 9600, 20_000])
def test_exactly_what_does_not_fit_is_read(room: int) -> None:
    package = with_memory(tile_of(NPU, f"{room} bit"))
    result = deploy(MODEL, package, TWO)
    missing = sum(max(0, bits - room) for bits in WEIGHT_BITS)
    assert result.memory_bits == pytest.approx(missing)
    assert result.residence.bits_away == missing


def test_all_of_it_goes_over_the_links_with_headers() -> None:
    """4,800 bits for the second die, one link away, are 48 packets of 100 bits and 8 of header.

    A packet is 7 flits of 16. The first die's 9,600 bits are 96 packets over two links.
    """
    result = deploy(MODEL, with_memory(tile_of(NPU, "0 bit")), TWO)
    names = [link.name for link in result.package.links]
    bits = dict(zip(names, result.traffic.kind_bits[3], strict=True))
    assert bits["memory(0,0)>die_1_0(0,0)"] == pytest.approx((96 + 48) * 7 * 16)
    assert bits["die_1_0(0,0)>die_0_0(0,0)"] == pytest.approx(96 * 7 * 16)


def test_each_application_reads_again_and_a_batch_reads_once() -> None:
    package = with_memory(tile_of(NPU, "1000 bit"))
    once = deploy(MODEL, package, TWO).memory_bits
    spiking = Plan(stages=2, activations="spiking", steps=3)
    assert deploy(MODEL, package, spiking).memory_bits == pytest.approx(3 * once)
    assert deploy(MODEL, package, Plan(stages=2, batch=5)).memory_bits == pytest.approx(once)


def test_event_driven_tiles_fetch_for_each_event() -> None:
    """Weights that are away are read as often as a spike meets them: T r times each."""
    package = with_memory(tile_of(NEUROCORE, "0 bit"))
    plan = Plan(stages=2, activations="spiking", steps=4, rate=0.125)
    result = deploy(MODEL, package, plan)
    assert result.memory_bits == pytest.approx(4 * 0.125 * sum(WEIGHT_BITS))
    events = 4 * 0.125 * (40 + 30)
    assert result.events("memory_requests").sum() == pytest.approx(events)
    names = [link.name for link in result.package.links]
    asked = dict(zip(names, result.traffic.kind_bits[5], strict=True))
    # A request is 28 bits, two flits of 16; those of both tiles take the last link.
    assert asked["die_1_0(0,0)>memory(0,0)"] == pytest.approx(events * 32)


def test_tables_stream_the_rows_that_are_looked_up() -> None:
    """One token of a table of 11 x 8 numbers, none of which fit: 8 numbers of 8 bits."""
    model = llama(LlamaSize(1, 8, 1, 1, 8, 11, 64, head_dim=8), tokens=1)
    package = with_memory(tile_of(NPU, "0 bit"))
    result = deploy(model, package, Plan(stages=1))
    kept = model.parameters - 11 * 8
    cache = 2 * 8  # a key and a value of the token, read; and as many written
    assert result.memory_bits == pytest.approx(8 * (kept + 8 + cache + cache))


def test_the_cache_is_read_for_the_whole_context_and_written_for_the_tokens() -> None:
    size = LlamaSize(2, 8, 2, 1, 8, 11, 64, head_dim=4)
    model = llama(size, tokens=1, context=10)
    weights = 8 * model.parameters
    package = with_memory(tile_of(NPU, f"{weights} bit"), dies=1)
    plan = Plan(activation_bits=4)
    result = deploy(model, package, plan)
    # Keys and values of one head of 4 features in two layers: 16 numbers of 4 bits a token.
    assert result.memory_bits == pytest.approx(16 * 4 * (10 + 1))
    assert result.traffic.kind_bits[4].sum() > 0
    assert result.traffic.kind_bits[3].sum() == 0
    longer = deploy(llama(size, tokens=1, context=20), package, plan)
    assert longer.memory_bits == pytest.approx(16 * 4 * (20 + 1))


def test_the_nearest_memory_with_room_is_taken_and_all_are_used() -> None:
    types = {"die": die_type(tile_of(NPU, "0 bit")), "memory": die_type(MEMORY)}
    chiplets = {
        "west": {"type": "memory", "at": [0, 0]},
        "die": {"type": "die", "at": [1, 0], "grid": [2, 1]},
        "east": {"type": "memory", "at": [3, 0]},
    }
    package = package_of(types, chiplets, (4, 1))
    result = deploy(perceptron(30, 30, 30), package, TWO)
    read = result.events("memory_read_bits")
    assert read[[0, 3]].tolist() == [7200, 7200]
    names = [link.name for link in package.links]
    middle = names.index("die_1_0(0,0)>die_2_0(0,0)")
    assert result.traffic.kind_bits[3][middle] == 0


@pytest.mark.parametrize("memory", ["1000 bit", None])
def test_no_room_anywhere_says_how_much_is_missing(memory: str | None) -> None:
    tile = tile_of(NPU, "400 bit")
    if memory is None:
        package = package_of({"d": die_type(tile)}, {"d": {"type": "d", "grid": [2, 1]}}, (2, 1))
    else:
        package = with_memory(tile, MEMORY | {"synaptic_memory": memory})
    with pytest.raises(InfeasibleError) as caught:
        deploy(MODEL, package, TWO)
    (shortfall,) = caught.value.shortfalls
    assert shortfall.demand == sum(WEIGHT_BITS) - 800
    assert shortfall.bound == (1000 if memory else 0)
    assert "add memory tiles" in shortfall.remedy


def test_crossbars_cannot_stream() -> None:
    package = with_memory(tile_of(CROSSBAR, "1 KiB"))
    with pytest.raises(InfeasibleError, match="tiles of kind crossbar"):
        deploy(MODEL, package, TWO)


def test_biases_are_kept_beside_the_arrays_of_a_crossbar() -> None:
    """16 x 16 weights of 4 cells fill four arrays of 16 x 16 cells of 4 bit; 16 biases beside."""
    builder = Builder("biased", "test", 1)
    builder.linear("linear", builder.input((16,), Signal.VALUES), 16)
    package = row_of_dies(1, CROSSBAR)
    found = deploy(builder.model(), package, Plan(stages=1))
    assert found.residence.weights["linear"].tolist() == [4 * 16 * 16 * 4 + 16 * 8]


def test_memory_takes_time_and_energy() -> None:
    near = deploy(MODEL, with_memory(tile_of(NPU, "1 MiB")), TWO)
    slow = MEMORY | {"bandwidth": "1 Mb/s"}
    far = deploy(MODEL, with_memory(tile_of(NPU, "0 bit"), slow), TWO)
    more = far.energy_by_class["memory tiles"]
    # 14,400 bits, a request for each of two tiles.
    assert more == pytest.approx(14_400 * 3.5e-12 + 2 * 8e-12)
    # 9,600 and 4,800 bits at 1 Mb/s and 50 ns each, in which the tiles do their work.
    assert far.latency_s == pytest.approx(14.4e-3 + 100e-9, rel=1e-3, abs=0)
    assert far.latency_s > near.latency_s
    assert np.count_nonzero(near.events("memory_read_bits")) == 0


def test_a_memory_takes_no_more_than_its_even_part_while_others_have_room() -> None:
    """Both dies are nearest to the same memory; the one behind it takes half of all bits."""
    types = {"die": die_type(tile_of(NPU, "0 bit")), "memory": die_type(MEMORY)}
    chiplets = {
        "die": {"type": "die", "at": [0, 0], "grid": [2, 1]},
        "memory": {"type": "memory", "at": [2, 0], "grid": [2, 1]},
    }
    result = deploy(perceptron(30, 30, 30), package_of(types, chiplets, (4, 1)), TWO)
    assert result.events("memory_read_bits")[[2, 3]].tolist() == [7200, 7200]


def test_tables_are_the_first_to_leave() -> None:
    """Room for all but the table of 11 x 8 numbers: it is what streams, row by row."""
    model = llama(LlamaSize(1, 8, 1, 1, 8, 11, 64, head_dim=8), tokens=1)
    others = 8 * (model.parameters - 11 * 8)
    result = deploy(model, with_memory(tile_of(NPU, f"{others} bit"), dies=1))
    away = {name: int(bits.sum()) for name, bits in result.residence.weights_away.items()}
    assert away.pop("embed_tokens") == 8 * 11 * 8
    assert not any(away.values())
