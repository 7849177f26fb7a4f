"""Random networks of routers and bursts on them, small enough to be followed in plain Python."""

from collections import deque
from typing import NamedTuple

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.noc.flit_network import (
    ALL_CHANNELS,
    NO_PEER,
    NOWHERE,
    OWN_NODE,
    Burst,
    FlitNetwork,
    Flows,
    Job,
    delivery_nodes,
    delivery_starts,
)
from chipletsim.noc.job_checks import check_jobs


class Features(NamedTuple):
    """What a random case has beyond routers with virtual channels, credits and one clock."""

    clocks: bool = False
    masks: bool = False
    forks: bool = False
    kinds: bool = False
    work: bool = False  # of nodes: generation, queues, processors, processing, own packets
    steps: bool = False
    frames: bool = False
    sleep: bool = False
    shortest: bool = False  # routes may deadlock
    answers: bool = False  # to deliveries; some may wait for one another


def edges_of(rng: np.random.Generator) -> tuple[int, list[tuple[int, int]]]:
    """Return the routers and edges of a ring, a mesh, a star or a random connected graph."""
    kind = rng.integers(4)
    size = int(rng.integers(2, 7))
    if kind == 0:
        return size, sorted({tuple(sorted((r, (r + 1) % size))) for r in range(size)})
    if kind == 1:
        rows = int(rng.integers(1, 4))
        right = [(r, r + 1) for r in range(3 * rows) if r % 3 < 2]
        return 3 * rows, right + [(r, r + 3) for r in range(3 * rows - 3)]
    if kind == 2:
        return size, [(0, r) for r in range(1, size)]
    tree = {(int(rng.integers(r)), r) for r in range(1, size)}
    pairs = [(a, b) for b in range(size) for a in range(b)]
    more = {pairs[k] for k in rng.integers(len(pairs), size=2)}
    return size, sorted(tree | more)


def random_paths(edges, size: int, source: int, shortest: bool) -> dict[int, list[int]]:
    """Return the routers on the way to each router; up and then down unless the shortest."""
    neighbours = [[] for _ in range(size)]
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    found, waiting = {}, deque([(source, True, [source])])
    seen = set()
    while waiting:
        at, may_rise, path = waiting.popleft()
        if (at, may_rise) in seen:
            continue
        seen.add((at, may_rise))
        found.setdefault(at, path)
        for to in neighbours[at]:
            if shortest:
                waiting.append((to, True, [*path, to]))
            elif to > at:
                waiting.append((to, False, [*path, to]))
            elif may_rise:
                waiting.append((to, True, [*path, to]))
    return found


def random_network(rng: np.random.Generator, features: Features):
    """Return a network, its edges, its port to each neighbour and node, and each node's router."""
    size, edges = edges_of(rng)
    home = rng.integers(size, size=int(rng.integers(2, 8))).tolist()
    ends = [[("node", d) for d, r in enumerate(home) if r == router] for router in range(size)]
    for a, b in edges:
        ends[a].append(("router", b))
        ends[b].append(("router", a))
    for each in ends:
        if rng.random() < 0.3 or not each:
            each.append(("none", 0))
        rng.shuffle(each)
    first = np.cumsum([0] + [len(each) for each in ends])
    where = {
        (router, *(what, int(number))): place
        for router, each in enumerate(ends)
        for place, (what, number) in enumerate(each)
    }
    cycles = rng.choice([[1], [2, 4], [4, 6], [3, 5], [12, 8, 16]][int(rng.integers(5))], size)
    cycle = np.asarray(cycles if features.clocks else np.full(size, 1 + 6 * rng.integers(2)))
    router = np.stack([first[:-1], cycle, rng.integers(0, 4, size)], axis=1).astype(np.int64)
    some = int(cycle.max())
    port = []
    for number, each in enumerate(ends):
        for what, to in each:
            peer = {"none": NO_PEER, "node": -1 - int(to)}.get(what)
            if peer is None:
                peer = first[int(to)] + where[int(to), "router", number]
            forward, interval = rng.integers(0, 5 * some), rng.integers(1, 4 * some)
            back = rng.integers(1, 4 * some)
            buffer = rng.integers(1, 6)
            port.append([peer, forward, back, interval, buffer])
    port = np.array(port, np.int64)
    node = np.array(
        [
            [
                first[r] + where[r, "node", d],
                rng.integers(1, 5),
                rng.integers(0, 4) if features.work else 0,
                rng.integers(0, 3 * some),
                cycle[r] + rng.integers(0, 2 * some),
            ]
            for d, r in enumerate(home)
        ],
        np.int64,
    )
    channels = int(rng.choice([1, 1, 2, 3, 5]))
    kinds = int(rng.integers(1, 4)) if features.kinds else 1
    intervals = rng.integers(1, 4 * some, (len(port), kinds)) if features.kinds else None
    bits = rng.integers(5, 20, (len(port), kinds)) if features.frames else None
    links = None
    if features.frames or features.sleep:
        links = np.tile(np.array([0, 0, 0, -1, 0], np.int64), (len(port), 1))
        if features.frames:
            framed = (rng.random(len(port)) < 0.6) & (
                port[:, 0] >= (0 if rng.random() < 0.8 else -9)
            )
            links[framed, 0] = rng.integers(10, 80, framed.sum())  # or less than a flit
            links[framed, 1] = rng.integers(0, 6 * some, framed.sum())
            links[framed, 2] = rng.integers(0, 6 * some, framed.sum())
        if features.sleep:
            sleeps = rng.random(len(port)) < 0.6
            links[sleeps, 3] = rng.integers(0, 8 * some, sleeps.sum())
            links[sleeps, 4] = rng.integers(0, 6 * some, sleeps.sum())
    processors = rng.integers(1, 3, len(home)) if features.work else None
    network = FlitNetwork(router, port, node, channels, None, intervals, bits, links, processors)
    return network, edges, where, home


class Ways:
    """Stops and branches of flows, as they are added."""

    def __init__(self, rng, where, home, channels: int, masks: bool) -> None:
        self._rng, self._where, self._home = rng, where, home
        self._channels, self._masks = channels, masks
        self.stops: list[list[list[int]]] = []
        self.targets: list[int] = []
        self.routers: list[int] = []

    def mask(self) -> int:
        if not self._masks or self._rng.random() < 0.4:
            return ALL_CHANNELS
        return int(self._rng.integers(1, 1 << self._channels))

    def add(self, router: int, pending: list[tuple[int, list[int]]], first: int) -> int:
        """Add the stop at a router for nodes and what is left of the ways to them."""
        stop = len(self.stops)
        self.stops.append([])
        parts: dict[int, list[list[tuple[int, list[int]]]]] = {}
        for node, path in pending:
            if path:
                groups = parts.setdefault(self._where[router, "router", path[0]], [[]])
                if self._rng.random() < 0.15 and groups[-1]:
                    groups.append([])
                groups[-1].append((node, path))
            else:
                parts.setdefault(self._where[router, "node", node], []).append([(node, [])])
        for port in sorted(parts):
            for group in parts[port]:
                node, path = group[0]
                if path:
                    behind = [(node, path[1:]) for node, path in group]
                    following = self.add(path[0], behind, first)
                else:
                    following = -1 - (len(self.targets) - first)
                    self.targets.append(node)
                self.stops[stop].append([port, following, self.mask()])
        return stop


def random_flows(rng, network, edges, where, home, features: Features) -> Flows:
    ways = Ways(rng, where, home, network.channels, features.masks)
    rows, deliveries = [], []
    for source, router in enumerate(home):
        paths = random_paths(edges, len(network.router), router, features.shortest)
        for _ in range(3):
            copies = int(rng.integers(1, 5)) if features.forks else 1
            nodes = rng.integers(len(home), size=copies).tolist()
            before = len(ways.targets)
            root = ways.add(router, [(d, paths[home[d]][1:]) for d in nodes], before)
            rows.append([source, root, ways.mask()])
            deliveries.append(copies)
            ways.routers += [len(paths[home[d]]) for d in ways.targets[before:]]
    branch = [each for stop in ways.stops for each in stop]
    stop = np.cumsum([0] + [len(each) for each in ways.stops])
    return Flows(
        stop.astype(np.int64),
        np.array(branch, np.int64),
        np.array(rows, np.int64),
        np.array(deliveries, np.int64),
        np.array(ways.targets, np.int64),
        np.array(ways.routers, np.int64),
    )


def random_burst(rng, network: FlitNetwork, flows: Flows, features: Features) -> Burst:
    nodes, some = len(network.node), int(network.router[:, 1].max())
    steps = int(rng.integers(1, 4)) if features.steps else 0
    late = int(rng.choice([1, 10, 60]))
    rows = []
    for source in range(nodes):
        own = np.flatnonzero(flows.flow[:, 0] == source)
        count = int(rng.integers(0, 12))
        step = np.sort(rng.integers(0, max(steps, 1), count))
        for number in range(count):
            flow = int(rng.choice(own))
            if features.work and rng.random() < 0.3:
                flow = int(rng.choice([NOWHERE, OWN_NODE]))
            generation = int(rng.integers(0, 5 * some)) if features.work else 0
            flits = int(rng.choice([1, 1, 2, 4, 7]))
            ready = int(rng.integers(late) * some // 2)
            rows.append([source, flow, flits, ready, generation, step[number]])
    packet = np.array(rows, np.int64).reshape(-1, 6)
    burst = Burst(packet, np.zeros(0, np.int64), steps)
    work = delivery_starts(flows, burst)[-1]
    processing = rng.integers(0, 5 * some if features.work else 1, work)
    kind = None
    if features.kinds:
        kind = rng.integers(0, network.intervals.shape[1], len(packet))
    after = random_answers(rng, flows, burst) if features.answers else None
    return Burst(packet, processing, steps, kind, after)


def random_answers(rng, flows: Flows, burst: Burst) -> np.ndarray:
    """Return which delivery to its node each packet answers, most of them none."""
    nodes = delivery_nodes(flows, burst)
    after = np.full(len(burst.packet), -1)
    for packet, source in enumerate(burst.packet[:, 0].tolist()):
        came = np.flatnonzero(nodes == source)
        if came.size and rng.random() < 0.4:
            after[packet] = rng.choice(came)
    return after


def random_job(seed: int, features: Features) -> Job:
    """Return a burst on a network of its own."""
    rng = np.random.default_rng(seed)
    network, edges, where, home = random_network(rng, features)
    flows = random_flows(rng, network, edges, where, home, features)
    return fitting(Job(network, flows, random_burst(rng, network, flows, features)))


def fitting(job: Job) -> Job:
    """Return a job whose packets are of one flit if longer ones may not be copied."""
    try:
        check_jobs([job])
    except UsageError as error:
        if "copied" not in str(error):
            raise
        packet = job.burst.packet.copy()
        packet[:, 2] = 1
        return job._replace(burst=job.burst._replace(packet=packet))
    return job
