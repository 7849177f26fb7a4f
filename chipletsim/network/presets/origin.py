"""Whether the numbers of a NIR file are such as a preset's framework writes.

A file read with another framework's preset gives spikes that look right and are not. Exporters
leave traces in the numbers: what one writes into `r`, another does not. Where such a number says
that a preset's framework did not write the file, that is a doubt, and the presets whose exporter
could have written all of its neurons are named. Presets that read files of any origin are never
doubted, and numbers that several exporters write alike (`r` = 1 of integrators) tell nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chipletsim.errors import ConfigError
from chipletsim.network.nir.flatten import flattened
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.presets import PRESETS
from chipletsim.network.presets.base import Neuron, Preset
from chipletsim.network.presets.scheme import Scheme, origin

RELATIVE, ABSOLUTE = 1e-4, 1e-6
"""How far a number may be off: float32 rounds by 6e-8, and `1 - dt / tau` may be as small."""

_UNWRITTEN = {"w_in": 1.0, "v_reset": 0.0}
"""What fields mean that older files lack."""

_NEURON_TYPES = frozenset(kind for preset in PRESETS.values() for kind in preset.read)


def doubts(
    graph: NirGraph, neurons: Mapping[str, NirNode], scheme: Scheme, dt: float, dt_s: float
) -> tuple[str, ...]:
    """Return why the preset's framework cannot have written a file, each a sentence.

    Args:
        graph: The graph as it lies in the file.
        neurons: The nodes that the preset reads as neurons, by name.
        scheme: Preset and options.
        dt: Time step in the unit of the file's time constants.
        dt_s: Time step of the network in seconds.
    """
    if scheme.by_default:
        return _of_no_preset(graph, dt_s)
    if scheme.own or scheme.preset.exports is None:
        return ()
    name, said, found = scheme.preset.name, origin(graph.metadata), []
    if said is not None and said != name and PRESETS[said].exports is not None:
        found.append(f"the file's metadata says that it is of {said}, but it is read as {name}")
    reasons = {
        key: reason
        for key, node in neurons.items()
        if (reason := contradiction(scheme.preset, scheme.neuron(key, node, dt))) is not None
    }
    if reasons:
        first, reason = next(iter(reasons.items()))
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        found.append(
            f"{name} did not write this file, or not with a time step of {dt:g}:"
            f" node {first}{more}: {reason}{hint(graph, scheme, dt_s)}"
        )
    return tuple(found)


def _of_no_preset(graph: NirGraph, dt_s: float) -> tuple[str, ...]:
    """Return what the numbers of a file tell for which nobody named a preset."""
    names = possible(graph, dt_s)
    if not names or "norse" in names:  # it writes r = 1, as those do who write NIR by hand
        return ()
    return (f"no preset is given, but {' or '.join(names)} could have written this file",)


def hint(graph: NirGraph, scheme: Scheme, dt_s: float) -> str:
    """Return which presets could have written a file, as the end of a sentence.

    It is empty where none could, or the preset in use itself.
    """
    names = possible(graph, dt_s)
    if not names or scheme.preset.name in names:
        return ""
    return f"; {' or '.join(names)} could have written this file"


def possible(graph: NirGraph, dt_s: float) -> list[str]:
    """Return the presets whose exporter could have written every neuron of a file.

    Args:
        graph: The graph as it lies in the file.
        dt_s: Time step of the network in seconds.
    """
    return [name for name, preset in PRESETS.items() if _could_have_written(preset, graph, dt_s)]


def _could_have_written(preset: Preset, graph: NirGraph, dt_s: float) -> bool:
    if preset.exports is None:
        return False
    try:
        nodes = flattened(preset.prepare(graph)).nodes
        neurons = {name: node for name, node in nodes.items() if node.type in _NEURON_TYPES}
        if not neurons or any(node.type not in preset.read for node in neurons.values()):
            return False
        dt = preset.file_dt(neurons, preset.options, dt_s)
    except (ConfigError, ValueError):
        return False
    return all(
        contradiction(preset, Neuron(node, dt, False, preset.options)) is None
        for node in neurons.values()
    )


def contradiction(preset: Preset, neuron: Neuron) -> str | None:
    """Return why a preset's exporter cannot have written a neuron, None where it can have.

    Args:
        preset: The preset.
        neuron: The neuron, with the preset's options.
    """
    if preset.exports is None:
        return None
    try:
        for field, (words, written) in preset.exports(neuron).items():
            stored = neuron.node.numbers(field, _UNWRITTEN.get(field)).astype(np.float64)
            found, expected = np.broadcast_arrays(stored, written)
            wrong = np.flatnonzero(~np.isclose(found, expected, RELATIVE, ABSOLUTE))
            if wrong.size:
                formula = f"{words} = " if words else ""
                return (
                    f"{field} is {found.flat[wrong[0]]:g}, where {preset.name} writes"
                    f" {formula}{expected.flat[wrong[0]]:g}"
                )
    except ValueError as error:
        return str(error)
    return None
