"""Bits of what crosses the boundary, in the codecs of `chipletsim.codecs`."""

from __future__ import annotations

from typing import Any

import numpy as np

import chipletsim as cs
from chipletsim.baseline.codings import codings
from chipletsim.codecs import DenseValues, MaskedValues, RiceGaps
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping

BLOCK = 32
"""Neurons of a block, as `codings` has them."""


def boundary_codes(activity: Activity, mapping: Mapping, population: str) -> dict[str, float]:
    """Return the payload bits of each code, mean per inference.

    Of spikes: `events` (addresses of just enough bits), `packets`, `bitmap`, `blocks`, `gaps`
    (Rice code, best k), `counts` (once per inference) and `masked counts`. Of values: `dense`,
    `masked`, and `gaps + values`, which is masked values with the places of values other than 0 as
    Rice-coded gaps; a 1-bit value is told by its place.

    Args:
        activity: Of held-out images.
        mapping: Where the network lives.
        population: Whose events cross.
    """
    if population in activity.values:
        return _value_codes(activity.values[population], _bits(mapping, population))
    found = codings(activity, mapping).boundaries
    (bits,) = (each.bits for each in found if each.populations == (population,))
    names = {"dense q": "counts", "masked": "masked counts"}
    return {names.get(name, name): each for name, each in bits.items() if name != "dense 8"}


def link_codec(
    code: str, activity: Activity, mapping: Mapping, population: str
) -> dict[str, Any] | None:
    """Return the encoding of a link that sends in a code; None where links have none such."""
    bits = _bits(mapping, population)
    width = {"width": f"{bits} bit"}
    size = mapping.network.population(population).size
    address = {"address": f"{(size - 1).bit_length()} bit"}
    kinds: dict[str, dict[str, Any]] = {
        "dense": {"values": {"kind": "dense", **width}},
        "masked": {"values": {"kind": "masked", **width}},
        "events": {"spikes": {"kind": "address_events", **address}},
        "bitmap": {"spikes": {"kind": "bitmap"}},
        "blocks": {"spikes": {"kind": "blocked_bitmap", "block_neurons": BLOCK}},
        "counts": {"spikes": {"kind": "spike_counts"}},
    }
    if code == "gaps":
        by_k = RiceGaps().bits_by_k(activity.spikes(population))
        return {"spikes": {"kind": "rice_gaps", "k": min(by_k, key=lambda k: by_k[k])}}
    return kinds.get(code)


def wire_bits(activity: Activity, mapping: Mapping) -> float:
    """Return the bits on the wire from front to back as `price` counts them, per inference.

    Messages of a step end in a whole frame, so a step with anything to send takes one at least.
    """
    return _links_from_front(cs.price(activity, mapping), "wire_bits")


def message_bits(activity: Activity, mapping: Mapping) -> float:
    """Return the bits of whole flits from front to back as `price` counts them, per inference."""
    return _links_from_front(cs.price(activity, mapping), "bits")


def _links_from_front(result: Any, column: str) -> float:
    package = result.mapping.package
    chosen = [
        link.between_dies and package.chiplets[package.routers[link.source].chiplet].name == "front"
        for link in package.links
    ]
    return float(np.asarray(result.links[column])[chosen].sum()) / result.samples


def _value_codes(values: np.ndarray, bits: int) -> dict[str, float]:
    """Return bits of codes of values [samples, steps, neurons] that come in one step."""
    once = values.sum(axis=1)
    width = f"{bits} bit"
    sent = once != 0
    places = min(RiceGaps().bits_by_k(sent[:, None]).values()) / len(once)
    width_of_others = bits if bits > 1 else 0
    return {
        "dense": float(DenseValues.model_validate({"width": width}).bits(once).mean()),
        "masked": float(MaskedValues.model_validate({"width": width}).bits(once).mean()),
        "gaps + values": places + width_of_others * float(sent.sum(axis=1).mean()),
    }


def _bits(mapping: Mapping, population: str) -> int:
    return mapping.network.population(population).value_bits
