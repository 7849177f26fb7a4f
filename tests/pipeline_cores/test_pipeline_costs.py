"""Pipeline cores priced by hand: units, hops by direction, updates, barriers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sanafe_cases import hops, mesh_of_cores, soma

from chipletsim.cost.gradients import gradients
from chipletsim.cost.price import CostStream, Pricer, price, price_many
from chipletsim.cost.provenance import unstated
from chipletsim.deployment.deploy import deploy
from chipletsim.engine.activity import Activity
from chipletsim.engine.rates import RateActivity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.models import build_model
from chipletsim.network.connections import Dense, OneToOne, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.package.build import build_package
from chipletsim.package.load import load_package
from chipletsim.package.model import Package
from chipletsim.training.mapped_cost import mapped_cost

CORE = {
    "kind": "pipeline_core",
    "neurons": 8,
    "axon_in": {"energy_per_message": "7 pJ/packet", "time_per_message": "1 ns/packet"},
    "synapse": {
        "near": {"energy_per_event": "11 pJ/op", "time_per_event": "1 ns/op"},
        "far": {"energy_per_event": "13 pJ/op", "time_per_event": "1 ns/op"},
    },
    "dendrite": {"energy_per_update": "17 pJ/op"},
    "soma": {
        "lif": soma((19, 2), (23, 3), (29, 5)),
        "alt": soma((31, 2), (37, 3), (41, 5)),
        "input": soma((43, 2), (47, 3), (53, 5)),
    },
    "axon_out": {"energy_per_message": "59 pJ/packet", "time_per_message": "1 ns/packet"},
    "hop": hops(north=(61, 1), east=(67, 1), south=(71, 1), west=(73, 1)),
}
DEARER = CORE | {
    "axon_in": {"energy_per_message": "700 pJ/packet", "time_per_message": "9 ns/packet"},
    "hop": hops(north=(6100, 1), east=(6700, 1), south=(7100, 1), west=(7300, 1)),
}
BARRIER = {"1": "10 ns", "2": "20 ns", "3": "40 ns"}


@cache
def pair(*, dearer: bool = False) -> Package:
    """Return two cores beside each other; the one to the east may be a dear one."""
    east = {"tile": DEARER if dearer else CORE, "at": [[1, 0]]}
    return mesh_of_cores("pair", (2, 1), [{"tile": CORE, "at": "rest"}, east], barrier=BARRIER)


def small(model: str = "loihi_lif") -> Network:
    """Return two inputs, each to all of three neurons, of which the first reaches the second."""
    loop = Sparse(np.array([0, 1, 1, 1]), np.array([1], np.int32), np.ones(1), 3)
    weights = np.ones((3, 2)) if model == "loihi_lif" else np.ones((3, 2), np.float32)
    loop = loop if model == "loihi_lif" else replace(loop, weight=np.ones(1, np.float32))
    tau = {} if model == "loihi_lif" else {"tau": np.full(3, 0.01, np.float32)}
    return Network(
        "small",
        (Population("in", (2,), "input"), Population("a", (3,), model, tau)),
        (
            Projection("up", "in", "a", Dense(weights), delay=1),
            Projection("loop", "a", "a", loop, delay=1),
        ),
        1e-3,
    )


def mapped(model: str = "loihi_lif", *, dearer: bool = False) -> Mapping:
    slices = (
        Slice(0, ((0, 2),), 0, 0, "input"),
        Slice(1, ((0, 2),), 1, 1, "alt"),
        Slice(1, ((2, 3),), 1, 1),
    )
    place = pair(dearer=dearer)
    return Mapping(small(model), place, slices, "given", 0, "none", {"up": "far"})


def activity(*, told: bool = True) -> Activity:
    """Two steps: the first input; then the second one and the first neuron, and one works."""
    inputs = np.array([[[True, False], [False, True]]])
    fired = np.array([[[False, False, False], [True, False, False]]])
    worked = np.array([[[False, False, False], [False, False, True]]])
    shapes = {"in": (2,), "a": (3,)}
    updates = {"a": worked} if told else None
    return Activity.from_spikes(shapes, {"in": inputs, "a": fired}, updates=updates)


def test_energy_and_counters_by_hand() -> None:
    """Events of unit ``far``: 3 + 3; ``near`` (the first): 1, of the neuron that fired.

    Messages: one each to the core of the neurons, a hop to the east, and one of the neuron to its
    own core. Somas: 2 inputs in 2 steps of which one fires each time; on ``alt`` 2 neurons in
    2 steps with one update, by the one that fired; on ``lif`` one neuron with one update.
    """
    result = price(activity(), mapped())
    energy_pj = {k: 1e12 * v for k, v in result.energy.by_component().items() if v}
    somas = (4 * 43 + 2 * 47 + 2 * 53) + (4 * 31 + 37 + 41) + (2 * 19 + 23)
    assert energy_pj == pytest.approx(
        {
            "synaptic_operations": 6 * 13 + 11,
            "dendrites": 7 * 17,
            "neuron_updates": somas,
            "network": 3 * (59 + 7) + 2 * 67,
        },
        rel=1e-12,
    )
    steps = result.per_step
    found = {name: steps[name].tolist() for name in ("spikes", "messages", "hops")}
    assert found == {"spikes": [1, 2], "messages": [1, 2], "hops": [1, 1]}
    assert steps["neuron_updates"].tolist() == [1, 3]
    assert steps["synaptic_operations"].tolist() == [3, 4]
    assert result.events.packets_injected == 2  # a message to the own core enters no router
    assert result.tiles["neuron_updates"].tolist() == [2, 2]
    assert not any("at rest" in entry for entry in result.not_modelled)


def test_bound_takes_the_longer_half_of_a_core_and_the_barrier_of_its_routers() -> None:
    """Step 0, core 0: two inputs of 2 ns, one fires, 3 + 5 ns, and a message out, 1 ns: 13 ns.

    Core 1 has 3 x 2 ns of neurons beside 1 + 3 ns of a message. Step 1: core 0 the same; core
    1 has ``3 x 2 + 2 x 3 + 5 + 1`` = 18 ns. Two routers have neurons: 20 ns.
    """
    latency_ns = 1e9 * price(activity(), mapped()).latency_s[0]
    assert latency_ns.tolist() == pytest.approx([13 + 20, 18 + 20])


def test_hops_are_charged_by_the_tile_where_the_message_ends() -> None:
    """On SANA-FE's Loihi with one tile a hundred times as dear, from corner to corner.

    Seven hops east and three north take ``7 x 300 + 3 x 420`` pJ towards the dear tile, and a
    message out 111 pJ: 3.471 nJ. The way back, west and south, takes ``7 x 3 + 3 x 4.2 + 111``
    pJ = 0.1446 nJ.
    """
    plain = load_package("packages/loihi_pipeline")
    kind = plain.spec.chiplet_types["loihi1"]
    cheap = kind.tiles[0].tile
    dear = cheap.model_copy(
        update={
            "hop": type(cheap.hop).model_validate(
                hops(east=(300, 4.1), west=(300, 4.1), north=(420, 6.5), south=(420, 6.5))
            )
        }
    )
    tiles = (
        kind.tiles[0].model_copy(update={"at": "rest"}),
        kind.tiles[0].model_copy(update={"at": ((7, 3),), "tile": dear}),
    )
    types = {"loihi1": kind.model_copy(update={"tiles": tiles})}
    package = build_package(plain.spec.model_copy(update={"chiplet_types": types}))
    corners = [0, len(package.tiles) - 1]
    network = Network(
        "one",
        (Population("in", (2,), "input"), Population("a", (2,), "loihi_lif")),
        (Projection("up", "in", "a", OneToOne(np.ones(2)), delay=1),),
        1e-3,
    )
    slices = tuple(
        Slice(population, ((number, number + 1),), tile, tile)
        for population, tiles in ((0, corners), (1, corners[::-1]))
        for number, tile in enumerate(tiles)
    )
    pricer, found = Pricer(Mapping(network, package, slices, "given", 0)), []
    for sender in range(2):
        spike = {"in": np.arange(2)[None, None] == sender, "a": np.zeros((1, 1, 2), bool)}
        result = pricer.price(Activity.from_spikes({"in": (2,), "a": (2,)}, spike))
        assert result.events.hops == 10
        found.append(result.energy.by_component()["network"])
    assert found == pytest.approx([3.471e-9, 0.1446e-9], rel=1e-12, abs=0)


def test_packages_of_one_structure_are_priced_and_timed_together() -> None:
    mapping, packages = mapped(), [pair(), pair(dearer=True)]
    for timing in ("bound", "detailed"):
        together = price_many(activity(), mapping, packages, timing=timing)
        for package, result in zip(packages, together, strict=True):
            alone = price(activity(), replace(mapping, package=package), timing=timing)
            np.testing.assert_array_equal(result.latency_s, alone.latency_s)
            assert result.energy.by_component() == alone.energy.by_component()
            assert result.latency.to_dict() == alone.latency.to_dict()
    # Two messages more in 700 pJ, two hops in 6,700 pJ, one message to itself.
    more_pj = 1e12 * (together[1].energy.total_j - together[0].energy.total_j)
    assert more_pj == pytest.approx(3 * 693 + 2 * 6633, rel=1e-12, abs=0)


def test_pricer_of_messages_serves_many_activities() -> None:
    pricer = Pricer(mapped(), timing="detailed")
    once = pricer.price(activity()).latency_s
    both = Activity.concatenate([activity(), activity()], axis="samples")
    np.testing.assert_array_equal(pricer.price(both).latency_s, np.repeat(once, 2, axis=0))
    assert pricer.price(activity()).metrics()["latency_per_inference_s"] == pytest.approx(
        once.sum(), rel=1e-12
    )


def test_samples_may_follow_one_another() -> None:
    stream = CostStream(mapped(), timing="detailed")
    for _ in range(2):
        stream.add(activity())
        stream.next_samples()
    found = stream.close()
    both = Activity.concatenate([activity(), activity()], axis="samples")
    whole = price(both, mapped(), timing="detailed")
    np.testing.assert_array_equal(found.latency_s, whole.latency_s)
    assert found.latency.to_dict() == whole.latency.to_dict()
    assert found.events == whole.events


def test_where_nobody_tells_all_neurons_are_updated_in_each_step() -> None:
    note = "neurons at rest (a): all count as updated in each step"
    for mapping, given in (
        (mapped("lif"), activity(told=False)),
        (mapped(), activity(told=False)),
        (mapped(), RateActivity.of(small(), {"in": 0.5, "a": 0.5}, steps=2)),
    ):
        result = price(given, mapping)
        inputs = result.layers["spikes"][0]
        assert result.events.neuron_updates == 3 * 2 + inputs
        assert note in result.not_modelled
    assert price(activity(told=False), mapped("lif"), timing="simple").latency_s.size == 2


def test_single_messages_are_drawn_from_rates() -> None:
    rates = RateActivity.of(small(), {"in": 1.0, "a": 0.0}, steps=2)
    spikes = {"in": np.ones((1, 2, 2), bool), "a": np.zeros((1, 2, 3), bool)}
    listed = Activity.from_spikes({"in": (2,), "a": (3,)}, spikes)
    found = price(rates, mapped(), timing="simple")
    np.testing.assert_array_equal(
        found.latency_s, price(listed, mapped(), timing="simple").latency_s
    )


def test_unstated_costs_of_units_are_named() -> None:
    bare = {"energy_per_access": "1 pJ/op", "time_per_access": "1 ns/op"}
    core = CORE | {"soma": {"lif": bare}, "axon_in": {}, "hop": {"east": {"energy": "1 pJ"}}}
    found = unstated(mesh_of_cores("bare", (2, 1), [{"tile": core}], barrier="1 ns"))
    tiles = "of pipeline_core tiles"
    named = "; ".join(found)
    for part in (
        f"energy of updates (not stated for soma units lif {tiles})",
        f"time of updates (not stated for dendrites {tiles}, soma units lif {tiles})",
        f"energy of receiving events (not stated for axons in {tiles})",
        f"energy of hops (not stated for hops {tiles})",
    ):
        assert part in named


def test_packages_with_pipeline_cores_send_to_each_destination() -> None:
    router = pair().spec.chiplet_types["die"].network.router.model_copy(update={"multicast": True})
    kind = pair().spec.chiplet_types["die"]
    network = kind.network.model_copy(update={"router": router})
    types = {"die": kind.model_copy(update={"network": network})}
    with pytest.raises(ConfigError, match=r"router\.multicast: pipeline cores send a message to"):
        build_package(pair().spec.model_copy(update={"chiplet_types": types}))


def test_hops_without_direction_cannot_be_priced() -> None:
    kind = pair().spec.chiplet_types["die"]
    network = kind.network.model_copy(update={"topology": "star", "shape": (2,)})
    tiles = tuple(each.model_copy(update={"at": "all"}) for each in kind.tiles[:1])
    types = {"die": kind.model_copy(update={"network": network, "tiles": tiles})}
    star = build_package(pair().spec.model_copy(update={"chiplet_types": types}))
    mapping = replace(mapped(), package=star)
    with pytest.raises(ConfigError, match="has no direction, by which hops to"):
        price(activity(), mapping)


def test_what_cannot_follow_pipeline_cores_says_so() -> None:
    with pytest.raises(UsageError, match="has pipeline cores"):
        deploy(build_model("resnet18"), pair())
    with pytest.raises(ConfigError, match="charge for updates"):
        mapped_cost(mapped())
    with pytest.raises(UsageError, match="have no gradient"):
        gradients(activity(), mapped(), timing="simple")


@pytest.mark.slow
def test_gradients_count_updates_as_the_price_does() -> None:
    value, slopes = gradients(activity(), mapped())
    result = price(activity(), mapped())
    assert value.energy_j == pytest.approx(result.energy.total_j, rel=1e-12, abs=0)
    tiles = slopes.energy_j.tiles["pipeline_core"]
    assert tiles["energy_j_per_update"].tolist() == pytest.approx([0, 1], rel=1e-9, abs=0)
    assert tiles["energy_j_per_update/1"].tolist() == pytest.approx([0, 1], rel=1e-9, abs=0)
    assert tiles["energy_j_per_update/2"].tolist() == pytest.approx([2, 0], rel=1e-9, abs=0)
    assert tiles["energy_j_per_hop_east"].tolist() == pytest.approx([0, 2], rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("routers", "barrier_us"), [(1, 0.6), (2, 1.0), (3, 1.0), (28, 1.4), (29, 1.8), (99, 1.8)]
)
def test_barrier_of_loihi_follows_the_routers_in_use(routers: int, barrier_us: float) -> None:
    spec = load_package("packages/loihi_pipeline").spec
    assert spec.barrier_of(routers) == pytest.approx(barrier_us * 1e-6, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    ("given", "routers", "barrier_s"),
    [
        ("3 ns", 7, 3e-9),
        ({"4": "1 us", "8": "2 us"}, 1, 1e-6),
        ({"8": "2 us", "4": "1 us"}, 9, 2e-6),
    ],
)
def test_barrier_below_the_table_is_the_first(
    given: object, routers: int, barrier_s: float
) -> None:
    spec = mesh_of_cores("x", (2, 1), [{"tile": CORE}], barrier=given).spec
    assert spec.barrier_of(routers) == barrier_s
