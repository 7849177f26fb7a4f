"""From a package file to a package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chipletsim.errors import ConfigError
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.overrides import Overrides
from chipletsim.spec.package import PackageSpec


def load_package(source: str | Path | Mapping[str, Any], overrides: Overrides = ()) -> Package:
    """Read a package file and build the package.

    Args:
        source: A file, the name of a shipped one such as ``packages/two_dies``, or the
            contents as a mapping.
        overrides: Texts ``a.b=c``, or dotted paths to values, set after presets.

    Raises:
        ConfigError: Every fault of the file at once, with its place.

    Example:
        >>> package = load_package("packages/two_dies")
        >>> [link.name for link in package.links if link.between_dies]
        ['west(1,0)>east(0,0)', 'east(0,0)>west(1,0)']
    """
    loaded = load_kind(source, PackageSpec, overrides)
    try:
        return build_package(loaded.spec)
    except ConfigError as error:
        raise loaded.locate(error) from None
