"""NIR files to networks.

NIR (Pedersen et al., Nature Communications 2024) stores continuous-time equations and neither a
time step nor the delay of a loop. Choices made here:

- How neurons are stepped is the choice of a preset (``chipletsim.network.presets``): the one
  asked for, else that of the file's metadata, else NIR's equations by forward Euler.
- Within a step, spikes pass along feed-forward edges. On a cycle that no ``Delay`` node and no
  edge named by the user delays, a projection that does not lead away from the inputs (its
  target is no farther from them than its source, counted in projections) acts one step later;
  so does every self-loop.
- A bias is a current of the target population from step 0 on, on recurrent edges too (under
  ``norse_import`` from step 1 on there); behind a ``Delay`` node it comes as late as the rest.
- A leading axis of length 1 beside one or three others is a batch axis, and is dropped.
- Values between two nodes that cannot be one connection, or in front of an ``Output``, are a
  population of their own, of model ``current``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chipletsim.network.check import validated
from chipletsim.network.model import Network
from chipletsim.network.nir.assemble import assembled
from chipletsim.network.nir.file import read_graph
from chipletsim.network.nir.graph import NirGraph
from chipletsim.network.nir.understood import faults_in, understood
from chipletsim.network.nir.walk import Walk
from chipletsim.network.presets.scheme import Asked


def read_nir(path: str | Path, dt_s: float, asked: Asked | None = None) -> Network:
    """Return the network in a NIR file.

    Args:
        path: The file.
        dt_s: Time step in seconds, or in whatever unit the file's time constants have.
        asked: Preset and options; what the file says, if left out.

    Raises:
        ConfigError: The file cannot be read, or holds what has no counterpart here; every
            such node is named with what it would take.
    """
    path = Path(path)
    with faults_in(path):
        return network_of(read_graph(path), path.stem, dt_s, asked or Asked())


def network_of(graph: NirGraph, name: str, dt_s: float, asked: Asked) -> Network:
    """Return the network of a graph; arguments and errors as for ``read_nir``."""
    found = understood(graph, dt_s, asked)
    preset = found.scheme.preset
    walk = Walk(found.graph, frozenset(preset.read), found.dt, preset.channels_last)
    walk.run()
    network = validated(assembled(walk, found, name, dt_s))
    walk.refuse_loose_nodes()
    note = preset.note(found.graph.nodes, found.scheme.options)
    return replace(network, scheme=f"{network.scheme}; {note}") if note else network
