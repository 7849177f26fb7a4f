"""The public verb: files of SANA-FE to a package, a network, a mapping and inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.exchange.sanafe.architecture import Architecture
from chipletsim.exchange.sanafe.architecture_reader import read_architecture
from chipletsim.exchange.sanafe.convert import Layout, lay_out, make_mapping, make_network
from chipletsim.exchange.sanafe.inputs import default_steps, make_inputs
from chipletsim.exchange.sanafe.network import read_network
from chipletsim.exchange.sanafe.npz import read_npz
from chipletsim.exchange.sanafe.package import default_dendrites, make_chip
from chipletsim.exchange.sanafe.placing import place
from chipletsim.exchange.sanafe.snn import Snn
from chipletsim.exchange.sanafe.source import Notes
from chipletsim.mapping.model import Mapping
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network
from chipletsim.package.model import Package
from chipletsim.tables import render, table

MAX_STEPS = 10_000_000


@dataclass(frozen=True, eq=False)
class Imported:
    """What came out of files of SANA-FE; print it.

    Attributes:
        package: The package.
        package_file: The package as a file.
        network: The network; None where only an architecture was read.
        mapping: The network on the package.
        inputs: Input population to its spikes, bool [1, steps, neurons].
        steps: Steps of the inputs.
        members: Population to the indices of its neurons in ``groups``; a core's neurons lie
            together in a population, in the order in which they work.
        groups: Population to the name of the group that its neurons are of.
        left_out: What the files hold and the result does not, and why.
        differs: What comes out otherwise than SANA-FE has it.
    """

    package: Package
    package_file: dict[str, Any]
    network: Network | None
    mapping: Mapping | None
    inputs: dict[str, np.ndarray]
    steps: int
    members: dict[str, np.ndarray]
    groups: dict[str, str]
    left_out: tuple[str, ...]
    differs: tuple[str, ...]

    def __rich__(self) -> RenderableType:
        notes = [Text(f"left out: {line}") for line in self.left_out]
        notes += [Text(f"otherwise: {line}") for line in self.differs]
        return Group(table("Imported from SANA-FE", ("", "number"), self._rows()), *notes)

    def _rows(self) -> list[tuple[str, Any]]:
        rows: list[tuple[str, Any]] = [
            ("routers (tiles of SANA-FE)", len(self.package.routers)),
            ("tiles (its cores)", len(self.package.tiles)),
        ]
        if self.network is None or self.mapping is None:
            return rows
        synapses = sum(_synapses(each.connection) for each in self.network.projections)
        return [
            *rows,
            ("populations", len(self.network.populations)),
            ("neurons", self.network.neurons),
            ("synapses", synapses),
            ("tiles with neurons", len({part.tile for part in self.mapping.slices})),
            ("input neurons", sum(each.shape[2] for each in self.inputs.values())),
            ("steps", self.steps),
        ]

    def __str__(self) -> str:
        return render(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "package": self.package.name,
            "network": None if self.network is None else self.network.name,
            "counts": dict(self._rows()),
            "groups": self.groups,
            "left_out": list(self.left_out),
            "differs": list(self.differs),
        }


def import_sanafe(
    architecture: str | Path,
    network: str | Path | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
) -> Imported:
    """Read an architecture of SANA-FE, and a network that is mapped to it.

    The network computes what SANA-FE 2.2.9 computes, to the bit, and the package prices it by
    the same constants; what cannot be kept is listed in the result or is an error.

    Args:
        architecture: The architecture, a YAML file.
        network: The network: a YAML file with its mappings, or an .npz file with a
            ``case.json`` beside it, see ``chipletsim.exchange.sanafe.npz``.
        steps: Steps of the inputs; those of the file, else of the longest spike train, else
            100, if left out.
        seed: Seed of inputs that are random.

    Raises:
        ConfigError: Every fault found, with its place; or something that SANA-FE has and that
            has no counterpart here is in use.
        InfeasibleError: A core holds fewer neurons than are mapped to it.
        UsageError: ``steps`` or ``seed`` is no number that can be, or the network a netlist.
    """
    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise UsageError(f"steps must lie in 1..{MAX_STEPS:,}, got {steps}")
    if seed < 0:
        raise UsageError(f"seed must not be below 0, got {seed}")
    notes = Notes()
    plan = read_architecture(architecture, notes)
    if network is None:
        chip = make_chip(plan, default_dendrites(plan), notes)
        return Imported(
            chip.package, chip.content, None, None, {}, 0, {}, {},
            tuple(notes.lines()), tuple(notes.differs),
        )  # fmt: skip
    snn = _read(network, plan, notes)
    try:
        return _imported(plan, snn, steps, seed, notes)
    except ConfigError as error:
        faults = [_in_file(fault, architecture, network) for fault in error.problems]
        raise ConfigError(faults) from None


def _in_file(fault: Problem, architecture: str | Path, network: str | Path) -> Problem:
    """Return a fault with the file that it lies in."""
    if fault.file:
        return fault
    file = architecture if fault.path.startswith("architecture") else network
    return replace(fault, file=str(file))


def _read(path: str | Path, plan: Architecture, notes: Notes) -> Snn:
    suffix = Path(path).suffix
    if suffix == ".npz":
        return read_npz(path, plan)
    if suffix == ".net":
        message = (
            "netlists of SANA-FE's first version are not read; SANA-FE itself writes one as YAML: "
            "load_net(file, architecture, use_netlist_format=True).save('network.yaml')"
        )
        raise UsageError(message)
    return read_network(path, plan, notes)


def _imported(plan: Architecture, snn: Snn, steps: int | None, seed: int, notes: Notes) -> Imported:
    placing = place(plan, snn, notes)
    chip = make_chip(plan, placing.dendrites, notes)
    layout = lay_out(snn, placing)
    made, listed = make_network(snn, placing, layout, notes)
    mapping = make_mapping(snn, placing, layout, made, chip, listed=listed)
    steps = steps or default_steps(snn)
    inputs = make_inputs(snn, layout, steps, seed, notes)
    groups, members = _origins(snn, layout)
    return Imported(
        chip.package, chip.content, made, mapping, inputs, steps, members, groups,
        tuple(notes.lines()), tuple(notes.differs),
    )  # fmt: skip


def _origins(snn: Snn, layout: Layout) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return the group of each population, and the indices of its neurons there."""
    groups, members = {}, {}
    for name, neurons in zip(layout.names, layout.members, strict=True):
        group = int(np.searchsorted(snn.firsts, neurons[0], side="right")) - 1
        groups[name] = snn.groups[group].name
        members[name] = neurons - snn.firsts[group]
    return groups, members


def _synapses(connection: Any) -> int:
    return int(connection.targets.size) if isinstance(connection, Sparse) else 0
