"""The bound against its definition, and against schedules that really move flits."""

import heapq
from math import ceil

import jax
import numpy as np
import pytest

from chipletsim.errors import UsageError
from chipletsim.noc import TIMING_MODELS, timing_model
from chipletsim.noc.bound import class_routes
from chipletsim.noc.routes import links_on_routes, route_tables
from chipletsim.noc.traffic import NetworkTimes, RowTraffic
from chipletsim.package.build import build_package
from chipletsim.spec.package import PackageSpec

pytestmark = pytest.mark.usefixtures("quick_programs")

NS = 1e-9


def package_of(
    shape, topology="mesh", flit="64 bit", latency="4 ns", bandwidth="32 Gb/s", router="1 ns"
):
    link = {"bandwidth": bandwidth, "latency": latency, "flit": flit}
    tile = {
        "kind": "io",
        "neurons": 8,
        "energy_per_input": "1 pJ/packet",
        "energy_per_output": "1 pJ/packet",
        "event_rate": "1 Gpacket/s",
    }
    network = {"topology": topology, "shape": shape, "link": link, "router": {"latency": router}}
    die = {"network": network, "tiles": [{"tile": tile}]}
    return build_package(
        PackageSpec.model_validate(
            {
                "name": "noc",
                "packet": {"header": "8 bit", "address": "32 bit"},
                "chiplet_types": {"die": die},
                "chiplets": {"die": {"type": "die"}},
                "virtual_channels": 4,
            }
        )
    )


def times_of(package, barrier_s=0.0):
    specs = [link.spec for link in package.links]
    return NetworkTimes(
        np.array([spec.bandwidth_bit_per_s for spec in specs]),
        np.array([spec.latency_s for spec in specs]),
        np.array([spec.flit_bits for spec in specs]),
        np.array([router.spec.latency_s for router in package.routers]),
        np.float64(barrier_s),
    )


def bound_of(package, messages, *, used=None, busy_s=None, barrier_s=0.0):
    """Return RowTiming of one row of messages (source, target, bits)."""
    return bound_of_rows(package, [messages], used, busy_s, barrier_s)


def bound_of_rows(package, rows, used=None, busy_s=None, barrier_s=0.0):
    """Return RowTiming of rows of messages, each message a class of its own.

    Args:
        used: Routes of the mapping that carry nothing: (source, target).
    """
    pairs = [pair[:2] for row in rows for pair in row] + list(used or [])
    sources, targets = np.array(pairs, np.int64).reshape(-1, 2).T
    routes = route_tables(package, np.arange(len(pairs)), sources, targets)
    flit = times_of(package).link_flit_bits
    wire = np.zeros((len(package.links), len(rows)), np.int64)
    events = np.zeros((len(pairs), len(rows)), np.int64)
    message = 0
    for number, row in enumerate(rows):
        for source, target, bits in row:
            events[message, number] = 1
            message += 1
            for link in package.route(source, target):
                wire[link, number] += -(-bits // flit[link]) * flit[link]
    busy = np.zeros((len(package.tiles), len(rows)))
    if busy_s is not None:
        busy[:, 0] = busy_s
    with jax.enable_x64(True):
        model, times = jax.jit(timing_model("bound")), times_of(package, barrier_s)
        route_s = np.asarray(class_routes(times, routes, len(pairs)))
        longest = np.where(events > 0, route_s[:, None], 0.0).max(axis=0, initial=0.0)
        timing = model(RowTraffic(longest, wire, busy), times, routes)
    return jax.tree.map(np.asarray, timing)


def schedule_s(package, messages):
    """Move every flit of every packet, first come first served, and return the end.

    A link sends one flit after another, without gaps where flits wait. A flit is on its
    way for the time of the link and of the router behind it, and goes on once it has
    arrived whole. Routers have room for everything.
    """
    specs = [link.spec for link in package.links]
    routers = [router.spec.latency_s for router in package.routers]
    queue, order, end = [], 0, 0.0
    free = np.zeros(len(specs))
    for source, target, bits in messages:
        route = package.route(source, target)
        flits = ceil(bits / specs[0].flit_bits)
        end = max(end, routers[source])
        for _ in range(flits):
            heapq.heappush(queue, (routers[source], order, route))
            order += 1
    while queue:
        now, number, route = heapq.heappop(queue)
        if not route:
            end = max(end, now)
            continue
        link = route[0]
        start = max(now, free[link])
        free[link] = start + specs[link].flit_bits / specs[link].bandwidth_bit_per_s
        arrived = free[link] + specs[link].latency_s + routers[package.links[link].target]
        heapq.heappush(queue, (arrived, number, route[1:]))
    return end


def test_one_packet_over_one_link():
    """1 ns router + 64 bit / 32 Gbit/s + 4 ns link + 1 ns router = 8 ns."""
    package = package_of([2, 1])
    timing = bound_of(package, [(0, 1, 40)])
    assert timing.latency_s[0] == pytest.approx(8 * NS, rel=1e-12, abs=0)


def test_two_packets_share_a_link():
    """The second waits 2 ns for the first: 10 ns, and the link is what bounds."""
    package = package_of([2, 1])
    timing = bound_of(package, [(0, 1, 40), (0, 1, 40)])
    assert timing.latency_s[0] == pytest.approx(10 * NS, rel=1e-12, abs=0)
    assert timing.resource[0] == len(package.tiles) + package.route(0, 1)[0]


def test_path_of_three_hops_and_what_follows_a_busy_link():
    """Three hops take 1 + 3 x 7 ns; ten packets over the middle link add 9 x 2 ns."""
    package = package_of([4, 1])
    one = bound_of(package, [(0, 3, 40)])
    assert one.latency_s[0] == pytest.approx(22 * NS, rel=1e-12, abs=0)
    ten = bound_of(package, [(0, 3, 40)] * 10)
    assert ten.latency_s[0] == pytest.approx(40 * NS, rel=1e-12, abs=0)


def test_routes_without_events_do_not_bound():
    package = package_of([4, 1])
    timing = bound_of(package, [(0, 1, 40)], used=[(0, 3)])
    assert timing.latency_s[0] == pytest.approx(8 * NS, rel=1e-12, abs=0)


def test_tile_route_link_and_barrier_are_named():
    package = package_of([2, 1])
    tiles, links = len(package.tiles), len(package.links)
    slow = bound_of(package, [(0, 1, 40)], busy_s=[0.0, 1e-6], barrier_s=5 * NS)
    assert slow.resource[0] == 1
    assert slow.latency_s[0] == pytest.approx(1e-6 + 5 * NS, rel=1e-12, abs=0)
    idle = bound_of(package, [], used=[(0, 1)], barrier_s=5 * NS)
    assert idle.resource[0] == tiles + links + 1
    assert idle.latency_s[0] == pytest.approx(5 * NS, rel=1e-12, abs=0)
    inside = bound_of(package, [(0, 0, 40)])
    assert inside.resource[0] == tiles + links
    assert inside.latency_s[0] == pytest.approx(1 * NS, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("topology", "shape"), [("mesh", [3, 3]), ("torus", [4, 2]), ("ring", [5])]
)
def test_no_schedule_undercuts_the_bound(topology, shape):
    rng = np.random.default_rng(len(shape) + shape[0])
    package = package_of(shape, topology, flit="16 bit", latency=f"{rng.integers(0, 9)} ns")
    count = len(package.routers)
    rows = [
        [
            (int(rng.integers(count)), int(rng.integers(count)), int(rng.integers(1, 200)))
            for _ in range(int(rng.integers(1, 40)))
        ]
        for _ in range(30)
    ]
    least = bound_of_rows(package, rows).latency_s
    taken = np.array([schedule_s(package, row) for row in rows])
    assert (least <= taken * (1 + 1e-12)).all()
    assert (taken < 5 * least).mean() > 0.5


@pytest.mark.parametrize("seed", range(2))
def test_bound_equals_its_definition(seed):
    """Loops over links and routes, as the docstring has it."""
    rng = np.random.default_rng(seed)
    package = package_of([3, 3])
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, 9, (12, 2))]
    messages = [(*pair, int(rng.integers(1, 300))) for pair in pairs[:7]]
    times = times_of(package)
    hop = times.link_flit_bits / times.link_bandwidth_bit_per_s + times.link_latency_s + 1 * NS

    def along(route):
        return 1 * NS + sum(hop[link] for link in route)

    wire = np.zeros(len(package.links))
    for source, target, bits in messages:
        for link in package.route(source, target):
            wire[link] += -(-bits // 64) * 64
    worst = max(along(package.route(a, b)) for a, b, _ in messages)
    for link in np.flatnonzero(wire):
        using = [package.route(a, b) for a, b in pairs if link in package.route(a, b)]
        first = min(along(route[: route.index(link)]) for route in using)
        rest = min(along(route[route.index(link) + 1 :]) - 1 * NS for route in using)
        serial = wire[link] / times.link_bandwidth_bit_per_s[link]
        worst = max(worst, first + serial + times.link_latency_s[link] + 1 * NS + rest)
    found = bound_of(package, messages, used=pairs[7:]).latency_s[0]
    assert found == pytest.approx(worst, rel=1e-12, abs=0)


def test_links_on_routes_are_those_of_the_package():
    package = package_of([4, 3], "torus")
    count = len(package.routers)
    sources, targets = (grid.ravel() for grid in np.mgrid[:count, :count])
    route, link = links_on_routes(package, sources, targets)
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        assert sorted(link[route == number]) == sorted(package.route(source, target))


def test_models_have_names_and_unknown_ones_are_refused():
    assert "bound" in TIMING_MODELS
    assert callable(timing_model("bound"))
    with pytest.raises(UsageError, match="bound"):
        timing_model("clairvoyant")
