"""Random architectures and networks in SANA-FE's format, drawn from a seed.

They are made to differ in everything that the format has: kinds of tiles and cores, units and
their constants, soma models, resets, refractory periods, biases, edges of all kinds with weights
of many digits, and mappings in any order. All values are decimals in the files, so that both
sides read the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HOPS = ("north", "east", "south", "west")
MODES = ("none", "soft", "hard", "saturate")


@dataclass(frozen=True)
class Drawn:
    """A random architecture and network.

    Attributes:
        architecture: Contents of its file.
        network: Contents of its file.
        steps: Steps to run.
    """

    architecture: dict[str, Any]
    network: dict[str, Any]
    steps: int

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write both files; return their paths."""
        paths = folder / "architecture.yaml", folder / "network.yaml"
        for path, content in zip(paths, (self.architecture, self.network), strict=True):
            path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return paths


def draw(seed: int, *, one_synapse_unit: bool = False) -> Drawn:
    """Return the network of a seed.

    Args:
        seed: Of everything.
        one_synapse_unit: Whether all neurons of a core use one synapse unit.
    """
    random = np.random.default_rng(seed)
    chip = _Chip(random)
    net = _Net(random, chip, one_synapse_unit=one_synapse_unit)
    steps = int(random.integers(20, 60))
    return Drawn({"architecture": chip.content}, net.content(steps), steps)


class _Chip:
    """A random architecture.

    Attributes:
        content: The section of its file.
        cores: Address, soma units by model, synapse units, and room of each core.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        # SANA-FE keeps the cores of a tile in a block of 1, 2 or 4; where all blocks have one
        # size, messages go to cores in the order of their numbers.
        self._room = int(random.choice([1, 2, 4]))
        kinds = [self._tile(number) for number in range(random.integers(1, 4))]
        # At least four cores of the first kind of tile, so that all neurons find room.
        counts = [int(random.integers(1, 5)) for _ in kinds]
        counts[0] += 4 // self._room
        height = int(random.integers(1, 5))
        tiles = sum(counts)
        self.content: dict[str, Any] = {
            "name": "drawn",
            "attributes": {
                "topology": "mesh",
                "width": -(-tiles // height) + int(random.integers(0, 3)),
                "height": height,
                "link_buffer_size": int(random.integers(1, 9)),
                **self._sync(tiles),
            },
            "tile": [
                kind | {"name": f"kind{number}[0..{count - 1}]"}
                for number, (kind, count) in enumerate(zip(kinds, counts, strict=True))
            ],
        }
        self.cores = []
        tile = 0
        for kind, count in zip(kinds, counts, strict=True):
            for _ in range(count):
                self.cores += _cores_of(kind, tile)
                tile += 1

    def _cost(self, event: str, least: float = 0.0) -> dict[str, float]:
        energy = float(np.round(self._random.uniform(least, 90), 3))
        time = float(np.round(self._random.uniform(least, 30), 3))
        return {f"energy_{event}": energy * 1e-12, f"latency_{event}": time * 1e-9}

    def _sync(self, tiles: int) -> dict[str, Any]:
        kind = self._random.integers(3)
        if kind == 0:
            return {}
        if kind == 1:
            return {"sync_model": "fixed", "latency_sync": 3.7e-7}
        keys = sorted(self._random.choice(np.arange(1, tiles + 2), 2, replace=False).tolist())
        return {
            "sync_model": "table",
            "latency_sync": dict(zip(keys, (1.1e-7, 5.3e-7), strict=True)),
        }

    def _tile(self, number: int) -> dict[str, Any]:
        attributes: dict[str, float] = {}
        for direction in HOPS:
            attributes |= self._cost(f"{direction}_hop")
        total = self._room - int(self._room == 4 and self._random.integers(2))
        first = int(self._random.integers(1, total + 1))
        counts = [first, total - first] if first < total else [total]
        cores = [self._core(f"core{number}_{i}", count) for i, count in enumerate(counts)]
        return {"attributes": attributes, "core": cores}

    def _core(self, name: str, count: int) -> dict[str, Any]:
        random = self._random
        lifs = range(random.integers(1, 3))
        somas = [self._unit(f"lif_{each}", "leaky_integrate_fire") for each in lifs]
        somas += [self._unit(f"north_{each}", "truenorth") for each in range(random.integers(0, 2))]
        random.shuffle(somas)
        inputs = self._unit("source[0..63]", "input")
        delays = random.integers(4) == 0  # dendrites that delay events, and hold the buffer
        dendrite = {
            "model": "accumulator_with_delay" if delays else "accumulator",
            **self._cost("update"),
            **({"latency_update": 0.0} if delays else {}),
        }
        # SANA-FE mixes up delays of synapses in several units of a core.
        synapses = [
            {"name": f"synapse_{each}",
             "attributes": {"model": "current_based", **self._cost("process_spike")}}
            for each in range(1 if delays else random.integers(1, 4))
        ]  # fmt: skip
        return {
            "name": f"{name}[0..{count - 1}]",
            "attributes": {
                "buffer_position": "dendrite" if delays else "soma",
                "buffer_inside_unit": bool(delays),
                "max_neurons_supported": 64,
            },
            "axon_in": [{"name": "in", "attributes": self._cost("message_in")}],
            "synapse": synapses,
            "dendrite": [{"name": "dendrite", "attributes": dendrite}],
            "soma": [*somas, inputs],
            "axon_out": [{"name": "out", "attributes": self._cost("message_out")}],
        }

    def _unit(self, name: str, model: str) -> dict[str, Any]:
        costs: dict[str, float] = {}
        for event in ("access_neuron", "update_neuron", "spike_out"):
            costs |= self._cost(event)
        return {"name": name, "attributes": {"model": model, **costs}}


def _cores_of(kind: dict[str, Any], tile: int) -> list[dict[str, Any]]:
    """Return the cores of a tile: address, soma units by model, synapse units, and room."""
    found: list[dict[str, Any]] = []
    for core in kind["core"]:
        count = int(core["name"].partition("..")[2].rstrip("]")) + 1
        units: dict[str, list[str]] = {}
        for soma in core["soma"]:
            units.setdefault(soma["attributes"]["model"], []).append(soma["name"])
        synapses = [unit["name"] for unit in core["synapse"]]
        first = core["soma"][0]["attributes"]["model"]
        for _ in range(count):
            address = f"{tile}.{len(found)}"
            found.append({
                "address": address, "soma": units, "first": first, "synapse": synapses, "room": 64,
                "sources": 0,
            })  # fmt: skip
    return found


class _Net:
    """A random network on a chip."""

    def __init__(self, random: np.random.Generator, chip: _Chip, *, one_synapse_unit: bool) -> None:
        self._random = random
        self._chip = chip
        self._one_unit = one_synapse_unit
        self._unit_of: dict[str, str] = {}

    def content(self, steps: int) -> dict[str, Any]:
        """Return the contents of the file."""
        random = self._random
        models = ["input", "leaky_integrate_fire", "leaky_integrate_fire"]
        if any("truenorth" in core["soma"] for core in self._chip.cores):
            models.append("truenorth")
        sizes = [int(random.integers(4, 25)) for _ in models]
        groups = [
            self._group(f"g{number}", model, size, steps)
            for number, (model, size) in enumerate(zip(models, sizes, strict=True))
        ]
        groups.append({"name": "image", "attributes": self._lif(), "neurons": ["0..15"]})
        groups.append({"name": "filtered", "attributes": self._lif(), "neurons": ["0..17"]})
        names = {f"g{number}": size for number, size in enumerate(sizes)} | {
            "image": 16, "filtered": 18,
        }  # fmt: skip
        all_models = dict(zip(names, [*models, *["leaky_integrate_fire"] * 2], strict=True))
        return {
            "network": {"name": "drawn", "groups": groups, "edges": self._edges(names, all_models)},
            "mappings": self._mappings(names, all_models),
        }

    def _number(self, low: float, high: float) -> float:
        return float(np.round(self._random.uniform(low, high), 6))

    def _choice(self, values: Any) -> Any:
        return values[int(self._random.integers(len(values)))]

    def _group(self, name: str, model: str, size: int, steps: int) -> dict[str, Any]:
        if model == "input":
            return {"name": name, "neurons": [{i: self._source(steps)} for i in range(size)]}
        common = self._lif() if model == "leaky_integrate_fire" else self._north()
        special = int(self._random.integers(size))
        neurons: list[Any] = [f"0..{special - 1}"] if special else []
        neurons.append({special: {"bias": self._number(-1, 3), "soma": {"threshold": 1.25}}})
        if special + 1 < size:
            neurons.append({f"{special + 1}..{size - 1}": [{"bias": self._number(0, 1)}]})
        return {"name": name, "attributes": common, "neurons": neurons}

    def _source(self, steps: int) -> dict[str, Any]:
        kind = self._random.integers(3)
        if kind == 0:
            return {"rate": self._number(0.1, 1)}
        length = int(self._random.integers(1, steps))
        return {"spikes": self._random.integers(0, 2, length).tolist()}

    def _lif(self) -> dict[str, Any]:
        return {
            "threshold": self._number(0.5, 6),
            "leak_decay": self._number(0.3, 1),
            "input_decay": self._choice([0.0, self._number(0, 0.9)]),
            "bias": self._choice([0.0, self._number(-0.5, 1)]),
            "reset": self._number(-1, 0.5),
            "reset_mode": self._choice(MODES),
            "reverse_threshold": self._number(-6, -1),
            "reverse_reset": self._number(-1, 1),
            "reverse_reset_mode": self._choice(MODES),
            "refractory_delay": int(self._random.integers(0, 4)),
            "force_update": bool(self._random.integers(2)),
            "potential": self._choice([0.0, self._number(-1, 1)]),
        }

    def _north(self) -> dict[str, Any]:
        return {
            "threshold": self._number(0.5, 6),
            "leak": self._number(-0.1, 0.4),
            "leak_towards_zero": bool(self._random.integers(2)),
            "bias": self._choice([0.0, self._number(-0.5, 1)]),
            "reset": self._number(-1, 0.4),
            "reset_mode": self._choice(MODES[1:]),
            "reverse_threshold": self._number(-6, -1),
            "reverse_reset": self._number(-1, 1),
            "reverse_reset_mode": self._choice(MODES),
        }

    def _edges(self, sizes: dict[str, int], models: dict[str, str]) -> list[Any]:
        random = self._random
        targets = [name for name in sizes if models[name] != "input"]
        edges: list[Any] = []
        for source, size in sizes.items():
            target, other = self._choice(targets), self._choice(targets)
            count = int(random.integers(size, 4 * size))
            pairs = [
                [int(random.integers(size)), int(random.integers(sizes[target]))]
                for _ in range(count)
            ]
            edges.append({f"{source} -> {target}": {
                "type": "sparse",
                "source_target_pairs": pairs,
                "weight": [self._number(-1.5, 3) for _ in pairs],
                "delay": random.integers(0, 6, count).tolist(),
            }})  # fmt: skip
            for _ in range(int(random.integers(2, 12))):
                ends = random.integers(size), random.integers(sizes[other])
                edge = {"weight": self._number(-1.5, 3), "delay": int(random.integers(0, 3))}
                edges.append({f"{source}.{ends[0]} -> {other}.{ends[1]}": edge})
        dense = (self._choice(list(sizes)), self._choice(targets))
        weights = [self._number(-0.6, 1) for _ in range(sizes[dense[0]] * sizes[dense[1]])]
        edges.append({f"{dense[0]} -> {dense[1]}": {"type": "dense", "weight": weights}})
        edges.append({"image -> filtered": {
            "type": "conv2d", "input_height": 4, "input_width": 4, "input_channels": 1,
            "kernel_height": 2, "kernel_width": 2, "kernel_count": 2,
            "weight": [self._number(-1, 2) for _ in range(8)],
        }})  # fmt: skip
        random.shuffle(edges)
        return edges

    def _mappings(self, sizes: dict[str, int], models: dict[str, str]) -> list[Any]:
        neurons = [(name, number) for name, size in sizes.items() for number in range(size)]
        self._random.shuffle(neurons)
        return [{f"{name}.{number}": self._place(models[str(name)])} for name, number in neurons]

    def _place(self, model: str) -> dict[str, Any]:
        """Return the core and the units of a neuron, on a core with room for it."""
        fitting = [core for core in self._chip.cores if core["room"] > 0 and model in core["soma"]]
        core = self._choice(fitting)
        core["room"] -= 1
        place: dict[str, Any] = {"core": core["address"]}
        if model == "input":
            place["soma"] = f"source[{core['sources']}]"
            core["sources"] += 1
        elif core["first"] != model or self._random.integers(2):
            place["soma"] = self._choice(core["soma"][model])
        unit = self._choice(core["synapse"])
        if self._one_unit:
            unit = self._unit_of.setdefault(core["address"], unit)
        if unit != core["synapse"][0] or self._random.integers(2):
            place["synapse"] = unit
        return place
