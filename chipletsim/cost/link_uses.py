"""What links did beside sending full frames, as the models of packets have it, and its energy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.cost.conservation import ConservationError
from chipletsim.cost.program import Counted
from chipletsim.cost.row_times import PortSums
from chipletsim.package.model import Package


class LinkUses(NamedTuple):
    """What links did in a run, and what that adds to energies that take frames as full.

    Attributes:
        padding_bits: int64 [links], bits of frames beyond those of the fewest frames that hold the
            packets of each hardware step: ``frames sent x bits of a frame - wire bits``; below 0
            where steps that run freely share frames.
        padding_j: float64 [links], energy of these bits, retransmissions included.
        asleep_s: float64 [links], seconds asleep.
        saved_j: float64 [links], static energy that is not drawn meanwhile:
            ``(static power - power asleep) x seconds asleep``.
    """

    padding_bits: np.ndarray
    padding_j: np.ndarray
    asleep_s: np.ndarray
    saved_j: np.ndarray


def link_uses(package: Package, counted: Counted, sums: PortSums) -> LinkUses:
    """Return what links did on a package.

    A frame that leaves before it is full costs as much as a full one. Links are awake in the
    barriers that end steps, and at the start of each step; being woken takes full power.

    Args:
        package: The package.
        counted: Totals of the run, with the fewest frames of each hardware step.
        sums: What the links did in all steps.

    Raises:
        ConservationError: Fewer frames were sent than hold the packets, which is a fault of
            chipletsim.
    """
    specs = [link.spec for link in package.links]
    frame_bits = np.array([x.frame.total_bits if x.frame else 0 for x in specs], np.int64)
    padding_bits = np.where(frame_bits > 0, sums.frames * frame_bits - counted.wire_bits[:, 0], 0)
    payload_bits = np.array([x.frame.payload_bits if x.frame else 0 for x in specs], np.int64)
    room_bits = np.where(frame_bits > 0, sums.frames * payload_bits - counted.link_bits[:, 0], 0)
    least_bits = room_bits if package.spec.runs_freely else padding_bits
    if least_bits.min(initial=0) < 0:
        name = package.links[int(least_bits.argmin())].name
        raise ConservationError(
            "counts do not add up, which is a fault of chipletsim: fewer frames were sent over"
            f" {name} than hold its packets"
        )
    asleep_s = sums.asleep * sums.tick_s
    saved_w = [x.static_power_w - x.sleep.power_w if x.sleep else 0.0 for x in specs]
    energy_j_per_bit = np.array([x.expected_energy_j_per_bit for x in specs], float)
    return LinkUses(
        padding_bits.astype(np.int64),
        padding_bits * energy_j_per_bit,
        asleep_s,
        np.array(saved_w, float) * asleep_s,
    )
