"""The trained network on disk: NIR where it can say it, else YAML."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

from chipletsim.errors import ConfigError
from chipletsim.network.model import Network
from chipletsim.network.save import save_network


def write_network(network: Network, folder: Path) -> tuple[str, str | None]:
    """Write ``best.nir``, or ``best.yaml`` and its arrays where NIR cannot say what there is.

    Args:
        network: The trained network.
        folder: An existing folder.

    Returns:
        Name of the file, and why it is no NIR file, if so.
    """
    part = Path(mkdtemp(prefix=".best", dir=folder))
    try:
        try:
            save_network(network, part / "best.nir")
            name, reason = "best.nir", None
        except ConfigError as error:
            save_network(network, part / "best.yaml")
            name, reason = "best.yaml", str(error.problems[0])
        for file in sorted(part.iterdir()):
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return name, reason
