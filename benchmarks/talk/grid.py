"""The versions of all models over the whole grid of codings, rates, steps, dies and links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.talk.amounts import Amounts, amounts_of, package_of
from benchmarks.talk.costs import ENCODINGS, Cost, Versions, masked_bits
from benchmarks.talk.prices import LINKS, LOIHI, Prices, ideal_core, prices_of, with_link
from chipletsim.codecs import fair_bits
from chipletsim.errors import InfeasibleError
from chipletsim.models import build_model

STEPS = (1, 4, 8, 16)
RATES = (0.01, 0.02, 0.05, 0.1, 0.2)
MODELS = ("resnet18", "resnet50", "efficientnet_b0", "efficientnet_b4", "rwkv4_169m", "rwkv4_1b5")
QUICK_MODELS = ("resnet18", "rwkv4_169m")
DIES = (2, 4, 16, 64)
QUICK_DIES = (4, 16)
FAIR, PACKETS = "fair, zeros masked", "packet per value"
WIDTHS = ("1 bit", "4 bit", "8 bit", "16 bit", "32 bit", FAIR, PACKETS)
"""How values are sent by the dense version, and inside dies by the hybrid one beside it."""
IDEAL, LOIHI_CORES, IN_STEPS = SPIKING = (
    "ideal event cores", "Loihi 1 cores", "dense cores in steps",
)  # fmt: skip
"""What the all-spiking version runs on."""


@dataclass(frozen=True, eq=False)
class Case:
    """A model on a package.

    Axes are quantities (energy in J, latency in s), widths of values or kinds of cores, steps,
    rates, and encodings across boundaries.

    Attributes:
        model: Its name.
        dies: Number of dies.
        link: A key of `LINKS`.
        hybrid: float64 [2, widths, steps, rates, encodings].
        dense: float64 [2, widths, steps, rates].
        spiking: float64 [2, kinds of cores, steps, rates], each at its best encoding.
    """

    model: str
    dies: int
    link: str
    hybrid: np.ndarray
    dense: np.ndarray
    spiking: np.ndarray

    def over_dense(self, width: str) -> np.ndarray:
        """Return the dense version over the hybrid one: float64 [2, steps, rates, encodings]."""
        number = WIDTHS.index(width)
        return self.dense[:, number, ..., None] / self.hybrid[:, number]

    def over_spiking(self, cores: str) -> np.ndarray:
        """Return the all-spiking version over the hybrid one with 8-bit values inside dies.

        Returns:
            float64 [2, steps, rates, encodings].
        """
        number = SPIKING.index(cores)
        return self.spiking[:, number, ..., None] / self.hybrid[:, WIDTHS.index("8 bit")]


def cases(*, quick: bool) -> tuple[list[Case], list[str]]:
    """Return all cases, and which models do not fit which package, in words."""
    found: list[Case] = []
    beyond: list[str] = []
    base = prices_of(package_of(2, "ucie_standard"))
    for dies in QUICK_DIES if quick else DIES:
        for amounts in placed(dies, QUICK_MODELS if quick else MODELS, beyond):
            found += [case_of(amounts, with_link(base, link), link) for link in LINKS]
    return found, beyond


def placed(dies: int, models: tuple[str, ...], beyond: list[str]) -> Iterator[Amounts]:
    """Yield what each model does on so many dies; note those that do not fit."""
    package = package_of(dies, "ucie_standard")
    for name in models:
        try:
            yield amounts_of(build_model(name), package)
        except InfeasibleError:
            beyond.append(f"{name} on {dies} dies")


def width_bits(width: str, steps: int, rate: float) -> float | None:
    """Return the mean bits of a value, None where each is a packet.

    The fair width is that of a count of T spikes; a value is 0 where no step has a spike, a
    share ``(1 - r)^T`` of them, and a mask is used where it saves bits.
    """
    if width == PACKETS:
        return None
    if width == FAIR:
        return masked_bits(fair_bits(steps), (1 - rate) ** steps)
    return float(width.removesuffix(" bit"))


def case_of(amounts: Amounts, prices: Prices, link: str) -> Case:
    """Return all versions of a placed model with a class of links."""
    versions = Versions(amounts, prices)
    window = (len(STEPS), len(RATES))
    hybrid = np.empty((2, len(WIDTHS), *window, len(ENCODINGS)))
    dense = np.empty((2, len(WIDTHS), *window))
    spiking = np.empty((2, len(SPIKING), *window))
    for i, steps in enumerate(STEPS):
        for j, rate in enumerate(RATES):
            for number, width in enumerate(WIDTHS):
                bits = width_bits(width, steps, rate)
                dense[:, number, i, j] = versions.dense(bits)
                for k, each in enumerate(ENCODINGS):
                    hybrid[:, number, i, j, k] = versions.hybrid(steps, rate, each, bits)
            spiking[:, :, i, j] = np.transpose(spiking_versions(versions, prices, steps, rate))
    return Case(amounts.model, amounts.dies, link, hybrid, dense, spiking)


def spiking_versions(
    versions: Versions, prices: Prices, steps: int, rate: float
) -> tuple[Cost, ...]:
    """Return the all-spiking version on each of `SPIKING`, energy and latency each at best.

    Counts are left out: a step needs its spikes.
    """
    sent = [each for each in ENCODINGS if each != "counts"]
    ideal = ideal_core(prices)
    of_kind = (
        [versions.spiking(steps, rate, each, ideal) for each in sent],
        [versions.spiking(steps, rate, each, LOIHI) for each in sent],
        [versions.spiking_on_dense_cores(steps, rate, each) for each in sent],
    )
    return tuple(
        Cost(min(each.energy_j for each in costs), min(each.latency_s for each in costs))
        for costs in of_kind
    )
