"""Burst files for tests: recorded ones, and networks that are drawn at random."""

import json
from pathlib import Path

import numpy as np

from chipletsim.exchange.bursts.burst_file import BurstFile, read_burst
from chipletsim.noc.flit_network import Burst, Job

DATA = Path(__file__).parents[1] / "data"
KEPT = sorted([*(DATA / "booksim").glob("*.json"), *(DATA / "noc").glob("*.json")])
REFERENCES = Path(__file__).parents[3] / "shared" / "references" / "noc" / "burst"


def line_of_routers(
    routers: int,
    packets: list[list],
    *,
    latency: int = 1,
    interval: int = 1,
    channels: int = 1,
    buffer: int = 8,
    routing_delay: int = 1,
    nodes_at_first: int = 1,
) -> dict:
    """A line of routers with a node at each; at router 0 some, numbered on behind the others."""
    node_router = [*range(routers), *[0] * (nodes_at_first - 1)]
    pairs = [(r, q) for r in range(routers) for q in (r - 1, r + 1) if 0 <= q < routers]
    links = [{"src": r, "dst": q, "latency": latency, "interval": interval} for r, q in pairs]
    return document(routers, node_router, links, packets, channels, buffer, routing_delay)


def document(
    routers: int,
    node_router: list[int],
    links: list[dict],
    packets: list[list],
    channels: int,
    buffer: int,
    routing_delay: int,
    routes: object = "up-down",
) -> dict:
    ports = [
        [["node", d] for d, at in enumerate(node_router) if at == r]
        + [["router", link["dst"]] for link in links if link["src"] == r]
        for r in range(routers)
    ]
    return {
        "case": "made",
        "topology": {
            "n_routers": routers,
            "n_nodes": len(node_router),
            "node_router": node_router,
            "ports": ports,
            "links": links,
            "inject_latency": 1,
            "eject_latency": 1,
        },
        "routes": routes,
        "router": {"num_vcs": channels, "vc_buf_size": buffer, "routing_delay": routing_delay},
        "traffic": {"packets_src_dst_flits_t": packets},
    }


def random_document(
    seed: int, *, packets: int, flits: int, latest: int = 0, slow: bool = True, buffer: int = 0
) -> dict:
    """An irregular network of 6 routers and 8 nodes, with links of any latency and rate."""
    draw = np.random.default_rng(seed)
    edges = {(int(draw.integers(r)), r) for r in range(1, 6)}
    while len(edges) < 7:
        edges.add(tuple(sorted(draw.choice(6, 2, replace=False).tolist())))
    links = [
        {
            "src": a,
            "dst": b,
            "latency": int(draw.integers(1, 6)),
            "interval": int(draw.choice([1, 2, 4])) if slow else 1,
        }
        for pair in sorted(edges)
        for a, b in (pair, pair[::-1])
    ]
    rows = [
        [*draw.integers(8, size=2).tolist(), int(draw.integers(1, flits + 1)),
         int(draw.integers(latest + 1))]
        for _ in range(packets)
    ]  # fmt: skip
    found = document(
        6,
        [*range(6), *draw.integers(6, size=2).tolist()],
        links,
        rows,
        int(draw.integers(1, 5)),
        buffer or int(draw.integers(1, 7)),
        int(draw.integers(0, 3)),
    )
    for ports in found["topology"]["ports"]:
        ports.append(["none", -1])
        ports[:] = [ports[k] for k in draw.permutation(len(ports))]
    return found


def read(contents: dict, folder: Path) -> BurstFile:
    path = folder / "burst.json"
    path.write_text(json.dumps(contents))
    return read_burst(path)


def one_by_one(job: Job) -> list[Job]:
    """Each packet of a burst, of one destination each, as a burst of its own."""
    burst = job.burst
    return [
        Job(job.network, job.flows, Burst(burst.packet[n : n + 1], burst.processing[n : n + 1]))
        for n in range(len(burst.packet))
    ]
