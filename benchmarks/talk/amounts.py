"""What a deployment does, counted once, so that any prices can be laid over it.

Placement, transfers and work are those of `chipletsim.deployment` for a plan without partial
sums. Every message is kept with its number of values. Bits
of a coding, energies and times are then linear in these amounts or a maximum of terms that
are, and are laid over them by `benchmarks.talk.costs` without placing anything again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import chipletsim as cs
from chipletsim.codecs import Bitmap, DenseValues
from chipletsim.deployment.layout import lay_out
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.residence import reside
from chipletsim.deployment.rows import WORK
from chipletsim.deployment.schedule import Schedule, schedule
from chipletsim.models import Model
from chipletsim.noc.routes import links_on_routes
from chipletsim.package.model import Package
from chipletsim.tiles import TileEvents

PACKAGE_FILE = Path(__file__).parent / "hnn.yaml"
GRIDS = {2: (2, 1), 4: (2, 2), 16: (4, 4), 64: (8, 8)}
"""Number of dies to columns and rows of the mesh."""


def link_of(name: str) -> dict[str, Any]:
    """Return the contents of a link: a preset, or a file of this folder."""
    path = Path(__file__).parent / f"{name}.yaml"
    if not path.exists():
        return {"use": f"links/{name}"}
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def package_of(dies: int, link: str, tile: dict[str, Any] | None = None) -> Package:
    """Return the package with so many dies and this link between them.

    Args:
        dies: A key of `GRIDS`.
        link: A preset of ``links/``, or a file of this folder.
        tile: A tile in place of the file's.
    """
    shape = list(GRIDS[dies])
    changes: dict[str, Any] = {
        "chiplets.die.grid": shape,
        "network.shape": shape,
        "network.link": link_of(link),
    }
    if tile is not None:
        changes["chiplet_types.die.tiles.0.tile"] = tile
    return cs.load_package(PACKAGE_FILE, changes)


def plan_of(model: Model, package: Package, *, spread: bool = False, **choices: Any) -> Plan:
    """Return the plan of all versions.

    Args:
        model: The model.
        package: The package.
        spread: Whether each layer is divided over all cores of the package; else as many
            stages as can be, and every layer on one die.
        choices: Other fields of the plan.
    """
    if spread:
        return Plan(stages=1, split="outputs", **choices)
    dies = len(package.chiplets)
    cores = len(package.tiles) // dies
    stages = min(len(model.blocks), dies)
    return Plan(stages=stages, tensor=cores, split="outputs", **choices)


@dataclass(frozen=True, eq=False)
class Edges:
    """All messages of one application of every layer, in rows that happen at once.

    Attributes:
        repeats: float64 [rows], how often a row follows itself.
        crosses: bool [rows], whether its messages leave their dies.
        row: int64 [messages].
        values: float64 [messages], activations in a message.
        number: float64 [messages], how many there are, on average over the repeats.
        ends: int64 [2, messages], routers where they start and end.
        hop_message: int64 [hops].
        hop_link: int64 [hops], from the last link of a message to its first.
        between_dies: bool [links].
    """

    repeats: np.ndarray
    crosses: np.ndarray
    row: np.ndarray
    values: np.ndarray
    number: np.ndarray
    ends: np.ndarray
    hop_message: np.ndarray
    hop_link: np.ndarray
    between_dies: np.ndarray

    @property
    def most_values(self) -> int:
        """Activations of the longest message."""
        return int(self.values.max(initial=1))


@dataclass(frozen=True, eq=False)
class Amounts:
    """What one application of a model does on a package.

    Attributes:
        model: Its name.
        dies: Dies of the package.
        cores: Cores of the package, idle ones included.
        edges: Messages.
        macs: Multiply-accumulates.
        weights_read: Weights read, each once.
        updates: Outputs rounded, or compared with a threshold.
        cycles: Clock cycles of the slowest dense core of each layer, added up.
        core_macs: float64 [layers, cores].
        core_updates: float64 [layers, cores].
        encoded: Values that are encoded before boundaries.
        received: Values that are decoded behind boundaries.
        barriers: Layers that a barrier would end.
    """

    model: str
    dies: int
    cores: int
    edges: Edges
    macs: float
    weights_read: float
    updates: float
    cycles: float
    core_macs: np.ndarray
    core_updates: np.ndarray
    encoded: float
    received: float
    barriers: int


def amounts_of(model: Model, package: Package, *, spread: bool = False) -> Amounts:
    """Place a model and count.

    A hybrid plan of one step with a bit for each value: bits of messages are then values.

    Args:
        model: The model.
        package: The package.
        spread: As for `plan_of`.

    Raises:
        InfeasibleError: The weights do not fit.
    """
    plan = plan_of(
        model,
        package,
        spread=spread,
        activations="hybrid",
        steps=1,
        rate=1.0,
        spike_codec=Bitmap(),
        value_codec=DenseValues.model_validate({"width": "1 bit"}),
    )
    layout = lay_out(model, package, plan)
    made = schedule(model, package, plan, layout, reside(layout, package, plan))
    work = _work(made, len(package.tiles))
    return Amounts(
        model=model.name,
        dies=len(package.chiplets),
        cores=len(package.tiles),
        edges=_edges(made, package),
        macs=float(work["dense_operations"].sum()),
        weights_read=float(work["weight_reads"].sum()),
        updates=float(work["neuron_updates"].sum()),
        cycles=float(work["dense_cycles"].max(axis=1).sum()),
        core_macs=work["synaptic_operations"],
        core_updates=work["neuron_updates"],
        encoded=float(made.encoded.sum()),
        received=float(made.decoded.sum()),
        barriers=sum(made.barriers.values()),
    )


def _work(made: Schedule, tiles: int) -> dict[str, np.ndarray]:
    """Return float64 [layers, tiles] of each quantity of work."""
    numbers = np.array([row.phase == WORK for row in made.rows])
    place = np.cumsum(numbers) - 1
    found = np.zeros((len(TileEvents._fields), int(numbers.sum()), tiles))
    events = made.events
    np.add.at(found, (events.quantity, place[events.row], events.tile), events.amount)
    return dict(zip(TileEvents._fields, found, strict=True))


def _edges(made: Schedule, package: Package) -> Edges:
    moved, header = made.transfers, package.spec.packet.header_bits
    rows = np.unique(moved.row)
    row = np.searchsorted(rows, moved.row)
    die = np.array([tile.chiplet for tile in package.tiles])
    away = die[moved.source] != die[moved.target]
    crosses = np.zeros(rows.size, bool)
    crosses[row] = away
    ends = np.stack([package.tile_router[moved.source], package.tile_router[moved.target]])
    hop_message, hop_link = links_on_routes(package, *ends)
    return Edges(
        repeats=np.array([made.rows[number].times for number in rows], float),
        crosses=crosses,
        row=row,
        values=moved.packet_bits - header,
        number=moved.packets,
        ends=ends,
        hop_message=hop_message,
        hop_link=hop_link,
        between_dies=np.array([link.between_dies for link in package.links]),
    )
