"""Attributes of SANA-FE's neurons: which there are, and what they become."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chipletsim.exchange.sanafe.snn import MODES
from chipletsim.exchange.sanafe.source import Entry, Notes, near

NUMBERS = (
    "threshold", "leak_decay", "input_decay", "bias", "reset", "reverse_threshold",
    "reverse_reset", "potential", "leak", "rate", "poisson",
)  # fmt: skip
WHOLE = ("refractory_delay", "random_mask")
FLAGS = ("force_update", "leak_towards_zero")
RESETS = ("reset_mode", "reverse_reset_mode")
UNITS = {
    "soma_hw_name": "soma",
    "synapse_hw_name": "synapse",
    "dendrite_hw_name": "dendrite",
}
"""Attribute to the section whose unit it chooses."""
_OTHER_NAMES = {"force_update_every_timestep": "force_update"}
_LOGS = {"log_spikes", "log_potential", "log_u", "log_energy", "log_latency"}
_IGNORED = {
    "connections_out": "is out of use in SANA-FE 2.2.9",
    "force_soma_update": "has no effect in SANA-FE 2.2.9, which reads `force_update`",
    "force_synapse_update": "has no effect in SANA-FE 2.2.9",
    "force_dendrite_update": "has no effect in SANA-FE 2.2.9",
    "force_potential": "has no effect in SANA-FE 2.2.9, which reads `potential`",
    "default_synapse_hw_name": "is read from Python alone; in files it is `synapse_hw_name`",
    "default_soma_hw_name": "is read from Python alone; in files it is `soma_hw_name`",
    "noise": "noise comes from a file of random numbers, which has no counterpart here",
    "noise_bits": "noise comes from a file of random numbers, which has no counterpart here",
}
_TRAIN = {"0": False, "1": True, "true": True, "false": False, "True": True, "False": False}
KNOWN = [*NUMBERS, *WHOLE, *FLAGS, *RESETS, *UNITS, "spikes", *_OTHER_NAMES]

Value = float | str | np.ndarray


def read_attributes(entry: Entry, notes: Notes) -> dict[str, Value]:
    """Return the attributes of a group or of a neuron.

    Those under ``soma`` count before those beside it, and those under ``synapse`` and
    ``dendrite`` are not for somas.

    Args:
        entry: Keys and values, or a list of them.
        notes: Takes what is left out.

    Returns:
        Name to number, to the name of a unit, or to a spike train (bool [steps]).

    Raises:
        ConfigError: A value is wrong, or it is not clear what it is for.
    """
    found: dict[str, Value] = {}
    elsewhere: dict[str, Entry] = {}
    for key, value in _soma_last(entry):
        section, _, name = key.rpartition("/")
        if section in ("synapse", "dendrite"):
            notes.leave(f"`{section}: {name}`", f"no {section} model reads it", value.place)
            elsewhere[name] = value
        elif name in _LOGS:
            notes.leave(f"`{name}`", "what is recorded is told by a run", value.place)
        elif name in _IGNORED:
            notes.leave(f"`{name}`", _IGNORED[name], value.place)
        elif name in KNOWN:
            found[_OTHER_NAMES.get(name, name)] = _value(_OTHER_NAMES.get(name, name), value)
        else:
            notes.leave(f"`{name}`", f"no model reads it{near(name, KNOWN)}", value.place)
    for name in elsewhere.keys() & found.keys():
        raise elsewhere[name].fault(
            f"`{name}` stands under a unit and beside it; SANA-FE 2.2.9 then hides it from the "
            "soma; write it in one place"
        )
    return found


def _soma_last(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """Yield attributes: ``name``, then ``section/name`` of those for one unit alone."""
    sections = []
    for key, value in entry.items():
        if key in ("soma", "synapse", "dendrite"):
            sections.append((key, value))
        else:
            yield key, value
    for section, inner in sections:
        for key, value in inner.items():
            yield f"{section}/{key}", value


def _value(name: str, entry: Entry) -> Value:
    if name in UNITS:
        return entry.text()
    if name in FLAGS:
        return float(entry.flag())
    if name in WHOLE:
        return float(_whole(name, entry))
    if name in RESETS:
        return _reset(entry)
    if name == "spikes":
        return _train(entry)
    value = entry.number()
    if name in ("rate", "poisson") and not 0 <= value <= 1:
        raise entry.fault(f"expected 0 to 1, got {value:g}")
    return value


def _whole(name: str, entry: Entry) -> int:
    value = entry.whole()
    if name == "random_mask" and value:
        message = (
            "random thresholds are not supported: SANA-FE draws them from a generator that all "
            "of a process share, so that no run repeats"
        )
        raise entry.fault(message)
    if value >= 2**31:
        raise entry.fault(f"expected at most {2**31 - 1:,}, got {value:,}")
    return value


def _reset(entry: Entry) -> float:
    if entry.text() not in MODES:
        message = f"there is no reset {entry.text()!r}{near(entry.text(), list(MODES))}"
        raise entry.fault(message)
    return MODES[entry.text()]


def _train(entry: Entry) -> np.ndarray:
    if not isinstance(entry.node.value, list):  # long, or no list at all
        numbers = entry.numbers()
        if np.any((numbers != 0) & (numbers != 1)):
            raise entry.fault("expected numbers 0 and 1")
        return numbers.astype(np.bool_)
    spikes = []
    for each in entry.listed():
        if each.text() not in _TRAIN:
            raise each.fault(f"expected 0 or 1, got {each.text()!r}")
        spikes.append(_TRAIN[each.text()])
    return np.array(spikes, np.bool_)
