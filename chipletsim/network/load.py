"""Networks from files: NIR, or chipletsim's own YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.network.build import build_network
from chipletsim.network.model import Network
from chipletsim.network.nir.reader import read_nir
from chipletsim.network.presets.scheme import asked_of
from chipletsim.spec.load import load_spec, open_path
from chipletsim.spec.network import NetworkSpec
from chipletsim.spec.nir import NirFileSpec
from chipletsim.units import parse_quantity


def load_network(
    source: str | Path | Mapping[str, Any],
    dt: str | float | None = None,
    *,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    nodes: Mapping[str, Mapping[str, Any]] | None = None,
    delayed_edges: Iterable[tuple[str, str]] = (),
) -> Network:
    """Return the network in a file.

    NIR keeps equations, but not how a framework stepped and reset its neurons: a preset says
    it, with the options listed in ``chipletsim.spec.nir``. What else is assumed is listed in
    ``chipletsim.network.nir.reader``. The network's ``scheme`` says what was taken, its
    ``doubts`` why that may be wrong.

    Args:
        source: A ``.nir`` file, a YAML file, the name of a shipped file such as
            ``networks/recurrent``, or the contents of a network file as a mapping.
        dt: Time step, such as ``1 ms``, or in seconds. NIR files hold none, so it must be
            given for them; for YAML it replaces the file's.
        preset: Of a NIR file: whose neurons it means, a key of
            ``chipletsim.network.presets.PRESETS``. If left out, what the file's metadata says,
            else NIR's equations by forward Euler.
        options: Options of the preset, such as ``{"reset": "zero"}``.
        nodes: Options of single neuron nodes, or of graphs inside, by name.
        delayed_edges: Edges (source, target) of loops that act one step later; where none is
            named, those that lead back towards the inputs do.

    Raises:
        ConfigError: The file is missing, or anything in it is wrong.
        UsageError: No time step for a NIR file, or a preset for another one.

    Example:
        >>> network = load_network("networks/recurrent")
        >>> [population.name for population in network.populations]
        ['input', 'excitatory', 'inhibitory', 'readout']
    """
    dt_s = _seconds(dt)
    asked = {
        "preset": {"name": preset, **options} if preset and options else preset,
        "nodes": {name: dict(given) for name, given in (nodes or {}).items()},
        "delayed_edges": [list(edge) for edge in delayed_edges],
    }
    if options and not preset:
        raise UsageError("options are those of a preset; name one, such as preset='snntorch'")
    if not isinstance(source, Mapping) and Path(source).suffix == ".nir":
        path = open_path(source)
        if dt_s is None:
            raise UsageError(f"{source} holds no time step; give one, such as dt='1 ms'")
        given = {key: value for key, value in asked.items() if value}
        spec = load_spec({"nir": str(path), "dt": f"{dt_s!r} s", **given}, NirFileSpec).spec
        return read_nir(path, dt_s, asked_of(spec))
    if any(asked.values()):
        raise UsageError("a preset says how a NIR file is meant; this is none")
    loaded = load_spec(source, NetworkSpec)
    try:
        return build_network(loaded.spec, loaded.base, dt_s)
    except ConfigError as error:
        raise loaded.locate(error) from None


def network_from_spec(spec: NirFileSpec | NetworkSpec, folder: Path) -> Network:
    """Return the network of an experiment's section.

    Args:
        spec: The validated section.
        folder: Folder that its file paths are relative to.

    Raises:
        ConfigError: A file is missing, or the network is at fault.
    """
    if isinstance(spec, NirFileSpec):
        return read_nir(folder / spec.nir, spec.dt_s, asked_of(spec))
    return build_network(spec, folder)


def _seconds(dt: str | float | None) -> float | None:
    """Return a time step in seconds."""
    try:
        seconds = parse_quantity(dt, "s") if isinstance(dt, str) else dt
    except ValueError as error:
        raise ConfigError([Problem(str(error), "dt")]) from None
    if seconds is not None and not 0 < seconds < float("inf"):
        raise ConfigError([Problem(f"time step must be positive, got {dt!r}", "dt")])
    return seconds
