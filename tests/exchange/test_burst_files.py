"""Burst files: what is read from them, and what is refused."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipletsim.errors import ConfigError
from chipletsim.exchange.bursts.burst_file import read_burst
from chipletsim.noc.flit_network import NO_PEER

DATA = Path(__file__).parents[1] / "data"
SMALL = {
    "case": "three",
    "topology": {
        "n_routers": 3,
        "n_nodes": 4,
        "node_router": [0, 1, 2, 0],
        "ports": [
            [["node", 0], ["none", -1], ["router", 1], ["node", 3]],
            [["router", 2], ["router", 0], ["node", 1]],
            [["router", 1], ["node", 2]],
        ],
        "links": [
            {"src": 0, "dst": 1, "latency": 3, "interval": 2, "kind": "d2d"},
            {"src": 1, "dst": 0, "latency": 5, "interval": 4},
            {"src": 1, "dst": 2, "latency": 1, "interval": 1},
            {"src": 2, "dst": 1, "latency": 1, "interval": 1},
        ],
        "inject_latency": 1,
        "eject_latency": 2,
    },
    "routes": [[0, 1, 1, 0], [0, 1, 2, 0], [1, 1, 2, 1]],
    "router": {"num_vcs": 2, "vc_buf_size": 6, "routing_delay": 0, "vc_allocator": "islip"},
    "traffic": {
        "packets_src_dst_flits_t": [[3, 2, 2, 0], [0, 1, 1, 7], [3, 0, 1, 4], [0, 3, 5, 1]]
    },
}
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def small():
    return copy.deepcopy(SMALL)


def read(contents, folder):
    path = folder / "case.json"
    path.write_text(contents if isinstance(contents, str) else json.dumps(contents, indent=1))
    return read_burst(path)


def problems(contents, folder):
    with pytest.raises(ConfigError) as error:
        read(contents, folder)
    return error.value.problems


def way(flows, stop):
    """Ports that a flow to one node takes from a stop on."""
    ports = []
    while stop >= 0:
        port, stop, _ = flows.branch[flows.stop[stop]].tolist()
        ports.append(port)
    return tuple(ports)


def test_what_a_file_holds(small, tmp_path):
    file = read(small, tmp_path)
    network, flows, burst = file.job
    assert file.name == "three"
    assert file.recorded is None
    # First port, ticks of a cycle, cycles of route computation.
    assert network.router.tolist() == [[0, 1, 0], [4, 1, 0], [7, 1, 0]]
    # The other end; latency out + 1, latency in + 1, interval, room of the input.
    assert network.port.tolist() == [
        [-1, 3, 2, 1, 6],
        [NO_PEER, 1, 1, 1, 6],
        [5, 4, 6, 2, 6],
        [-4, 3, 2, 1, 6],
        [7, 2, 2, 1, 6],
        [2, 6, 4, 4, 6],
        [-2, 3, 2, 1, 6],
        [4, 2, 2, 1, 6],
        [-3, 3, 2, 1, 6],
    ]
    # Port, room, packets held, latency in, latency out + 1.
    assert network.node.tolist() == [[0, 6, 0, 1, 3], [6, 6, 0, 1, 3], [8, 6, 0, 1, 3],
                                     [3, 6, 0, 1, 3]]  # fmt: skip
    assert network.channels == 2
    # By source, those of a source as in the file.
    assert file.order.tolist() == [1, 3, 0, 2]
    assert burst.packet[:, [0, 2, 3]].tolist() == [[0, 1, 7], [0, 5, 1], [3, 2, 0], [3, 1, 4]]
    ways = {(source, way(flows, stop)) for source, stop, _ in flows.flow.tolist()}
    assert ways == {(0, (2, 2)), (0, (3,)), (3, (2, 0, 1)), (3, (0,))}
    assert set(flows.flow[:, 2]) == set(flows.branch[:, 2]) == {-1}
    assert file.outputs == (
        "router 0 > node 0", "", "router 0 > router 1", "router 0 > node 3", "router 1 > router 2",
        "router 1 > router 0", "router 1 > node 1", "router 2 > router 1", "router 2 > node 2",
    )  # fmt: skip


def test_routes_along_x_then_y(tmp_path):
    """On the mesh of 4 x 4 from (1, 0) to (3, 2): right, right, down, down."""
    made = json.loads((DATA / "booksim" / "mesh4_hot_k4_p1_v4.json").read_text())
    made["traffic"]["packets_src_dst_flits_t"] = [[1, 11, 1, 0]]
    del made["booksim"]
    file = read(made, tmp_path)
    branch = file.job.flows.branch
    assert branch[:, 0].tolist() == [0, 0, 2, 2, 4]
    assert branch[:, 1].tolist() == [1, 2, 3, 4, -1]
    assert file.job.flows.routers.tolist() == [5]


def test_a_packet_for_several_nodes_parts_where_ways_do(small, tmp_path):
    small["traffic"]["packets_src_dst_flits_t"] = [[0, [3, 2, 1], 2, 0], [3, 1, 1, 0]]
    flows = read(small, tmp_path).job.flows
    assert flows.deliveries.tolist() == [1, 3]
    assert flows.target.tolist() == [1, 3, 2, 1]
    assert flows.routers.tolist() == [2, 1, 3, 2]
    stops = flows.stop.tolist()
    root = flows.flow[1, 1]
    # At router 0 on by port 2 and out by port 3; at 1 on by port 0 and out by 2; at 2 out by 1.
    at = [flows.branch[stops[root + n] : stops[root + n + 1], :2].tolist() for n in range(3)]
    assert at == [[[2, root + 1], [3, -1]], [[0, root + 2], [2, -3]], [[1, -2]]]


def test_what_was_recorded(tmp_path):
    path = DATA / "booksim" / "mesh4_hot_k4_p1_v4.json"
    recorded = read_burst(path).recorded
    contents = json.loads(path.read_text())["booksim"]
    assert recorded.packets.tolist() == contents["packets_headinject_arrive_hops"]
    assert recorded.figures["mean_packet_latency"] == contents["mean_packet_latency"]
    assert "cpu_s" not in recorded.figures


# --- routes that are made ------------------------------------------------------------------


def up_down(ports, links, pairs):
    """One packet between each of some pairs, on routers with a node each."""
    routers = len(ports)
    return {
        **SMALL,
        "topology": {
            **SMALL["topology"],
            "n_routers": routers,
            "n_nodes": routers,
            "node_router": [*range(routers)],
            "ports": ports,
            "links": [{"src": a, "dst": b, "latency": 1, "interval": 1} for a, b in links],
        },
        "routes": "up-down",
        "traffic": {"packets_src_dst_flits_t": [[*pair, 1, 0] for pair in pairs]},
    }


def test_up_down_routes_go_down_where_that_leads_to_the_node(tmp_path):
    """0 has 1 and 2 below it, those 3 and 4, which have 5, and 4 also 6, 7 and 8, a chain from 5.

    From 3 to 8 goes down by 5, 6, 7; from 5 likewise, though 4 is nearer: what came from 3 may not
    go up there. From 8 to 3 all of 7, 6, 5 and 3 are up.
    """
    edges = [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5), (4, 6), (4, 7), (4, 8), (5, 6),
             (6, 7), (7, 8)]  # fmt: skip
    links = [(a, b) for pair in edges for a, b in (pair, pair[::-1])]
    ports = [[["node", r], *(["router", b] for a, b in links if a == r)] for r in range(9)]
    file = read(up_down(ports, links, [(3, 8), (5, 8), (8, 3), (4, 8)]), tmp_path)
    flows = file.job.flows
    routers = dict(zip(flows.flow[:, 0].tolist(), flows.routers.tolist(), strict=True))
    assert routers == {3: 5, 5: 4, 8: 5, 4: 2}


@given(seed=st.integers(0, 2**32 - 1))
@settings(QUICK, max_examples=30)
def test_up_down_routes_reach_every_node_and_close_no_cycle_of_links(seed, tmp_path):
    """Links that follow one another on some way, as a graph, have no cycle: none can be stuck.

    Nor does any way go up, to a router nearer to router 0, once it has come down.
    """
    draw = np.random.default_rng(seed)
    routers = int(draw.integers(2, 16))
    edges = {(int(draw.integers(r)), r) for r in range(1, routers)}
    for _ in range(int(draw.integers(8))):
        edges.add(tuple(sorted(draw.choice(routers, 2, replace=False).tolist())))
    links = [(a, b) for pair in sorted(edges) for a, b in (pair, pair[::-1])]
    ports = [[["node", r], *(["router", b] for a, b in links if a == r)] for r in range(routers)]
    pairs = [(s, d) for s in range(routers) for d in range(routers) if s != d]
    flows = read(up_down(ports, links, pairs), tmp_path).job.flows
    away = [0 if r == 0 else routers for r in range(routers)]
    for _ in range(routers):
        for a, b in links:
            away[b] = min(away[b], away[a] + 1)
    follows = {link: set() for link in links}
    for (source, stop, _), target in zip(flows.flow.tolist(), flows.target.tolist(), strict=True):
        router, before, down = source, None, False
        *onward, last = way(flows, stop)
        for port in onward:
            other = ports[router][port][1]
            assert not down or (away[router], router) < (away[other], other)
            down = (away[router], router) < (away[other], other)
            if before is not None:
                follows[before].add((router, other))
            router, before = other, (router, other)
        assert ports[router][last] == ["node", target]
    while ends := [link for link, after in follows.items() if not after]:
        for link in ends:
            del follows[link]
        for after in follows.values():
            after.difference_update(ends)
    assert not follows


def test_up_down_routes_take_the_shortest_way_on_a_tree(small, tmp_path):
    small["routes"] = "up-down"
    assert sorted(read(small, tmp_path).job.flows.routers.tolist()) == [1, 1, 2, 3]


# --- what is refused -----------------------------------------------------------------------


def change(contents, path, value):
    *way, last = path.split(".")
    for key in way:
        contents = contents[int(key) if isinstance(contents, list) else key]
    if value is ...:
        del contents[int(last) if isinstance(contents, list) else last]
    else:
        contents[int(last) if isinstance(contents, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value", "where", "says"),
    [
        ("topology", ..., "", "`topology` is missing"),
        ("topology", [1], "topology", "expected an object, got a list of 1"),
        ("topology.n_routers", 0, "topology.n_routers", "from 1 to 1,048,576, got 0"),
        ("topology.n_routers", 10**12, "topology.n_routers", "got 1000000000000"),
        ("topology.n_routers", 4, "topology.ports", "a list of 4 lists of ports, got 3"),
        ("topology.n_nodes", True, "topology.n_nodes", "got true"),
        ("topology.node_router.1", 3, "topology.node_router.1", "from 0 to 2, got 3"),
        ("topology.node_router.1", 0, "topology.ports.1.2", "to node 1, which is at router 0"),
        ("topology.ports.0.1", ["nothing", -1], "topology.ports.0.1", 'got "nothing"'),
        ("topology.ports.0.1", ["node", 4], "topology.ports.0.1.1", "from 0 to 3, got 4"),
        ("topology.ports.0.1", ["node", 0], "topology.ports.0", "it has 2"),
        ("topology.ports.1.2", ["none", -1], "topology.ports.1", 'one port ["node", 1], it has 0'),
        ("topology.ports.2.0", ["none", -1], "topology.links.2", 'router 2 has no port ["router"'),
        ("topology.ports.0.1", ["router", 1], "topology.ports.0.2", "has a second port to router"),
        ("topology.ports.0.1", ["router", 2], "topology.ports.0.1", "link from router 0 to router"),
        ("topology.ports.0", [["none", -1]] * 1025, "topology.ports.0", "at most 1,024"),
        ("topology.links.3", ..., "topology.ports.1.0", "a link from router 2 to router 1"),
        ("topology.links.0.latency", 0, "topology.links.0.latency", "got 0"),
        ("topology.links.0.interval", 1.5, "topology.links.0.interval", "got 1.5"),
        ("topology.links.0.dst", 0, "topology.links.0", "leads from router 0 to itself"),
        ("topology.links.1.src", 2, "topology.links.1", 'no port ["router", 0]'),
        ("topology.links.2.dst", 0, "topology.links.2", "is a second link from router 1 to"),
        ("topology.eject_latency", 0, "topology.eject_latency", "got 0"),
        ("routes", "YX", "routes", 'expected "XY", "up-down" or a table, got "YX"'),
        ("routes", "XY", "topology", "need `k`"),
        ("routes.0", [0, 1, 1], "routes.0", "expected a list of 4 numbers, got 3"),
        ("routes.0.2", 5, "routes.0.2", "from 0 to 2, got 5"),
        ("routes.0.2", 2, "routes.0.2", "from node 3 to node 2 go from router 0 to router 2, and"),
        ("routes.1.2", 0, "routes.0.2", "from node 3 to node 2 go round in a loop"),
        ("routes.1.2", 1, "routes.1.2", "end at router 1, but node 2 is at router 2"),
        ("routes.1.1", 2, "routes.1.1", "go on from router 1, where node 1 is, to router 2"),
        ("router.num_vcs", 63, "router.num_vcs", "from 1 to 62, got 63"),
        ("router.vc_buf_size", 0, "router.vc_buf_size", "got 0"),
        ("router.vc_buf_size", 2**20, "router", "at most 16,777,216 are supported"),
        ("router.routing_delay", -1, "router.routing_delay", "got -1"),
        ("router.routing_delay", None, "router.routing_delay", "got null"),
        ("router.vc_allocator", "max_size", "router.vc_allocator", 'only "islip" is supported'),
        ("router.input_speedup", 2, "router.input_speedup", "only 1 is supported, got 2"),
        ("router.speculative", 1, "router.speculative", "only 0 is supported, got 1"),
        ("router.credit_delay", 2, "router.credit_delay", "only 0 is supported, got 2"),
        ("router.priority", "age", "router.priority", "is no parameter that is supported; there"),
        ("router.alloc_iter", 2, "router.alloc_iter", "did you mean `alloc_iters`?"),
        ("traffic.packets_src_dst_flits_t", [], "traffic.packets_src_dst_flits_t", "at least one"),
        ("traffic.packets_src_dst_flits_t.1.0", 4, ".1.0", "from 0 to 3, got 4"),
        ("traffic.packets_src_dst_flits_t.1.2", 0, ".1.2", "from 1 to 16,777,216, got 0"),
        ("traffic.packets_src_dst_flits_t.1.3", -1, ".1.3", "got -1"),
        ("traffic.packets_src_dst_flits_t.1", [0, 1, 1], ".1", "a list of 4 numbers, got 3"),
        ("traffic.packets_src_dst_flits_t.1.1", [], ".1.1", "at least one destination"),
        ("traffic.packets_src_dst_flits_t.1.1", [1, 1], ".1.1", "names a destination twice"),
        ("traffic.packets_src_dst_flits_t.1.1", [1, 9], ".1.1.1", "from 0 to 3, got 9"),
        ("booksim", {"packets_headinject_arrive_hops": [[0, 1, 2]]}, "hops", "4 packets, got 1"),
        ("booksim", {"makespan": "12"}, "booksim.makespan", 'expected a number, got "12"'),
    ],
)  # fmt: skip
def test_faults_name_their_place_and_what_was_expected(path, value, where, says, small, tmp_path):
    change(small, path, value)
    found = problems(small, tmp_path)
    assert any(each.path.endswith(where) and says in each.message for each in found), found
    assert all(each.line is not None for each in found)


@pytest.mark.parametrize(
    ("section", "key", "typed"),
    [
        ("router", "num_vcs", "num_vc"),
        ("topology", "node_router", "node_routers"),
        ("traffic", "packets_src_dst_flits_t", "packets_src_dst_flits"),
    ],
)
def test_a_misspelt_key_is_named(section, key, typed, small, tmp_path):
    small[section][typed] = small[section].pop(key)
    (found,) = problems(small, tmp_path)
    assert found.message == f'`{key}` is missing; is "{typed}" meant to be it?'
    assert found.path == section


def test_all_faults_come_at_once_with_line_and_column(small, tmp_path):
    small["topology"]["links"][0]["latency"] = -2
    small["router"]["num_vcs"] = 0
    small["traffic"]["packets_src_dst_flits_t"] = 3
    found = problems(small, tmp_path)
    assert len(found) == 2  # packets are looked at once the nodes are known
    small["topology"]["links"][0]["latency"] = 3
    found = problems(small, tmp_path)
    assert [each.path for each in found] == ["router.num_vcs", "traffic.packets_src_dst_flits_t"]
    lines = (tmp_path / "case.json").read_text().splitlines()
    for each, text in zip(found, ('"num_vcs": 0', "flits_t"), strict=True):
        assert text in lines[each.line - 1]
        assert lines[each.line - 1][each.column - 1 :].rstrip(",") in {"0", "3"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON: Expecting value"),
        ("[1, 2]", "expected a JSON object, got a list of 2"),
        ('{"case": 1, "case": 2}', 'key "case" is given twice'),
        ('{"case": NaN}', "NaN is no number of JSON"),
        ('{"case": 1,}', "is not JSON"),
        ('{"case": ' + "[" * 100_000, "nested too deeply"),
        ('{"case": ' + "9" * 5_000 + "}", "5000 digits"),
        ("\udcff", "is not UTF-8 text"),
    ],
)
def test_text_that_is_no_burst(text, says, tmp_path):
    path = tmp_path / "case.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as error:
        read_burst(path)
    assert says in str(error.value)


def test_no_file_or_a_folder(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        read_burst(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="is not a file"):
        read_burst(tmp_path)


def places(value, at=()):
    """Every place in a tree but its root."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*at, key)
        if isinstance(child, dict | list):
            yield from places(child, (*at, key))


ODD = [
    None,
    True,
    -1,
    0,
    1,
    3,
    2**40,
    2**63,
    10**30,
    1.5,
    "x",
    "XY",
    [],
    [[]],
    {},
    ["node", 0],
    ...,
]


@given(place=st.sampled_from(sorted(places(SMALL), key=str)), value=st.sampled_from(ODD))
@settings(QUICK, max_examples=150)
def test_any_change_gives_a_burst_or_problems(place, value, tmp_path):
    made = copy.deepcopy(SMALL)
    change(made, ".".join(map(str, place)), value)
    try:
        packets = len(read(made, tmp_path).order)
    except ConfigError as error:
        packets = len(error.problems)
    assert packets >= 1
