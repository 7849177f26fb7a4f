"""What every section of a configuration file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A section of a file: unknown keys are errors, values never change.

    A field's alias is its key in YAML (``energy_per_bit``); its Python name adds
    the unit in which it is kept (``energy_j_per_bit``).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_alias=True,
        validate_by_name=True,
        strict=False,
        defer_build=True,
    )
