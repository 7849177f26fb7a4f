"""Networks to chipletsim's own files: YAML, with arrays in NumPy files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from chipletsim.network.connections import Connection, Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.numbers import QUANTITIES
from chipletsim.whole_files import whole_file


def write_yaml(network: Network, path: str | Path) -> None:
    """Write a network as a YAML file that ``load_network`` turns back into the same network.

    Arrays go into ``NAME.npz`` beside it, listed synapses into ``NAME.PROJECTION.npz``.

    Args:
        network: The network.
        path: File to write.
    """
    _Export(Path(path)).write(network)


class _Export:
    """One pass over a network; arrays are gathered."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrays: dict[str, np.ndarray] = {}

    def write(self, network: Network) -> None:
        """Write both files."""
        contents = {
            "name": network.name,
            "dt": f"{network.dt_s!r} s",
            "populations": {each.name: self._population(each) for each in network.populations},
            "projections": [self._projection(each) for each in network.projections],
        }
        if network.summation_rank is not None:
            contents["summation_rank"] = self._kept(network.summation_rank, "summation_rank")
        if self.arrays:
            _write_arrays(self.path.with_suffix(".npz"), self.arrays)
        text = yaml.safe_dump(contents, sort_keys=False, default_flow_style=None, width=100)
        with whole_file(self.path) as part:
            part.write_text(text, encoding="utf-8")

    def _population(self, population: Population) -> dict[str, Any]:
        model = NEURON_MODELS[population.model]
        section: dict[str, Any] = {"shape": list(population.shape), "model": population.model}
        parameters = {
            name: self._value(
                np.asarray(value, model.dtype),
                f"{population.name}.{name}",
                model.parameters[name].unit,
            )
            for name, value in population.parameters.items()
        }
        if parameters:
            section["parameters"] = parameters
        if population.bias is not None:
            bias = np.asarray(population.bias, np.float32)
            unit = NEURON_MODELS[population.model].current_unit
            section["bias"] = self._value(bias, f"{population.name}.bias", unit)
        if population.output:
            section["output"] = True
        if population.value_bits:
            section["value_bits"] = population.value_bits
        if population.steps is not None:
            section["steps"] = population.steps
        return section

    def _value(self, array: np.ndarray, name: str, unit: str) -> Any:
        """Return a number, with its unit where it has one, or a reference to an array."""
        if array.size != 1:
            return self._kept(array, name)
        number = float(array.reshape(-1)[0])
        return f"{number!r} {unit}" if unit in QUANTITIES else number

    def _kept(self, array: np.ndarray, name: str) -> dict[str, str]:
        while name in self.arrays:  # a projection may be called as an array is
            name += "_"
        self.arrays[name] = array
        return {"file": self.path.with_suffix(".npz").name, "array": name}

    def _projection(self, projection: Projection) -> dict[str, Any]:
        section: dict[str, Any] = {
            "source": projection.source,
            "target": projection.target,
            "connection": self._connection(projection.connection, projection.name),
        }
        if projection.name != f"{projection.source}>{projection.target}":
            section["name"] = projection.name
        if projection.pool is not None:
            section["pool"] = _pool(projection.pool)
        if projection.delay:
            section["delay"] = projection.delay
        if projection.port:
            section["port"] = projection.port
        return section

    def _connection(self, connection: Connection, name: str) -> dict[str, Any]:
        if isinstance(connection, Sparse):
            return {"kind": "sparse", "file": self._listed(connection, name)}
        if isinstance(connection, Pool2d):
            return {"kind": "pool2d", **_pool(connection)}
        weight = self._kept(connection.weights, name)
        if isinstance(connection, Conv2d):
            return {
                "kind": "conv2d",
                "weight": weight,
                "stride": list(connection.stride),
                "padding": [list(side) for side in connection.padding],
                "dilation": list(connection.dilation),
                "groups": connection.groups,
            }
        kinds: dict[type, str] = {Dense: "dense", OneToOne: "one_to_one"}
        return {"kind": kinds[type(connection)], "weight": weight}

    def _listed(self, connection: Sparse, name: str) -> str:
        plain = "".join(letter if letter.isalnum() else "_" for letter in name)
        file = self.path.with_name(f"{self.path.stem}.{plain}.npz")
        arrays = {
            "indptr": connection.indptr,
            "targets": connection.targets,
            "weight": connection.weight,
        }
        _write_arrays(file, arrays)
        return file.name


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _pool(pool: Pool2d) -> dict[str, Any]:
    return {
        "kernel": list(pool.kernel),
        "stride": list(pool.stride),
        "padding": list(pool.padding),
        "mode": pool.mode,
    }
