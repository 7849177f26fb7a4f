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

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.check import validated
from chipletsim.network.model import Network
from chipletsim.network.nir.assemble import assembled
from chipletsim.network.nir.file import read_graph
from chipletsim.network.nir.flatten import FlatGraph, flattened
from chipletsim.network.nir.graph import NirGraph
from chipletsim.network.nir.nodes import TRANSFORMS
from chipletsim.network.nir.walk import Walk
from chipletsim.network.presets.scheme import ASKED, Asked, Scheme, choose


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
    graph = read_graph(path)
    try:
        return network_of(graph, path.stem, dt_s, asked or Asked())
    except ConfigError as error:
        raise ConfigError([_in_file(fault, path) for fault in error.problems]) from None
    except MemoryError:
        raise ConfigError([Problem("does not fit into memory", file=str(path))]) from None


def network_of(graph: NirGraph, name: str, dt_s: float, asked: Asked) -> Network:
    """Return the network of a graph; arguments and errors as for ``read_nir``."""
    scheme = choose(graph.metadata, asked)
    if not 0 < dt_s < float("inf"):
        raise ConfigError([Problem(f"time step must be positive, got {dt_s} s", "dt")])
    flat = flattened(scheme.preset.prepare(graph))
    neurons = {key: node for key, node in flat.nodes.items() if node.type in scheme.preset.read}
    _refuse_unknown_types(flat, scheme)
    scheme.refuse_unknown_nodes(neurons)
    try:
        dt = scheme.preset.file_dt(neurons, scheme.options, dt_s)
    except ValueError as error:
        raise ConfigError([Problem(str(error), f"{ASKED}preset")]) from None
    walk = Walk(flat, frozenset(scheme.preset.read), dt, scheme.preset.channels_last)
    walk.run()
    network = validated(assembled(walk, scheme, name, dt_s))
    walk.refuse_loose_nodes()
    note = scheme.preset.note(flat.nodes, scheme.options)
    return replace(network, scheme=f"{network.scheme}; {note}") if note else network


def _in_file(fault: Problem, path: Path) -> Problem:
    """Return a fault with the file, unless it lies in what was asked of it."""
    return fault if fault.path.startswith(ASKED) else replace(fault, file=str(path))


def _refuse_unknown_types(flat: FlatGraph, scheme: Scheme) -> None:
    known = ["Input", *scheme.preset.read, *TRANSFORMS, "Output"]
    unknown = [
        Problem(
            f"node type {node.type} is not supported by preset {scheme.preset.name}; replace it"
            f" by one of {', '.join(known)}, or choose another preset",
            f"nodes.{name}",
        )
        for name, node in flat.nodes.items()
        if node.type not in known
    ]
    if unknown:
        raise ConfigError(unknown)
