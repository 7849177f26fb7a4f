"""A network's identity: what decides its spikes, as one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.precision import network_dtype


def fingerprint(network: Network) -> str:
    """Return the SHA-256 of populations, projections and time step, in hexadecimal.

    It depends on values alone, not on memory layout, order of dictionaries, whether a
    parameter is a scalar or an array of equal numbers, whether a default is spelt out, or
    the network's name.
    """
    digest = _Digest(network_dtype(network))
    digest.feed([_canonical(population, digest.dtype) for population in network.populations])
    digest.feed([_without_first_port(each, network) for each in network.projections])
    digest.feed(float(network.dt_s))
    if network.summation_rank is not None and not _in_order(network.summation_rank):
        digest.feed({"summation_rank": network.summation_rank})
    return digest.hexdigest()


def _in_order(rank: np.ndarray) -> bool:
    return bool(np.array_equal(rank, np.arange(rank.size)))


def _canonical(population: Population, dtype: type[np.floating]) -> dict[str, Any]:
    """Return a population's fields with parameters and bias as full arrays."""
    defaults = {
        name: parameter.default
        for name, parameter in NEURON_MODELS[population.model].parameters.items()
    }
    parameters = {**defaults, **population.parameters}
    bias = 0.0 if population.bias is None else population.bias

    def full(value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype), population.shape)

    once = {} if population.steps is None else {"steps": population.steps}
    return once | {
        "name": population.name,
        "shape": population.shape,
        "model": population.model,
        "parameters": {name: full(value) for name, value in parameters.items()},
        "bias": full(bias),
        "output": population.output,
        "value_bits": population.value_bits,
    }


def _without_first_port(projection: Projection, network: Network) -> Projection:
    """Return a projection whose port is named only where it is not the first."""
    if not projection.port:
        return projection
    first = NEURON_MODELS[network.population(projection.target).model].ports[0]
    return replace(projection, port="") if projection.port == first else projection


class _Digest:
    """SHA-256 of values, each with its type and length so that no two values collide.

    Args:
        dtype: Precision that floating-point arrays are taken in.
    """

    def __init__(self, dtype: type[np.floating]) -> None:
        self.dtype = dtype
        self._float = np.dtype(dtype).newbyteorder("<")
        self._digest = hashlib.sha256()

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._digest.hexdigest()

    def feed(self, value: Any) -> None:
        """Add a value."""
        if isinstance(value, np.ndarray):
            plain = np.ascontiguousarray(value, self._float if value.dtype.kind == "f" else "<i8")
            self._digest.update(f"array {plain.dtype.str} {plain.shape}\n".encode())
            self._digest.update(plain.data)
        elif is_dataclass(value):
            content = {field.name: getattr(value, field.name) for field in fields(value)}
            if content.get("port") == "":
                del content["port"]
            self._digest.update(f"{type(value).__name__}\n".encode())
            self.feed(content)
        elif isinstance(value, Mapping):
            self._digest.update(f"mapping {len(value)}\n".encode())
            for key in sorted(value):
                self.feed(key)
                self.feed(value[key])
        elif isinstance(value, list | tuple):
            self._digest.update(f"sequence {len(value)}\n".encode())
            for item in value:
                self.feed(item)
        else:
            text = repr(value.item() if isinstance(value, np.generic) else value)
            self._digest.update(f"value {len(text)} {text}\n".encode())
