"""Encoders and decoders that run in conversion hardware instead of a tile's own neurons."""

from __future__ import annotations

from chipletsim.mapping.model import Mapping
from chipletsim.network.neurons import NEURON_MODELS, Role


def converted_slices(mapping: Mapping) -> list[Role | None]:
    """Return the role of each slice in conversion hardware.

    It is `Role.ENCODER` or `Role.DECODER` for slices of encoders and decoders on tiles that state
    the energy of a conversion, and None for all others.
    """
    found: list[Role | None] = []
    for part in mapping.slices:
        role = NEURON_MODELS[mapping.network.populations[part.population].model].role
        converts = mapping.package.tiles[part.tile].parameters.converts
        found.append(role if converts and role in (Role.ENCODER, Role.DECODER) else None)
    return found
