"""A network's identity: what decides its spikes, as one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS


def fingerprint(network: Network) -> str:
    """Return the SHA-256 of populations, projections and time step, in hexadecimal.

    It depends on values alone, not on memory layout, order of dictionaries, whether a
    parameter is a scalar or an array of equal numbers, whether a default is spelt out, or
    the network's name.
    """
    digest = hashlib.sha256()
    _feed(digest, [_canonical(population) for population in network.populations])
    _feed(digest, network.projections)
    _feed(digest, float(network.dt_s))
    return digest.hexdigest()


def _canonical(population: Population) -> dict[str, Any]:
    """Return a population's fields with parameters and bias as full arrays."""
    defaults = {
        name: parameter.default
        for name, parameter in NEURON_MODELS[population.model].parameters.items()
    }
    parameters = {**defaults, **population.parameters}
    bias = 0.0 if population.bias is None else population.bias

    def full(value: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, np.float32), population.shape)

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


def _feed(digest: Any, value: Any) -> None:
    """Add a value to the hash, with its type and length so that no two values collide."""
    if isinstance(value, np.ndarray):
        plain = np.ascontiguousarray(value, "<f4" if value.dtype.kind == "f" else "<i8")
        digest.update(f"array {plain.dtype.str} {plain.shape}\n".encode())
        digest.update(plain.data)
    elif is_dataclass(value):
        content = {field.name: getattr(value, field.name) for field in fields(value)}
        digest.update(f"{type(value).__name__}\n".encode())
        _feed(digest, content)
    elif isinstance(value, Mapping):
        digest.update(f"mapping {len(value)}\n".encode())
        for key in sorted(value):
            _feed(digest, key)
            _feed(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"sequence {len(value)}\n".encode())
        for item in value:
            _feed(digest, item)
    else:
        text = repr(value.item() if isinstance(value, np.generic) else value)
        digest.update(f"value {len(text)} {text}\n".encode())
