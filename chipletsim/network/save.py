"""Networks to files."""

from __future__ import annotations

from pathlib import Path

from chipletsim.errors import UsageError
from chipletsim.network.model import Network
from chipletsim.network.nir.writer import write_nir
from chipletsim.network.yaml_writer import write_yaml

WRITERS = {".nir": write_nir, ".yaml": write_yaml, ".yml": write_yaml}


def save_network(network: Network, path: str | Path) -> None:
    """Write a network to a file that ``load_network`` reads.

    NIR holds spiking networks alone, without their time step; YAML holds all that there is.

    Args:
        network: The network.
        path: A ``.nir`` or ``.yaml`` file.

    Raises:
        ConfigError: NIR cannot say what the network holds; nothing is written.
        UsageError: The file is of another kind, or cannot be written; what was there before stays.
    """
    suffix = Path(path).suffix
    if suffix not in WRITERS:
        raise UsageError(f"networks are written as .nir or .yaml, not as {suffix or 'no suffix'!r}")
    WRITERS[suffix](network, path)
