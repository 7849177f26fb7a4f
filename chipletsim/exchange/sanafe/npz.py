"""Networks of SANA-FE as arrays: ``case.json`` with names, and an .npz file beside it.

Of each neuron: parameters of its soma, ``group``, ``core`` (its number in the architecture),
``is_input``, ``soma_unit`` and ``syn_default`` (numbers of names in the JSON file). Of each edge,
in the order of creation: ``src``, ``dst``, ``weight``, maybe ``delay``. ``input_spikes`` is
[steps, input neurons]. Neurons are mapped in the order of their numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.exchange.sanafe.architecture import Architecture
from chipletsim.exchange.sanafe.snn import Group, Places, Snn, Synapses
from chipletsim.network.draw import read_array

NAMES_FILE = "case.json"
MAX_JSON_BYTES = 64 << 20
_VALUES = (
    "threshold", "leak_decay", "input_decay", "bias", "reset", "reverse_threshold",
    "reverse_reset", "reset_mode", "reverse_reset_mode", "refractory_delay", "force_update",
    "potential", "leak", "leak_towards_zero",
)  # fmt: skip
_UNITS = {"soma": ("soma_unit", "soma_names"), "synapse": ("syn_default", "syn_names")}


def read_npz(path: str | Path, architecture: Architecture) -> Snn:
    """Read a network.

    Args:
        path: The .npz file.
        architecture: What has the cores.

    Raises:
        ConfigError: A file is missing or damaged, or does not fit the architecture.
    """
    return _Reader(Path(path), architecture).read()


class _Reader:
    def __init__(self, path: Path, architecture: Architecture) -> None:
        self.path = path
        self.architecture = architecture
        self.names = _names(path.with_name(NAMES_FILE))
        self.groups = self._groups()
        self.neurons = sum(group.size for group in self.groups)

    def read(self) -> Snn:
        """Return the network."""
        is_input = self._integers("is_input", 1, self.neurons).astype(np.bool_)
        values = {
            name: self._array(name, (self.neurons,)).astype(np.float64)
            for name in _VALUES
            if self._has(name)
        }
        trains, steps = self._trains(is_input)
        return Snn(
            str(self.names.get("name", self.path.stem)),
            self.groups,
            # Input neurons have no parameters.
            {name: np.where(is_input, np.nan, value) for name, value in values.items()},
            trains,
            self._synapses(),
            self._places(),
            steps,
        )

    def _fault(self, message: str, key: str = "") -> ConfigError:
        return ConfigError([Problem(message, key, str(self.path))])

    def _groups(self) -> tuple[Group, ...]:
        names, sizes = self.names.get("groups", 0), self.names.get("group_sizes", 0)
        lists = isinstance(names, list) and isinstance(sizes, list) and len(names) == len(sizes)
        if not lists or not all(isinstance(size, int) and size >= 0 for size in sizes):
            message = "expected `groups` (names) and `group_sizes` (numbers), as many of each"
            raise ConfigError([Problem(message, "", str(self.path.with_name(NAMES_FILE)))])
        return tuple(Group(str(name), size) for name, size in zip(names, sizes, strict=True))

    def _has(self, name: str) -> bool:
        try:
            read_array(self.path, name, ())
        except ValueError as error:
            return "holds no array" not in str(error)
        return True

    def _array(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        try:
            array = read_array(self.path, name, shape)
        except ValueError as error:
            raise self._fault(str(error), name) from None
        if not np.all(np.isfinite(array)):
            raise self._fault("holds NaN or infinite values", name)
        return array

    def _integers(self, name: str, most: int, length: int | None) -> np.ndarray:
        array = self._array(name, (length,))
        wrong = (array < 0) | (array > most) | (array != np.floor(array.astype(np.float64)))
        if np.any(wrong):
            raise self._fault(f"expected whole numbers of 0..{most}", name)
        return array.astype(np.int64)

    def _trains(self, is_input: np.ndarray) -> tuple[dict[int, np.ndarray], int]:
        numbers = np.flatnonzero(is_input)
        if not self._has("input_spikes"):
            return {}, 0
        spikes = self._array("input_spikes", (None, numbers.size))
        if np.any((spikes != 0) & (spikes != 1)):
            raise self._fault("spikes are 0 or 1", "input_spikes")
        by_neuron = np.ascontiguousarray(spikes.T.astype(np.bool_))
        return dict(zip(numbers.tolist(), by_neuron, strict=True)), len(spikes)

    def _synapses(self) -> Synapses:
        source = self._integers("src", self.neurons - 1, None)
        target = self._integers("dst", self.neurons - 1, source.size)
        weight = self._array("weight", (source.size,)).astype(np.float64)
        delay = np.zeros(source.size, np.int64)
        if self._has("delay"):
            delay = self._integers("delay", 1 << 20, source.size)
        return Synapses(source, target, weight, delay)

    def _places(self) -> Places:
        core = self._integers("core", self.architecture.cores - 1, self.neurons)
        units = {section: self._units(section) for section in _UNITS}
        units["dendrite"] = np.full(self.neurons, "", object)
        return Places(core, np.arange(self.neurons), units)

    def _units(self, section: str) -> np.ndarray:
        array, key = _UNITS[section]
        names = self.names.get(key, [])
        if not self._has(array) or not isinstance(names, list) or not names:
            return np.full(self.neurons, "", object)
        return np.array(names, object)[self._integers(array, len(names) - 1, self.neurons)]


def _names(path: Path) -> dict[str, Any]:
    """Return the contents of the JSON file with names."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            message = f"is longer than {MAX_JSON_BYTES:,} bytes"
            raise ConfigError([Problem(message, "", str(path))])
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or f"is no JSON: {error}"
        message = f"{reason}; it stands beside the network and names groups and units"
        raise ConfigError([Problem(message, "", str(path))]) from None
    if not isinstance(content, dict):
        raise ConfigError([Problem("expected keys and values", "", str(path))])
    return content
