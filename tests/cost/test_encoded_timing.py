"""Links that encode by timing `queue` and `cycle`: against prices, bounds, walks and arithmetic."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cost_cases import (
    IO,
    NEUROCORE,
    mixed_network,
    mixed_package,
    package_of,
    population,
    random_activity,
    random_mapping,
)
from encoded_cases import SPIKES, VALUES, encoded, random_encoding, random_network
from encoded_walk import EncodedWalk
from interconnect_cases import all_at_once, pair
from test_encoded_by_hand import one_boundary, spikes_of_inputs
from test_hybrid_price import SENDS, WORKS, activity_of, local, network

import chipletsim as cs
from chipletsim.errors import ConfigError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.burst_kernels import BurstResults
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import delivery_nodes, delivery_starts
from chipletsim.report.trace import TraceWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "noc"))
from test_package_timing import dies

pytestmark = pytest.mark.usefixtures("quick_programs")

CODECS = [name for name in SPIKES if name != "counts"]
RATES = 0.2, 0.02, 0.0
PACKAGES = {
    "kinds of tiles": mixed_package,
    "copies": lambda **d2d: dies((True, True), d2d=d2d),
    "no copies": lambda **d2d: dies((False, False), d2d=d2d),
    "copies on one die": lambda **d2d: dies((True, False), d2d=d2d),
    "shallow": lambda **d2d: dies((True, True), d2d=d2d, buffer_flits=2, clock="1 GHz"),
}


def case(name: str, seed: int):
    """Return a mapping on a package whose links between dies encode, and what happens on it."""
    draw = np.random.default_rng(seed)
    spikes = SPIKES[str(draw.choice(CODECS))] if draw.random() < 0.8 else None
    values = VALUES[str(draw.choice(list(VALUES)))] if draw.random() < 0.6 or not spikes else None
    encoding = {"spikes": spikes, "values": values}
    frame = {} if draw.random() < 0.5 else {"frame": None}
    package = PACKAGES[name](encoding=encoding, **frame)
    network = mixed_network()
    mapping = random_mapping(network, package, seed)
    return mapping, random_activity(network, 2, 3, RATES[seed % 3], seed)


def assert_bounded(mapping, activity) -> None:
    bound = cs.price(activity, mapping, timing="bound")
    for timing in PACKET_MODELS:
        found = cs.price(activity, mapping, timing=timing)
        assert (found.latency_s >= bound.latency_s * (1 - 1e-12)).all()
        assert found.events == bound.events
        assert found.energy.total_j >= bound.energy.total_j * (1 - 1e-12)  # static power, frames


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("seed", range(3))
def test_no_step_is_faster_than_the_bound(name: str, seed: int) -> None:
    assert_bounded(*case(name, seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_no_step_of_many_mappings_is_faster_than_the_bound(name: str) -> None:
    for seed in range(3, 18):
        assert_bounded(*case(name, seed))


def everywhere(seed: int):
    """Return a drawn network on two dies all of whose links may encode, each in its own way."""
    draw = np.random.default_rng(seed)
    package = dies((bool(draw.random() < 0.5), bool(draw.random() < 0.5)))
    package = encoded(package, lambda number, link: random_encoding(draw, CODECS))
    network = random_network(draw)
    mapping = random_mapping(network, package, seed)
    return mapping, random_activity(network, 2, 3, RATES[seed % 3], seed)


@pytest.mark.parametrize("seed", range(6))
def test_events_cross_one_link_after_the_other(seed: int) -> None:
    assert_bounded(*everywhere(seed))


def followed(mapping, activity, monkeypatch):
    """Return the bursts of all rows by `cycle`, and what they did."""
    kept = []

    def keeping(jobs, **more) -> BurstResults:
        results = cycle(jobs, **more)
        kept.extend(zip(jobs, results.times, strict=True))
        kept_counts.append(results.counts)
        return results

    kept_counts: list = []
    monkeypatch.setattr("chipletsim.cost.packet_rows.packet_model", lambda name: keeping)
    result = cs.price(activity, mapping, timing="cycle")
    return kept, kept_counts, result


def link_ports(job, package) -> dict[int, int]:
    """Return the link of each port that has one: behind the tiles of its router, in order."""
    found = {}
    for router, row in enumerate(job.network.router):
        first = int(row[0]) + int((package.tile_router == router).sum())
        links = [number for number, link in enumerate(package.links) if link.source == router]
        found |= {first + rank: number for rank, number in enumerate(links)}
    return found


def ports_on_the_way(job, flow: int) -> list[int]:
    """Return the ports that a packet of a flow is sent by, each as often as it is."""
    network, flows = job.network, job.flows
    source, root, _ = flows.flow[flow]
    at = [(int(network.port_router[network.node[source, 0]]), int(root))]
    found = []
    while at:
        router, stop = at.pop()
        for output, onward, _ in flows.branch[flows.stop[stop] : flows.stop[stop + 1]]:
            port = int(network.router[router, 0]) + int(output)
            found.append(port)
            if onward >= 0:
                peer = int(network.port[port, 0])
                at.append((int(network.port_router[peer]), int(onward)))
    return found


@pytest.mark.parametrize("make", [lambda seed: case("kinds of tiles", seed), everywhere])
@pytest.mark.parametrize("seed", range(6))
def test_links_carry_what_is_priced(make, seed: int, monkeypatch) -> None:
    """Bits over each link are those of a walk, whole flits or messages; and as many flits move."""
    mapping, _ = make(seed)
    activity = random_activity(mapping.network, 1, 3, 0.15, seed)  # one sample: row after row
    package = mapping.package
    bursts, counts, result = followed(mapping, activity, monkeypatch)
    sizes = known_sizes(mapping)
    flits = {}
    walk = EncodedWalk(mapping, activity)
    rows = result.latency_s.shape[1]
    priced = walk.table("link_bits", len(package.links), activity.samples, rows)
    wire = np.zeros_like(priced)
    for number, (job, times) in enumerate(bursts):
        assert times.undelivered == 0
        assert (times.taken >= 0).all()
        link_of = link_ports(job, package)
        for (_, flow, count, *_), kind in zip(job.burst.packet, job.burst.kind, strict=True):
            if flow < 0:
                continue
            for port in ports_on_the_way(job, int(flow)):
                flits[port] = flits.get(port, 0) + int(count)
                if port in link_of:
                    own = package.links[link_of[port]].spec.flit_bits
                    wire[link_of[port], number] += -(-sizes[kind] // own) * own
    for link, item in enumerate(package.links):
        own = item.spec.flit_bits
        assert (wire[link] == -(-priced[link] // own) * own).all()
    assert wire[[item.spec.encoding is not None for item in package.links]].any()
    sent = sum(each[0].flits for each in counts)
    assert {port: number for port, number in enumerate(sent.tolist()) if number} == flits


def known_sizes(mapping) -> list[int]:
    """Return the sizes of packets by number: events, fetches, and stretches of messages."""
    from chipletsim.cost.fetched_weights import packet_plans
    from chipletsim.cost.package_rows import Shared
    from chipletsim.noc.packet_times import packet_times

    shared = Shared(mapping, packet_plans(mapping))
    return packet_times(mapping, mapping.package, shared.plans).stretches.sizes.tolist()


def with_encoding(mapping: Mapping, **spikes) -> Mapping:
    """The mapping with all links encoding spikes."""
    package = encoded(mapping.package, lambda number, link: ({"spikes": spikes},))
    return replace(mapping, package=package)


TIMINGS = pytest.mark.parametrize("timing", PACKET_MODELS)
BITMAP = {"kind": "bitmap"}
ADDRESSES = {"kind": "address_events", "address": "10 bit"}


@TIMINGS
@pytest.mark.parametrize(
    ("inputs", "codec", "expected_ns"),
    [(1, ADDRESSES, 31), (1, BITMAP, 31), (3, ADDRESSES, 37), (3, BITMAP, 37)],
)
def test_events_by_hand(timing: str, inputs: int, codec: dict, expected_ns: float) -> None:
    """Events leave their tile at 1, 2 and 3 ns, see `interconnect_cases`, and cross as one flit.

    An event that leaves at t is sent to the encoder at t + 4 and is there 2 ns later. The last one
    starts the message: it is in the queue of the router at t + 8, sent over the link at t + 10, in
    the next queue at t + 17, sent to the decoder at t + 19 and there at t + 21. It sends one event
    after the other: the first is in the queue at t + 23, goes on at t + 25 and is at the tile at
    t + 28. The tile works on each for 2 ns.
    """
    mapping = with_encoding(pair(inputs), **codec)
    last_leaves = inputs
    assert last_leaves + 28 + 2 * inputs == expected_ns
    found = cs.price(all_at_once(mapping), mapping, timing=timing)
    assert 1e9 * found.latency_s[0, 0] == pytest.approx(expected_ns, rel=1e-12)


@TIMINGS
def test_a_long_message_by_hand(timing: str) -> None:
    """A bitmap of 200 neurons is four flits of 64 bits, each 4 ns after the one before."""
    mapping = with_encoding(pair(200), **BITMAP)
    activity = all_at_once(mapping)
    one = activity.spikes("in").copy()
    one[:, :, 1:] = False
    spikes = {"in": one, "out": activity.spikes("out")}
    activity = cs.Activity.from_spikes({"in": (200,), "out": (1,)}, spikes)
    found = cs.price(activity, mapping, timing=timing)
    assert 1e9 * found.latency_s[0, 0] == pytest.approx(1 + 28 + 3 * 4 + 2, rel=1e-12)
    assert found.events.bits_on_chip == 256 or found.events.wire_bits_on_chip == 256


@TIMINGS
def test_a_message_without_events_by_hand(timing: str) -> None:
    """It is sent when the first event could have come: 4 ns after the start, and takes 15 ns."""
    mapping = with_encoding(pair(60), **BITMAP)
    activity = all_at_once(mapping)
    spikes = {name: np.zeros_like(activity.spikes(name)) for name in ("in", "out")}
    silent = cs.Activity.from_spikes({"in": (60,), "out": (1,)}, spikes)
    found = cs.price(silent, mapping, timing=timing)
    assert 1e9 * found.latency_s[0, 0] == pytest.approx(4 + 15, rel=1e-12)
    bound = cs.price(silent, mapping)
    assert 1e9 * bound.latency_s[0, 0] == pytest.approx(4 + 4 + 1 + 4, rel=1e-12)
    addresses = with_encoding(pair(60), **ADDRESSES)  # no bits at all
    assert cs.price(silent, addresses, timing=timing).latency_s[0, 0] == 0


@pytest.mark.parametrize("make", [lambda seed: case("kinds of tiles", seed), everywhere])
@pytest.mark.parametrize("seed", [0, 3, 6])
def test_messages_wait_for_events_and_events_for_messages(make, seed: int, monkeypatch) -> None:
    """All that comes to an encoder is there before it sends; likewise at decoders; none is lost."""
    mapping, activity = make(seed)
    bursts, _, result = followed(mapping, activity, monkeypatch)
    tiles = len(mapping.package.tiles)
    delivered = waited = 0
    for job, times in bursts:
        nodes = delivery_nodes(job.flows, job.burst)
        source = job.burst.packet[:, 0]
        routed = np.repeat(job.burst.packet[:, 1] >= 0, np.diff(delivery_starts(*job[1:])))
        delivered += int((routed & (nodes < tiles)).sum())
        for end in range(tiles, len(job.network.node)):
            came, left = times.taken[nodes == end], times.injected[source == end]
            if came.size and left.size:
                waited += 1
                assert left.min() >= came.max()
    assert waited
    assert delivered == result.events.packets_delivered


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("code", CODECS)
def test_messages_come_in_the_steps_in_which_populations_send(
    code: str, seed: int, monkeypatch
) -> None:
    """Decoders work in steps in which they send nothing; silent bitmaps are of those they send."""
    encoding = {"spikes": SPIKES[code], "values": VALUES["dense"]}
    net, package = network(), mixed_package(encoding=encoding, frame=None)
    mapping = local(random_mapping(net, package, seed))
    activity = activity_of(net, 1, 0.4, seed)
    bursts, _, result = followed(mapping, activity, monkeypatch)
    walk = EncodedWalk(mapping, activity, WORKS, SENDS)
    links = len(package.links)
    priced = walk.table("link_bits", links, 1, result.latency_s.shape[1])
    sizes = known_sizes(mapping)
    sent = np.zeros_like(priced)
    for number, (job, _) in enumerate(bursts):
        link_of = link_ports(job, package)
        for (_, flow, *_), kind in zip(job.burst.packet, job.burst.kind, strict=True):
            for port in ports_on_the_way(job, int(flow)) if flow >= 0 else ():
                if port in link_of:
                    own = package.links[link_of[port]].spec.flit_bits
                    sent[link_of[port], number] += -(-sizes[kind] // own) * own
    for link in [number for number, item in enumerate(package.links) if item.spec.encoding]:
        own = package.links[link].spec.flit_bits
        assert (sent[link] == -(-priced[link] // own) * own).all()
    assert (result.latency_s >= cs.price(activity, mapping).latency_s * (1 - 1e-12)).all()


@pytest.mark.parametrize("make", [lambda seed: case("copies", seed), everywhere])
def test_it_takes_as_long_without_native_kernels(make, monkeypatch) -> None:
    mapping, activity = make(6)
    native = [cs.price(activity, mapping, timing=timing).latency_s for timing in PACKET_MODELS]
    monkeypatch.setenv("CHIPLETSIM_KERNELS", "xla")
    for timing, latency_s in zip(PACKET_MODELS, native, strict=True):
        found = cs.price(activity, mapping, timing=timing).latency_s
        np.testing.assert_array_equal(found, latency_s)


def test_auto_follows_messages_and_the_interconnect_is_told() -> None:
    mapping, activity = case("kinds of tiles", 1)
    auto = cs.price(activity, mapping, timing="auto", interconnect=True)
    found = cs.price(activity, mapping, timing="cycle", interconnect=True)
    assert np.array_equal(auto.latency_s, found.latency_s)
    assert not auto.timed.forced
    told = auto.interconnect
    assert told.packet_latency["across_dies"].packets > 0
    rows = auto.latency_s.size
    assert told.steps["packets"].size == rows
    assert told.steps["packets"].sum() == told.packet_latency["all"].packets
    assert "event by event" in " | ".join(auto.not_modelled)


def test_a_trace_names_the_ends_of_links(tmp_path) -> None:
    mapping, activity = case("kinds of tiles", 1)
    trace = TraceWriter(tmp_path / "trace.json", mapping, "cycle")
    trace.add(activity)
    trace.close()
    text = (tmp_path / "trace.json").read_text()
    json.loads(text)
    names = [link.name for link in mapping.package.links if link.spec.encoding]
    assert any(f"link {name}, encoder" in text for name in names)


@TIMINGS
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoding": {"spikes": {"kind": "spike_counts"}}}, "`spike_counts` come once"),
        (
            {"frame": {"payload": "100 bit", "total": "128 bit"}},
            "carries 100 bit, no whole number of flits of 16 bit",
        ),
    ],
)
def test_what_is_not_followed_is_said(timing: str, change: dict, says: str) -> None:
    mapping = one_boundary(4, **({"encoding": {"spikes": BITMAP}} | change))
    with pytest.raises(ConfigError, match=says):
        cs.price(spikes_of_inputs(np.zeros((1, 4), bool)), mapping, timing=timing)


def test_steps_that_run_freely_have_no_end() -> None:
    mapping = with_encoding(pair(2), **BITMAP)
    spec = mapping.package.spec.model_copy(update={"synchronisation": "free"})
    mapping = replace(mapping, package=replace(mapping.package, spec=spec))
    with pytest.raises(ConfigError, match="no step ends"):
        cs.price(all_at_once(mapping), mapping, timing="queue")


def test_messages_that_wait_in_a_ring_are_refused() -> None:
    """Three dies in a ring, each sends to the one after the next: each message waits for another.

    Without the far events nothing goes on behind a link, and all is well.
    """
    die = {
        "network": {
            "shape": [1, 1],
            "link": {"bandwidth": "8 Gb/s", "latency": "1 ns", "flit": "8 bit"},
        },
        "tiles": [{"at": "all", "tile": NEUROCORE}, {"at": "all", "tile": IO}],
    }
    link = {"bandwidth": "8 Gb/s", "latency": "1 ns", "flit": "8 bit"}
    package = package_of(
        chiplet_types={"die": die},
        chiplets={name: {"type": "die", "at": [n, 0]} for n, name in enumerate("abcde")},
        network={
            "topology": "torus",
            "shape": [5, 1],
            "link": link | {"encoding": {"spikes": BITMAP}},
        },
    )
    cores = [n for n, tile in enumerate(package.tiles) if tile.kind == "neurocore"]
    for hops, follows in ((1, True), (2, False)):
        populations, projections, slices = [], [], []
        for n in range(5):
            populations += [population(f"in{n}", (2,), "input"), population(f"out{n}", (1,))]
            projections.append(
                Projection(f"p{n}", f"in{n}", f"out{n}", Dense(np.ones((1, 2), np.float32)))
            )
            io, far = cores[n] + 1, cores[(n + hops) % 5]
            slices += [Slice(2 * n, ((0, 2),), io, io), Slice(2 * n + 1, ((0, 1),), far, far)]
        net = Network("ring", tuple(populations), tuple(projections), 1e-3)
        mapping = Mapping(net, package, tuple(slices), "by hand", 0)
        activity = random_activity(net, 1, 1, 1.0, 0)
        if follows:
            assert cs.price(activity, mapping, timing="cycle").latency_s[0, 0] > 0
            continue
        with pytest.raises(ConfigError, match="waits in a ring of such links") as error:
            cs.price(activity, mapping, timing="cycle")
        assert len(error.value.problems) == 1
