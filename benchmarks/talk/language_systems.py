"""Language models on packages of dies and on H100 systems: one line for each, for one token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import chipletsim as cs
from benchmarks.talk.prices import ASSUMED
from chipletsim.baseline.dense_system import dense_system
from chipletsim.codecs import RiceGaps
from chipletsim.codecs.conversion import Conversion
from chipletsim.models import Model, build_model
from chipletsim.package.model import Package

MODELS: dict[str, dict[str, int]] = {"rwkv4_7b": {}, "llama3_70b": {"tokens": 1, "context": 4096}}
SIDES = (8, 16, 32)
"""Dies along a side of the grid."""
DIES_OF_A_STAGE = 64
GPUS = (8, 16, 32, 64)
STEPS, RATE = 4, 0.05
LINKS = {"UCIe advanced": "links/ucie_advanced", "board SerDes": "links/serdes_off_package"}
_CONVERSION = Conversion.model_validate(
    {
        "energy_per_update": f"{ASSUMED['encode_j'].value!r} J/op",
        "energy_per_add": f"{ASSUMED['decode_j'].value!r} J/op",
    }
)
_HYBRID: dict[str, Any] = {
    "activations": "hybrid", "steps": STEPS, "rate": RATE, "conversion": _CONVERSION,
}  # fmt: skip
_GAPS: dict[str, Any] = {"spike_codec": RiceGaps(), "batched_steps": True}
DENSE_SUMS, DENSE_GATHERED = "dense, sums reduced", "dense, inputs gathered"
PACKETS, GAPS_SUMS, GAPS = (
    "hybrid, packets, inputs gathered",
    "hybrid, gaps, sums reduced",
    "hybrid, gaps, inputs gathered",
)
"""Spikes as a packet each, step by step; or as Rice-coded gaps of all steps in a message."""
PLANS: dict[str, dict[str, Any]] = {
    DENSE_SUMS: {"activations": "dense"},
    DENSE_GATHERED: {"activations": "dense", "split": "outputs"},
    "hybrid, packets, sums reduced": _HYBRID,
    PACKETS: _HYBRID | {"split": "outputs"},
    GAPS_SUMS: _HYBRID | _GAPS,
    GAPS: _HYBRID | _GAPS | {"split": "outputs"},
}
"""Versions on dies: what crosses, and how the second layers of pairs are divided."""
ON_BOARD = (DENSE_GATHERED, GAPS)
"""Versions that are also priced with dies on a board."""


class Line(NamedTuple):
    """A model on a system, for one token.

    Attributes:
        model: Name of the model.
        system: What it runs on.
        version: What crosses boundaries, and how layers are divided.
        devices: Number of dies or devices.
        boundary_bits: Bits over the dearest boundary, or over the dearest fabric.
        sum_bits: Partial sums among all bits between dies; None for devices.
        value_bits: Values and spikes among them; None for devices.
        energy_j: Energy of a token.
        idle_j: Idle power of devices in it; dies state none.
        latency_s: Time of a token.
        bound_by: What takes most time.
    """

    model: str
    system: str
    version: str
    devices: int
    boundary_bits: float
    sum_bits: float | None
    value_bits: float | None
    energy_j: float
    idle_j: float
    latency_s: float
    bound_by: str

    @property
    def name(self) -> str:
        """Name of the case in the file."""
        return f"{self.model}, {self.system}, {self.version}"


def package_of(side: int, link: str) -> Package:
    """Return the shipped package of a thousand dies as a grid of another size.

    Args:
        side: Dies along a side.
        link: A preset of a link between dies.
    """
    return cs.load_package(
        "packages/thousand_chiplets",
        {
            "chiplets.npu.grid": [side, side],
            "chiplets.west.grid": [1, side - 1],
            "chiplets.east.grid": [1, side],
            "chiplets.east.at": [side + 1, 0],
            "network.shape": [side + 2, side],
            "network.link": {"use": link},
        },
    )


def on_dies(model: Model, sides: Sequence[int]) -> Iterator[Line]:
    """Yield all versions of a model on packages of several sizes."""
    for side in sides:
        for link, preset in LINKS.items():
            package = package_of(side, preset)
            for version, choices in PLANS.items():
                if link == "UCIe advanced" or version in ON_BOARD:
                    plan = {"stages": side * side // DIES_OF_A_STAGE} | choices
                    yield _on_package(model, package, f"{side * side} dies, {link}", version, plan)


def _on_package(
    model: Model, package: Package, system: str, version: str, choices: dict[str, Any]
) -> Line:
    found = cs.deploy(model, package, cs.Plan(**choices))
    between: dict[str, float] = {}
    for each in found.link_classes:
        if each.between_dies:
            for kind, bits in each.bits_by_kind.items():
                between[kind] = between.get(kind, 0.0) + bits
    dearest = found.dearest_boundary
    terms = found.timing.terms_s
    return Line(
        model.name,
        system,
        version,
        int(system.split(" ", 1)[0]),
        dearest.bits if dearest else 0.0,
        between.get("partial sums", 0.0),
        between.get("values", 0.0) + between.get("spikes", 0.0),
        found.energy_per_inference_j,
        0.0,
        found.latency_s,
        max(terms, key=lambda name: terms[name]),
    )


def on_devices(model: Model, numbers: Sequence[int]) -> Iterator[Line]:
    """Yield a model on H100 systems: nodes of eight in a pipeline, or one tensor group."""
    for number in numbers:
        for dtype in ("fp16", "int8"):
            for tensor in dict.fromkeys((8, number)):
                run = dense_system(
                    model, "h100", tensor=tensor, pipeline=number // tensor, dtype=dtype
                )
                yield Line(
                    model.name,
                    f"{number} H100",
                    f"{dtype}, tensor {tensor} x pipeline {number // tensor}",
                    number,
                    run.dearest.bits if run.dearest else 0.0,
                    None,
                    None,
                    run.energy_j,
                    sum(part.idle_j for part in run.parts),
                    run.latency_s,
                    run.bound,
                )


def lines(*, quick: bool) -> list[Line]:
    """Return all lines, or those of the smaller model on the smallest systems."""
    found: list[Line] = []
    for name, options in MODELS.items():
        if quick and name != "rwkv4_7b":
            continue
        model = build_model(name, **options)
        found += on_dies(model, SIDES[:1] if quick else SIDES)
        found += on_devices(model, GPUS[:2] if quick else GPUS)
    return found
