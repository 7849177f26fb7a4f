"""The trained network on disk: NIR where it can say it, else its arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError
from chipletsim.network.model import Network
from chipletsim.network.nir_writer import write_nir


def write_network(network: Network, folder: Path) -> tuple[str, str | None]:
    """Write ``best.nir``, or ``best.npz`` where NIR cannot say what the network holds.

    The arrays of ``best.npz`` are called as the projections, and ``POPULATION.PARAMETER``; a
    network file can name them as `{file: best.npz, array: ...}`.

    Args:
        network: The trained network.
        folder: An existing folder.

    Returns:
        Name of the file, and why it is no NIR file, if so.
    """
    part = folder / ".best.part"
    try:
        try:
            write_nir(network, part)
            name, reason = "best.nir", None
        except ConfigError as error:
            with part.open("wb") as file:
                np.savez(file, **_arrays(network))
            name, reason = "best.npz", str(error.problems[0])
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
    return name, reason


def _arrays(network: Network) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        projection.name: projection.connection.weights
        for projection in network.projections
        if projection.connection.weights.size
    }
    for population in network.populations:
        for name, values in population.parameters.items():
            full = np.broadcast_to(np.asarray(values, np.float32), population.shape)
            arrays[f"{population.name}.{name}"] = full
        if population.bias is not None:
            arrays[f"{population.name}.bias"] = np.broadcast_to(population.bias, population.shape)
    return arrays
