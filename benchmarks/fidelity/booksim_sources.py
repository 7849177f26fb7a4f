"""BookSim 2's packets where some have to wait for their router: draws while the network runs.

A node draws when no packet of its own is under way, so that the order of draws depends on who
waits. The plain form of timing `cycle` (`chipletsim.noc.flit_steps`) runs a cycle, then nodes draw.
"""

from __future__ import annotations

import numpy as np

from benchmarks.fidelity.booksim_draws import Draws
from chipletsim.noc.burst_steps import Tally
from chipletsim.noc.flit_network import Burst, Job
from chipletsim.noc.flit_steps import _Run

_NEVER = 1 << 40


def draw_while_running(empty: Job, draws: Draws, cycles: int) -> np.ndarray:
    """Return the packets that BookSim draws.

    Args:
        empty: A mesh with flows between all nodes, from s to d number ``s * nodes + d``.
        draws: What is drawn.
        cycles: For which they are drawn.

    Returns:
        int64 [packets, 3]: source, destination, cycle in which each was made.
    """
    nodes = len(draws.choices)
    most = round(1.3 * cycles * draws.chance) + 60  # packets of a node
    row = np.zeros((nodes * most, 6), np.int64)
    row[:, 0] = np.repeat(np.arange(nodes), most)
    row[:, 1] = row[:, 0] * nodes
    row[:, 2], row[:, 3] = draws.flits, _NEVER
    job = Job(empty.network, empty.flows, Burst(row, row[:, 5]))
    run = _Run(job, Tally(job.network, 0, 1))
    made = [0] * nodes
    for now in range(cycles):
        for node in range(nodes):
            if run._nodes[node].gone < made[node]:
                continue
            packet = draws.next_packet(node, now)
            if packet is not None:
                at = node * most + made[node]
                target, row[at, 3] = packet
                row[at, 1] = node * nodes + target
                made[node] += 1
        run._tick(now)
    drawn = row[row[:, 3] < _NEVER]
    return np.stack([drawn[:, 0], drawn[:, 1] % nodes, drawn[:, 3]], axis=1)
