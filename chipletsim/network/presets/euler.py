"""NIR's own equations by forward Euler, ``v_reset`` in the step of the spike."""

from __future__ import annotations

from collections.abc import Mapping

from chipletsim.network.presets.base import (
    Neuron,
    Parameters,
    Part,
    Preset,
    Read,
    Reading,
    Write,
    Writing,
)

FIELDS: dict[str, dict[str, float | None]] = {
    "I": {"r": None},
    "IF": {"r": None, "v_threshold": None, "v_reset": 0.0},
    "LI": {"tau": None, "r": None, "v_leak": None},
    "LIF": {"tau": None, "r": None, "v_leak": None, "v_threshold": None, "v_reset": 0.0},
    "CubaLI": {"tau_syn": None, "tau_mem": None, "r": None, "v_leak": None, "w_in": 1.0},
    "CubaLIF": {
        "tau_syn": None, "tau_mem": None, "r": None, "v_leak": None, "v_threshold": None,
        "v_reset": 0.0, "w_in": 1.0,
    },
    "Threshold": {"threshold": None},
}  # fmt: skip
"""NIR's neuron types: their fields, and the value where a file of an older version has none."""


def reads(models: Mapping[str, str]) -> dict[str, Read]:
    """Return the readers of node types whose fields are the parameters of a model."""
    return {kind: _reader(model) for kind, model in models.items()}


def writes(models: Mapping[str, str]) -> dict[str, Write]:
    """Return the writers of the same models."""
    return {model: _writer(kind) for kind, model in models.items()}


def _reader(model: str) -> Read:
    def read(neuron: Neuron) -> Reading:
        fields = FIELDS[neuron.node.type]
        return Reading(model, {name: neuron.array(name, value) for name, value in fields.items()})

    return read


def _writer(kind: str) -> Write:
    def write(model: str, parameters: Parameters, dt: float) -> Writing:
        return Writing((Part("", kind, {name: parameters[name] for name in FIELDS[kind]}),))

    return write


MODELS = {
    "I": "i",
    "IF": "if",
    "LI": "li",
    "LIF": "lif",
    "CubaLI": "cubali",
    "CubaLIF": "cubalif",
    "Threshold": "threshold",
}
EULER = Preset(
    "euler",
    {"export_dt_s": None},
    reads(MODELS),
    writes(MODELS),
)
