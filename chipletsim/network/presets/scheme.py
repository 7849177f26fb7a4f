"""Which preset reads a NIR file, with which options, and who said so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.presets import PRESETS, Neuron, Preset
from chipletsim.spec.fault import nearest_names
from chipletsim.spec.nir import NirFileSpec, NirOptionsSpec, NirPresetSpec

PRESET_KEY = "chipletsim_preset"
OPTIONS_KEY = "chipletsim_options"
ORIGIN_KEYS = ("framework", "source", "exporter", "generator", "producer", "origin")
"""Metadata of a graph that may name the framework that wrote it."""

SPELLINGS = {"snn torch": "snntorch", "spiking jelly": "spikingjelly", "lava-dl": "lava_dl"}
"""How frameworks are written, too."""

ASKED = "network."
"""What paths of faults in the options begin with: the section of a file that holds them."""

NEURON_KEYS = {info.alias or name: name for name, info in NirOptionsSpec.model_fields.items()}
"""Options as they are called in files, and in Python."""


@dataclass(frozen=True)
class Asked:
    """What a user asks of a NIR file.

    Attributes:
        preset: Name of a preset; None leaves it to the file.
        options: Options of the preset.
        nodes: Options of single nodes, or of graphs inside, by name.
        delayed_edges: Edges of loops that act one step later.
    """

    preset: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    delayed_edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Scheme:
    """How a file is read.

    Attributes:
        preset: The preset.
        options: Its options, all of them.
        asked: What the user asked for.
        reason: Who named the preset.
        by_default: Whether nobody did.
        own: Whether the file names this preset itself, so that its nodes' options count.
    """

    preset: Preset
    options: dict[str, Any]
    asked: Asked
    reason: str
    by_default: bool
    own: bool

    def for_node(self, name: str, node: NirNode) -> dict[str, Any]:
        """Return the options of a node; those asked for come before those in the file."""
        stored = _stored(node.metadata, f"nodes.{name}", self.preset) if self.own else {}
        return self.options | stored | self._given(name)

    def neuron(self, name: str, node: NirNode, dt: float, *, recurrent: bool = False) -> Neuron:
        """Return a node with what its preset may know of it; arguments as of ``Neuron``."""
        return Neuron(node, dt, recurrent, self.for_node(name, node))

    def _given(self, name: str) -> dict[str, Any]:
        """Return what was asked for a node, or for a graph that it lies in."""
        given: dict[str, Any] = {}
        for key in sorted(self.asked.nodes, key=len):
            if name == key or name.startswith(f"{key}."):
                given |= self.asked.nodes[key]
        return given

    def refuse_unknown_nodes(self, names: Iterable[str]) -> None:
        """Raise ConfigError for options of nodes that are no neurons, or not there."""
        known = sorted(names)
        problems = []
        for key in self.asked.nodes:
            if any(name == key or name.startswith(f"{key}.") for name in known):
                continue
            close = nearest_names(key, known)
            hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(known)}"
            message = f"there is no neuron node `{key}`; {hint}"
            problems.append(Problem(message, f"{ASKED}nodes.{key}"))
        if problems:
            raise ConfigError(problems)

    def __str__(self) -> str:
        said = [f"{key}={_shown(value)}" for key, value in _named(self.options).items()]
        said += [
            f"{node}: {' '.join(f'{key}={_shown(value)}' for key, value in _named(given).items())}"
            for node, given in self.asked.nodes.items()
        ]
        return f"{self.preset.name} ({self.reason})" + (f": {', '.join(said)}" if said else "")


def choose(metadata: Mapping[str, Any], asked: Asked) -> Scheme:
    """Return how a file is read: as asked, else as its metadata says, else by forward Euler.

    Raises:
        ConfigError: An option is unknown to the preset, or the metadata is damaged.
    """
    found = origin(metadata)
    name = asked.preset or found or "euler"
    if name not in PRESETS:
        raise ConfigError([Problem(_unknown("preset", name, PRESETS), f"{ASKED}preset")])
    preset = PRESETS[name]
    own = metadata.get(PRESET_KEY) == name
    stored = _stored(metadata, "metadata", preset) if own else {}
    problems = _foreign(preset, asked.options, f"{ASKED}preset")
    for node, given in asked.nodes.items():
        problems += _foreign(preset, given, f"{ASKED}nodes.{node}")
    if problems:
        raise ConfigError(problems)
    reason = "the file's origin" if found else "no preset given"
    reason = "as asked" if asked.preset else reason
    given = {**preset.options, **stored, **asked.options}
    return Scheme(preset, given, asked, reason, not (asked.preset or found), own)


def origin(metadata: Mapping[str, Any]) -> str | None:
    """Return the preset that a graph's metadata names, or None."""
    own = metadata.get(PRESET_KEY)
    if isinstance(own, str) and own in PRESETS:
        return own
    for key in ORIGIN_KEYS:
        text = metadata.get(key)
        if isinstance(text, str):
            lower = text.lower()
            for written, known in SPELLINGS.items():
                lower = lower.replace(written, known)
            words = lower.split()
            named = [name for name in PRESETS if words and words[0].startswith(name)]
            if named:
                return max(named, key=len)
    return None


def stored_options(options: Mapping[str, Any]) -> str:
    """Return options as text for metadata, by their names in files."""
    return json.dumps(_named(options), sort_keys=True)


def options_of(spec: NirOptionsSpec) -> dict[str, Any]:
    """Return the options that a section gives, by their names in Python."""
    given = spec.model_dump(exclude_none=True, by_alias=False)
    given.pop("name", None)
    return given


def asked_of(spec: NirFileSpec) -> Asked:
    """Return what a section asks of its NIR file."""
    given = spec.preset
    name, options = (
        (given.name, options_of(given)) if isinstance(given, NirPresetSpec) else (given, {})
    )
    nodes = {node: options_of(each) for node, each in spec.nodes.items()}
    return Asked(name, options, nodes, spec.delayed_edges)


def _stored(metadata: Mapping[str, Any], place: str, preset: Preset) -> dict[str, Any]:
    """Return the options in metadata that a writer of ours left there.

    Raises:
        ConfigError: They are damaged.
    """
    text = metadata.get(OPTIONS_KEY)
    if text is None:
        return {}
    try:
        if not isinstance(text, str):
            raise ValueError("no text")
        given = options_of(NirOptionsSpec.model_validate_json(text))
    except (ValueError, ValidationError):
        raise ConfigError([Problem(f"`{OPTIONS_KEY}` is damaged", place)]) from None
    problems = _foreign(preset, given, f"{place}.{OPTIONS_KEY}")
    if problems:
        raise ConfigError(problems)
    return given


def _foreign(preset: Preset, given: Mapping[str, Any], place: str) -> list[Problem]:
    """Return a fault for each option that the preset does not know."""
    known = [key for key, name in NEURON_KEYS.items() if name in preset.options]
    if "nodes." in place and "export_dt" in known:
        known.remove("export_dt")  # one for the whole file
    return [
        Problem(_unknown(f"option of {preset.name}", key, known), f"{place}.{key}")
        for key, value in _named(given).items()
        if key not in known
    ]


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    close = nearest_names(name, known)
    hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(sorted(known))}"
    return f"there is no {what} called `{name}`; {hint}"


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that have a value, by their names in files."""
    return {
        key: f"{options[name]!r} s" if name == "export_dt_s" else options[name]
        for key, name in NEURON_KEYS.items()
        if options.get(name) is not None
    }


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
