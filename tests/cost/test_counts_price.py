"""Neurons that spike several times in a step: priced as so many spikes."""

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import (
    CROSSBAR,
    IO,
    NEUROCORE,
    NPU,
    ON_DIE,
    ROUTER,
    package_of,
    population,
    random_mapping,
    row_of_tiles,
)
from encoded_cases import SPIKES, encoded, windows

from chipletsim.baseline.codings import codings
from chipletsim.cost.price import price
from chipletsim.cost.stream import CostStream
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense, Sparse
from chipletsim.network.model import Network, Projection

pytestmark = pytest.mark.usefixtures("quick_programs")

PJ, NS = 1e-12, 1e-9


def chain(*, value_bits: int = 0) -> Network:
    """A neuron that counts, and four behind it; each has one synapse from it."""
    many = population("many", (1,), "sinabs_subtract_multi", value_bits=value_bits)
    return Network(
        "chain",
        (population("in", (1,), "input"), many, population("out", (4,))),
        (
            Projection("a", "in", "many", Dense(np.ones((1, 1), np.float32))),
            Projection("b", "many", "out", Dense(np.ones((4, 1), np.float32))),
        ),
        1e-3,
    )


def on_three_cores(network: Network, **more) -> Mapping:
    """The neuron on the first core of a row, two of the others on each of the next ones."""
    package = row_of_tiles(3, **more)
    cores = [number for number, tile in enumerate(package.tiles) if tile.kind != "io"]
    (io,) = (number for number, tile in enumerate(package.tiles) if tile.kind == "io")
    slices = (
        Slice(0, ((0, 1),), io, io),
        Slice(1, ((0, 1),), cores[0], cores[0]),
        Slice(2, ((0, 2),), cores[1], cores[1]),
        Slice(2, ((2, 4),), cores[2], cores[2]),
    )
    return Mapping(network, package, slices, "hand", 0)


def three_spikes(**more) -> Activity:
    """The neuron spikes three times in the only step."""
    events = {
        "in": np.zeros((1, 1, 1), bool),
        "many": np.full((1, 1, 1), 3, np.float32),
        "out": np.zeros((1, 1, 4), bool),
    }
    return Activity.from_spikes({"in": (1,), "many": (1,), "out": (4,)}, events, **more)


def test_three_spikes_of_a_step_by_hand():
    """Each spike is one packet down the tree to two cores, 1 and 2 hops away.

    3 packets are sent, 6 delivered; 3 x 2 links are crossed with two flits of 24 bits each;
    4 synapses make 12 operations of 3 pJ; 3 events sent at 2 pJ and 6 received at 1 pJ.
    """
    result = price(three_spikes(counted=["many"]), on_three_cores(chain()))
    assert result.events.packets_injected == 3
    assert result.events.packets_delivered == 6
    assert result.events.hops == 6
    assert result.events.bits_on_chip == 6 * 48
    assert result.events.synaptic_operations == 12
    energy = result.energy.by_component()
    assert energy["synaptic_operations"] == pytest.approx(12 * 3 * PJ, rel=1e-12, abs=0)
    assert energy["messages"] == pytest.approx((3 * 2 + 6) * PJ, rel=1e-12, abs=0)
    assert energy["on-chip links"] == pytest.approx(6 * (48 * 0.25 + 0.5) * PJ, rel=1e-12, abs=0)


def test_with_value_bits_a_count_is_one_packet():
    """One packet of 8 + 20 + 2 bits, which is still two flits."""
    result = price(three_spikes(), on_three_cores(chain(value_bits=2)))
    assert result.events.packets_injected == 1
    assert result.events.packets_delivered == 2
    assert result.events.synaptic_operations == 4


COPIES = 3


def random_sparse(rng: np.random.Generator, sources: int, targets: int) -> Sparse:
    """Up to three synapses of each source."""
    per_source = rng.integers(0, 4, sources)
    to = rng.integers(0, targets, per_source.sum()).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(per_source)])
    return Sparse(indptr, to, np.ones(to.size, np.float32), targets)


def from_copies(once: Sparse) -> Sparse:
    """The same synapses from each of three copies of a source, which lie side by side."""
    of_source = np.split(once.targets, once.indptr[1:-1])
    to = np.concatenate([np.tile(each, COPIES) for each in of_source]).astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(np.repeat(np.diff(once.indptr), COPIES))])
    return Sparse(indptr, to, np.ones(to.size, np.float32), once.n_targets)


def to_first_copies(once: Sparse) -> Sparse:
    return Sparse(once.indptr, once.targets * COPIES, once.weight, once.n_targets * COPIES)


def network_of(model: str, size: int, into: Sparse, out: Sparse) -> Network:
    """An input, neurons in the middle, and an output."""
    populations = (
        population("in", (4,), "input"),
        population("many", (size,), model),
        population("out", (5,), output=True),
    )
    projections = (
        Projection("a", "in", "many", into),
        Projection("b", "many", "out", out, delay=1),
    )
    return Network("either", populations, projections, 1e-3)


def counted_and_listed(seed: int) -> tuple[Network, Network, dict, dict]:
    """Neurons that spike up to three times in a step, and the same with three copies of each."""
    rng = np.random.default_rng(seed)
    into, out = random_sparse(rng, 4, 6), random_sparse(rng, 6, 5)
    counting = network_of("rockpool_lif", 6, into, out)
    listing = network_of("if", 6 * COPIES, to_first_copies(into), from_copies(out))
    counts = rng.integers(0, COPIES + 1, (2, 5, 6))
    shared = {"in": rng.random((2, 5, 4)) < 0.4, "out": rng.random((2, 5, 5)) < 0.4}
    listed = (np.arange(COPIES) < counts[..., None]).reshape(2, 5, -1)
    return counting, listing, shared | {"many": counts}, shared | {"many": listed}


def test_a_count_is_priced_as_so_many_neurons_that_spike_once() -> None:
    seed = 1
    counting, listing, counts, spikes = counted_and_listed(seed)
    package = row_of_tiles(4)
    mapping = random_mapping(counting, package, seed)
    boxes = [
        replace(each, box=((COPIES * each.box[0][0], COPIES * each.box[0][1]),))
        if each.population == 1
        else each
        for each in mapping.slices
    ]
    copied = Mapping(listing, package, tuple(boxes), "random", seed)
    shapes = {each.name: each.shape for each in counting.populations}
    one = price(Activity.from_spikes(shapes, counts, counted=["many"]), mapping)
    shapes = {each.name: each.shape for each in listing.populations}
    other = price(Activity.from_spikes(shapes, spikes), copied)
    for quantity in (
        "packets_injected",
        "packets_delivered",
        "hops",
        "synaptic_operations",
        "bits_on_chip",
    ):
        assert getattr(one.events, quantity) == getattr(other.events, quantity), quantity
    assert one.links["packets"].tolist() == other.links["packets"].tolist()
    mine, theirs = one.energy.by_component(), other.energy.by_component()
    for component in ("synaptic_operations", "messages", "routers", "on-chip links"):
        assert mine[component] == pytest.approx(theirs[component], rel=1e-12, abs=0)


def test_windows_of_counts_add_up() -> None:
    counting, _, counts, _ = counted_and_listed(1)
    mapping = random_mapping(counting, row_of_tiles(4), 1)
    shapes = {each.name: each.shape for each in counting.populations}
    activity = Activity.from_spikes(shapes, counts, counted=["many"])
    whole = price(activity, mapping)
    stream = CostStream(mapping)
    for part in windows(activity, 1, 4):
        stream.add(part)
    assert stream.close().to_dict() == whole.to_dict()


def test_counts_must_be_said_to_be_counts() -> None:
    """Else each would be priced as one event: wrong, and in silence."""
    with pytest.raises(UsageError, match="'many' are counts of spikes"):
        price(three_spikes(), on_three_cores(chain()))
    with pytest.raises(UsageError, match="'many' are values"):
        price(three_spikes(counted=["many"]), on_three_cores(chain(value_bits=2)))


@pytest.mark.parametrize("codec", SPIKES)
def test_codecs_of_spikes_refuse_counts(codec: str) -> None:
    mapping = on_three_cores(chain())
    package = encoded(mapping.package, lambda number, link: ({"spikes": SPIKES[codec]},))
    with pytest.raises(ConfigError, match="do not say how often a neuron spiked"):
        price(three_spikes(counted=["many"]), replace(mapping, package=package))


@pytest.mark.parametrize("tile", [CROSSBAR, NPU])
def test_tiles_that_take_one_event_refuse_counts(tile: dict) -> None:
    mapping = on_three_cores(chain(), tile=tile)
    with pytest.raises(ConfigError, match=r"populations\.many: .* may spike several times"):
        price(three_spikes(counted=["many"]), mapping)


def test_codecs_leave_counts_out_and_say_so() -> None:
    tiles = [{"at": "all", "tile": NEUROCORE}, {"at": [[0, 0]], "tile": IO}]
    network = {"topology": "mesh", "shape": [3, 1], "link": ON_DIE, "router": ROUTER}
    package = package_of(
        chiplet_types={"die": {"network": network, "tiles": tiles}},
        chiplets={"die": {"type": "die", "at": [0, 0]}},
    )
    mapping = replace(on_three_cores(chain()), package=package)
    found = codings(three_spikes(counted=["many"]), mapping)
    assert found.graded == ("many",)
    assert "values or counts: many" in str(found)
