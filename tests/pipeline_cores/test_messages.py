"""Single messages: lists by hand, and random networks against a slow reference."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import slow_latency
from hypothesis import given, settings
from hypothesis import strategies as st
from sanafe_cases import hops, mesh_of_cores, soma

from chipletsim.cost.message_timer import MessageTimer
from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, TIMING_MODELS, message_model, timing_model
from chipletsim.noc.follow import _pop, _push
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.message_times import plan_times, repeated_sums
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.package.model import Package

CORE = {
    "kind": "pipeline_core",
    "neurons": 64,
    "axon_in": {"time_per_message": "2.9 ns/packet"},
    "synapse": {
        "near": {"energy_per_event": "1 pJ/op", "time_per_event": "3.7 ns/op"},
        "far": {"energy_per_event": "2 pJ/op", "time_per_event": "4.3 ns/op"},
    },
    "dendrite": {"time_per_update": "0.53 ns/op"},
    "soma": {
        "lif": soma((1, 5.3), (1, 6.1), (1, 7.3)),
        "alt": soma((1, 8.9), (1, 9.7), (1, 10.3)),
        "input": soma((0, 0), (0, 0.41), (0, 0.43)),
    },
    "axon_out": {"time_per_message": "12.7 ns/packet"},
    "hop": hops(north=(1, 1.1), east=(1, 1.3), south=(1, 1.7), west=(1, 1.9)),
}
OTHER = CORE | {
    "axon_in": {"time_per_message": "7.1 ns/packet"},
    "dendrite": {"time_per_update": "1.9 ns/op", "per": "neuron"},
    "axon_out": {"time_per_message": "0.3 ns/packet"},
    "hop": hops(north=(1, 31.0), east=(1, 37.0), south=(1, 41.0), west=(1, 43.0)),
}
INSIDE = CORE | {"dendrite": {"time_per_update": "2.3 ns/op", "update_every_step": True}}


def package(buffer: int = 2, **others: object) -> Package:
    """Return a mesh of 3 x 2 routers with two cores each, of three kinds of costs."""
    tiles = [
        {"tile": CORE, "at": "rest", "per_router": 2},
        {"tile": OTHER, "at": [[2, 0], [1, 1]], "per_router": 2, "name": "other"},
        {"tile": INSIDE, "at": [[0, 1]], "per_router": 2, "name": "inside"},
    ]
    barrier = {"1": "1 us", "3": "2 us"}
    return mesh_of_cores(
        "mixed", (3, 2), tiles, link_buffer_size=buffer, **({"barrier": barrier} | others)
    )


PACKAGES = {buffer: package(buffer) for buffer in (1, 2, 16)}


def random_case(seed: int, buffer: int) -> tuple[Mapping, Activity]:
    """Return a random recurrent network on random cores, and random events of it."""
    draw = np.random.default_rng(seed)
    sizes = {"in": int(draw.integers(1, 9)), "a": int(draw.integers(2, 20)), "b": 7}
    populations = tuple(
        Population(name, (size,), "input" if name == "in" else "loihi_lif")
        for name, size in sizes.items()
    )
    projections = []
    for source, target in (("in", "a"), ("a", "a"), ("a", "b"), ("b", "a")):
        counts = draw.integers(0, 6, sizes[source])
        connection = Sparse(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            draw.integers(0, sizes[target], counts.sum()).astype(np.int32),
            np.ones(counts.sum()),
            sizes[target],
        )
        projections.append(Projection(source + target, source, target, connection, delay=1))
    network = Network("random", populations, tuple(projections), 1e-3)
    place = PACKAGES[buffer]
    slices = []
    for number, population in enumerate(populations):
        for neuron in draw.permutation(population.size).tolist():
            tile = int(draw.integers(0, len(place.tiles)))
            unit = "input" if number == 0 else str(draw.choice(["", "lif", "alt"]))
            slices.append(Slice(number, ((neuron, neuron + 1),), tile, tile, unit))
    draw.shuffle(slices)
    units = {"aa": "far", "ba": "near"}
    ranks = {}
    if draw.random() < 0.5:
        total = sum(each.connection.targets.size for each in projections)
        order, stop = draw.permutation(total), 0
        for each in projections:
            first, stop = stop, stop + each.connection.targets.size
            ranks[each.name] = order[first:stop]
    mapping = Mapping(network, place, tuple(slices), "given", 0, "none", units, ranks)
    shapes = {name: (size,) for name, size in sizes.items()}
    rate = draw.random()
    return mapping, Activity.from_spikes(
        shapes,
        {name: draw.random((2, 3, size)) < rate for name, size in sizes.items()},
        updates={name: draw.random((2, 3, sizes[name])) < 0.7 for name in ("a", "b")},
    )


def timed(mapping: Mapping, activity: Activity, timing: str) -> np.ndarray:
    timer = MessageTimer(mapping, [mapping.package], stages(mapping.network), timing)
    timer.add(activity)
    timer.next_samples()
    return timer.close().latency_s[0]


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 16]), st.sampled_from(MESSAGE_MODELS))
def test_random_networks_take_as_long_as_the_slow_reference_says(
    seed: int, buffer: int, timing: str
) -> None:
    mapping, activity = random_case(seed, buffer)
    expected = [
        slow_latency.latencies(activity, mapping, timing, buffer, sample=sample)
        for sample in range(2)
    ]
    np.testing.assert_array_equal(timed(mapping, activity, timing), expected)


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_python_and_native_kernel_agree(seed: int, buffer: int) -> None:
    mapping, activity = random_case(seed, buffer)
    timers = []
    for native in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not native:
                patch.setattr("chipletsim.noc.detailed.native_kernels", lambda: False)
            timer = MessageTimer(mapping, [mapping.package], stages(mapping.network), "detailed")
            timer.add(activity)
            timer.next_samples()
            timers.append(timer.close())
    for one, other in zip(*timers, strict=True):
        np.testing.assert_array_equal(one, other)


def chain(*sizes: int, delay: int = 1, model: str = "loihi_lif") -> Network:
    """Return inputs and populations in a row, each neuron connected to the next one."""
    names = ["in", *(f"layer{number}" for number in range(1, len(sizes)))]
    populations = tuple(
        Population(name, (size,), model if number else "input")
        for number, (name, size) in enumerate(zip(names, sizes, strict=True))
    )
    projections = []
    for before, after in pairwise(populations):
        targets = np.repeat(np.arange(after.size), -(-before.size // after.size))[: before.size]
        connection = Sparse(
            np.arange(before.size + 1), targets.astype(np.int32), np.ones(before.size), after.size
        )
        projections.append(
            Projection(
                f"{before.name}>{after.name}", before.name, after.name, connection, None, delay
            )
        )
    return Network("chain", populations, tuple(projections), 1e-3)


def on_tiles(network: Network, place: Package, *tiles: int) -> Mapping:
    """Put each population whole on a tile."""
    slices = tuple(
        Slice(number, ((0, population.size),), tile, tile, "" if number else "input")
        for number, (population, tile) in enumerate(zip(network.populations, tiles, strict=True))
    )
    return Mapping(network, place, slices, "given", 0)


def test_messages_by_hand() -> None:
    """Two inputs on core 0 of which one fires, and three neurons on core 1 of which two do.

    Core (0,0)0 makes ``0.41 + 0.43 + 12.7`` ns for the message of the input that fired (the
    silent one costs nothing before it). Core (0,0)1 first computes a neuron at rest, 5.3 ns,
    then one that fires, ``5.3 + 6.1 + 7.3 + 12.7``; the last fires without any target and is
    left over. A message with one synapse takes ``2.9 + (3.7 + 0.53)`` ns.
    """
    network = chain(2, 3)
    back = Sparse(np.array([0, 0, 1, 1]), np.array([0], np.int32), np.ones(1), 3)
    loop = Projection("loop", "layer1", "layer1", back, delay=1)
    network = replace(network, projections=(*network.projections, loop))
    mapping = on_tiles(network, PACKAGES[2], 0, 1)
    plan = message_plan(mapping)
    fired = np.array([[0, 1, 0, 1, 1]])
    works = np.ones((1, 5), bool)
    times = plan_times(plan, mapping.package)
    lists = message_lists(plan, times, RowEvents(works, fired > 0, fired, works[:, :2]))
    assert plan.tile[:2].tolist() == [0, 1]
    assert lists.start[:3].tolist() == [0, 1, 3]
    assert lists.target.tolist() == [1, 1, -1]
    ns = 1e-9
    spike = 5.3 * ns + 6.1 * ns + 7.3 * ns
    expected = [0.41 * ns + 0.43 * ns + 12.7 * ns, 5.3 * ns + spike + 12.7 * ns, spike]
    np.testing.assert_allclose(lists.generation_s, expected, rtol=1e-15)
    one = 2.9 * ns + (3.7 * ns + 0.53 * ns)
    np.testing.assert_allclose(lists.processing_s, [one, one, 0], rtol=1e-15)


def test_a_core_that_takes_no_time_lists_nothing() -> None:
    mapping = on_tiles(chain(2, 3), PACKAGES[2], 0, 1)
    plan = message_plan(mapping)
    times = plan_times(plan, mapping.package)
    silent = np.zeros((2, 5), np.int64)
    lists = message_lists(plan, times, RowEvents(silent < 1, silent > 0, silent, silent[:, :2] < 1))
    cores = plan.tile.size
    assert np.diff(lists.start).reshape(2, cores).tolist() == [[0, 1] + [0] * (cores - 2)] * 2


def test_times_of_one_message_by_hand() -> None:
    """From (0,0) to (2,1): a hop east twice and north once, by the numbers of the sender.

    `simple`: the input takes 13.54 ns, its message 7.13 ns at its target, whose neuron takes
    5.3 ns; the sender is the busiest. `detailed`: sent after 13.54 ns, on the way for
    ``2 x 1.3 + 1.1`` ns, and worked on for 7.13 ns.
    """
    place = PACKAGES[16]
    target = next(n for n, tile in enumerate(place.tiles) if tile.name.startswith("die(2,1)"))
    mapping = on_tiles(chain(1, 1), place, 0, target)
    spikes = {"in": np.ones((1, 1, 1), bool), "layer1": np.zeros((1, 1, 1), bool)}
    quiet = {"layer1": np.zeros((1, 1, 1), bool)}
    activity = Activity.from_spikes({"in": (1,), "layer1": (1,)}, spikes, updates=quiet)
    barrier_ns = 1000.0  # two routers
    simple = timed(mapping, activity, "simple")[0, 0] * 1e9
    assert simple == pytest.approx(0.41 + 0.43 + 12.7 + barrier_ns, rel=1e-12, abs=0)
    detailed = timed(mapping, activity, "detailed")[0, 0] * 1e9
    assert detailed == pytest.approx(13.54 + 2 * 1.3 + 1.1 + 7.13 + barrier_ns, rel=1e-12, abs=0)


def test_layers_without_delay_run_in_rows_one_after_the_other() -> None:
    """Hardware takes a row for each layer, so a network of no delay is the same one, shifted."""
    straight, late = chain(3, 4, 2, delay=0), chain(3, 4, 2, delay=1)
    draw = np.random.default_rng(0)
    shapes = {p.name: p.shape for p in straight.populations}
    spikes = {name: draw.random((2, 5, *shape)) < 0.5 for name, shape in shapes.items()}
    worked = {n: draw.random((2, 5, *shapes[n])) < 0.5 for n in ("layer1", "layer2")}
    shifted, shifted_work = (
        {
            name: np.stack([np.pad(each, ((at, 2 - at), (0, 0))) for each in events[name]], axis=0)
            for name, at in (("in", 0), ("layer1", 1), ("layer2", 2))
            if name in events
        }
        for events in (spikes, worked)
    )
    mapping = on_tiles(straight, PACKAGES[2], 0, 5, 9)
    timer = MessageTimer(mapping, [mapping.package], stages(straight), "detailed")
    whole = Activity.from_spikes(shapes, spikes, updates=worked)
    for first, stop in ((0, 1), (1, 4), (4, 5)):
        parts = (
            {name: each[:, first:stop] for name, each in arrays.items()}
            for arrays in (whole.rasters, whole.updates)
        )
        rasters, updates = parts
        timer.add(replace(whole, steps=stop - first, rasters=rasters, updates=updates))
    timer.next_samples()
    found = timer.close().latency_s[0]
    assert found.shape == (2, 7)
    other = on_tiles(late, PACKAGES[2], 0, 5, 9)
    same = Activity.from_spikes(shapes, shifted, updates=shifted_work)
    # In rows in which a layer runs in every step (2 to 4) nobody stands idle.
    np.testing.assert_array_equal(found[:, 2:5], timed(other, same, "detailed")[:, 2:5])
    # In the first row the layers behind do not run yet, and take no time.
    assert (found[:, 0] <= timed(other, same, "detailed")[:, 0]).all()
    assert (found[:, 0] < timed(other, same, "detailed")[:, 0]).any()


def test_a_neuron_that_spikes_three_times_sends_three_messages() -> None:
    """Neuron of layer 1 on (0,0)0: ``5.3 + 6.1 + 3 x 7.3`` ns before its first message, then
    12.7 ns for each; at rest the one of layer 2 takes 5.3 ns, and each message 7.13 ns."""
    network = chain(1, 1, 1)
    mapping = on_tiles(network, PACKAGES[2], 2, 0, 1)
    shapes = {population.name: (1,) for population in network.populations}
    none, three = np.zeros((1, 1, 1), bool), np.full((1, 1, 1), 3, np.float32)
    spikes = {"in": none, "layer1": three, "layer2": none}
    activity = Activity.from_spikes(
        shapes, spikes, updates={"layer1": none, "layer2": none}, counted=["layer1"]
    )
    timer = MessageTimer(mapping, [mapping.package], stages(network), "simple")
    timer.add(activity)
    timer.next_samples()
    latency_s, resource, _ = timer.close()
    sending_ns = 5.3 + 6.1 + 3 * 7.3 + 3 * 12.7
    assert 1e9 * latency_s[0, 0, 0] == pytest.approx(sending_ns + 1000, rel=1e-12, abs=0)
    assert resource[0, 0, 0] == len(mapping.package.tiles)  # the first tile makes messages


def test_repeated_sums_add_one_by_one() -> None:
    start, step, count = np.array([0.0, 0.7, 0.7]), np.array([0.1, 0.1, 0.3]), np.array([10, 0, 3])
    ten = 0.0
    for _ in range(10):
        ten += 0.1
    assert ten != 1.0
    assert repeated_sums(start, step, count).tolist() == [ten, 0.7, 0.7 + 0.3 + 0.3 + 0.3]


def test_equal_times_leave_the_heap_in_the_order_of_libstdcxx() -> None:
    """Worked by hand from the definitions of push_heap and pop_heap.

    Five equal keys a b c d e stand in order of arrival. Popping a moves the hole to the right
    child where keys are equal, so c goes up and the last, e, into its place: c b e d. Then e
    goes up and d into its place: e b d. Of two the left one is alone: b d. Last comes d.
    """
    heap: list[tuple[float, int]] = []
    for item in range(5):
        _push(heap, (1.0, item))
    assert [_pop(heap)[1] for _ in range(5)] == [0, 2, 4, 1, 3]


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30))
def test_heap_always_gives_a_least_key(events: list[tuple[int, bool]]) -> None:
    heap: list[tuple[float, int]] = []
    kept: list[tuple[float, int]] = []
    for number, (key, takes) in enumerate(events):
        _push(heap, (float(key), number))
        kept.append((float(key), number))
        if takes:
            event = _pop(heap)
            assert event[0] == min(kept)[0]
            kept.remove(event)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"topology": "torus"}, "follows messages in a mesh, but the topology is torus"),
        ({"link_buffer_size": None}, "needs `link_buffer_size`"),
    ],
)
def test_detailed_needs_a_mesh_with_buffers(changes: dict[str, object], message: str) -> None:
    place = PACKAGES[2]
    kind = place.spec.chiplet_types["die"]
    network = kind.network.model_copy(update=changes)
    spec = place.spec.model_copy(
        update={"chiplet_types": {"die": kind.model_copy(update={"network": network})}}
    )
    mapping = on_tiles(chain(1, 1), replace(place, spec=spec), 0, 1)
    with pytest.raises(ConfigError, match=message):
        MessageTimer(mapping, [mapping.package], stages(mapping.network), "detailed")
    MessageTimer(mapping, [mapping.package], stages(mapping.network), "simple")


def test_other_tiles_have_no_times_for_single_messages() -> None:
    neurocore = {
        "kind": "neurocore",
        "neurons": 8,
        "synaptic_memory": "1 KiB",
        "energy_per_synaptic_op": "1 pJ/op",
        "energy_per_neuron_update": "1 pJ/op",
        "time_per_synaptic_op": "1 ns/op",
        "time_per_neuron_update": "1 ns/op",
    }
    tiles = [{"tile": CORE, "at": [[0, 0]]}, {"tile": neurocore, "at": "rest"}]
    mapping = on_tiles(chain(1, 1), mesh_of_cores("two", (2, 1), tiles), 0, 1)
    with pytest.raises(ConfigError, match=r"tile die\(1,0\)\.neurocore is of kind neurocore"):
        MessageTimer(mapping, [mapping.package], stages(mapping.network), "simple")


def test_results_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping, activity = random_case(3, 1)
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("CHIPLETSIM_THREADS", threads)
        found.append(timed(mapping, activity, "detailed"))
    np.testing.assert_array_equal(found[1:], found[:1] * 2)


def test_ports_take_their_turn() -> None:
    """Answers leave by an io tile, 2 ns each; three of them keep it busy for 6 ns."""
    port = {
        "kind": "io", "neurons": 8, "energy_per_input": "1 pJ/packet",
        "energy_per_output": "1 pJ/packet", "event_rate": "500 Mpacket/s",
    }  # fmt: skip
    quick = CORE | {"soma": {"lif": soma((0, 0), (0, 0), (0, 0.1))}, "axon_out": {}}
    tiles = [{"tile": quick, "at": "all"}, {"tile": port, "at": [[0, 0]]}]
    place = mesh_of_cores("port", (2, 1), tiles, barrier="0 s")
    network = chain(1, 3)
    answers = replace(network.populations[1], output=True)
    network = replace(network, populations=(network.populations[0], answers))
    io = next(number for number, tile in enumerate(place.tiles) if tile.kind == "io")
    core = next(n for n, tile in enumerate(place.tiles) if tile.name.startswith("die(1,0)"))
    slices = (Slice(0, ((0, 1),), io, io), Slice(1, ((0, 3),), core, core))
    mapping = Mapping(network, place, slices, "given", 0)
    spikes = {"in": np.zeros((1, 1, 1), bool), "layer1": np.ones((1, 1, 3), bool)}
    activity = Activity.from_spikes({"in": (1,), "layer1": (3,)}, spikes)
    assert timed(mapping, activity, "simple")[0, 0] == pytest.approx(6e-9, rel=1e-12, abs=0)


def test_names_of_timing_models() -> None:
    assert set(MESSAGE_MODELS) < set(TIMING_MODELS)
    for name in MESSAGE_MODELS:
        assert callable(message_model(name))
        with pytest.raises(UsageError, match="follows single messages"):
            timing_model(name)
