"""Fidelity: the models of the NIR paper beside what its platforms recorded.

Files, inputs and records are in ``../shared/references/nir/paper`` (Pedersen et al., Nature
Communications 2024; its README there says what is the paper's and what was run later). Each file
is loaded as it is, under the preset of the platform.

* ``lif``: one neuron for 1000 steps. ``difference`` of the spikes is the number of steps that are
  not the same; of the membrane, after each step, the largest difference over the largest value.
  Rockpool and Spyx scale the membrane by 0.04 = dt / tau; we divide the threshold by it instead,
  and the membrane here is scaled back. Lava's record is of its floating point, ours of its fixed
  point, in 4096ths.
* ``cnn``: moving digits as Sinabs and Norse ran the network; trained weights are no multiples of
  a power of two, so that sums of counts may differ in the last bit and a spike with them.
  ``difference`` counts predictions that differ, and is relative for spikes of a node.
* ``rnn``: Braille letters. ``difference`` counts the spikes that are not the same.

``--quick`` takes 4 of the 40 recordings of digits. Without the files there are no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.fidelity.nir import SHARED
from benchmarks.harness import Row
from chipletsim.engine.activity import Activity
from chipletsim.engine.simulate import simulate
from chipletsim.network.load import load_network
from chipletsim.network.model import Network

PAPER = SHARED / "paper"
QUICK_RECORDINGS, DT = 4, "0.1 ms"
SPIKING = ("1", "3", "6", "10", "12")
"""Neuron nodes of the convolutional network, inputs first."""


@dataclass(frozen=True)
class Platform:
    """How a platform reads the one neuron.

    Attributes:
        asked: Arguments of ``load_network``.
        input_scale: What its recorded input is multiplied with to get that of the others.
        membrane_scale: What our membrane is multiplied with to get its.
    """

    asked: Mapping[str, Any]
    input_scale: float = 1.0
    membrane_scale: float = 1.0


ONE_NEURON = {
    "norse": Platform({"preset": "norse"}),
    "snntorch": Platform(
        {"preset": "snntorch", "options": {"reset": "zero", "reset_delay": False}}
    ),
    "sinabs": Platform(
        {"preset": "sinabs", "options": {"gain": "nir", "export_dt": DT}}, input_scale=25
    ),
    "rockpool": Platform({"preset": "rockpool", "options": {"gain": "nir"}}, membrane_scale=0.04),
    "spyx": Platform({"preset": "spyx", "options": {"gain": "nir"}}, membrane_scale=0.04),
    "exact": Platform({"preset": "exact"}),
    "lava_cpu_float": Platform({"preset": "lava_dl"}, membrane_scale=0.04 / 4096),
}
LETTERS: Mapping[str, Mapping[str, Any]] = {
    "snntorch": {"preset": "snntorch", "options": {"reset_delay": False}},
    "norse": {"preset": "norse_import"},
    "spyx": {"preset": "spyx"},
}


def rows(quick: bool) -> list[Row]:
    """Return the figures; none where the paper's files are not there."""
    if not PAPER.is_dir():
        return []
    recordings = QUICK_RECORDINGS if quick else None
    found = [*_one_neuron(), *_digits(recordings), *_digits_as_norse(recordings), *_letters()]
    return [replace(row, peer=f"{row.peer}, NIR paper") for row in found]


# --- one neuron -----------------------------------------------------------------------------


def _one_neuron() -> Iterator[Row]:
    for name, platform in ONE_NEURON.items():
        record = PAPER / "01_lif" / f"lif_{name}.csv"
        given, membrane, spikes = np.loadtxt(record, delimiter=",").T
        drive = (given * platform.input_scale).astype(np.float32).reshape(1, -1, 1)
        network = load_network(PAPER / "01_lif" / "lif_norse.nir", dt=DT, **platform.asked)
        activity = simulate(_graded(network), drive, record=("v",))
        found = _events(activity, "1").ravel()
        yield _counted(f"lif, {name}", "spikes", found, spikes, name)
        ours = activity.recorded["1"]["v"].ravel() * platform.membrane_scale
        scale = float(np.abs(membrane).max())
        apart = float(np.abs(ours - membrane).max()) / scale
        largest = float(np.abs(ours).max())
        yield Row(f"lif, {name}", "largest membrane", "1", largest, name, scale, difference=apart)


def _graded(network: Network) -> Network:
    """Return the network with inputs that are values in place of spikes."""
    populations = tuple(
        replace(p, value_bits=32) if p.model == "input" else p for p in network.populations
    )
    return replace(network, populations=populations)


# --- moving digits --------------------------------------------------------------------------


def _digits(recordings: int | None) -> Iterator[Row]:
    """Yield the convolutional network as Sinabs ran it: counts of spikes in each step."""
    folder = PAPER / "02_cnn"
    with np.load(folder / "cnn_io_sinabs.npz") as stored:
        recorded = dict(stored)
    network = load_network(
        folder / "cnn_sinabs.nir", dt="1 ms", preset="sinabs", options={"from_nir": True}
    )
    activity = simulate(network, _samples(recorded["input"], recordings))
    answers = activity.counts("12").sum(axis=1, dtype=np.int64).argmax(axis=1)
    expected, label = recorded["pred"][:recordings], recorded["label"][:recordings]
    yield _right("cnn, sinabs", answers, expected, label, "sinabs")
    for node in SPIKING:
        found = _per_sample(activity, node)
        theirs = recorded[f"counts__{node}"][:recordings].reshape(len(found), -1)
        yield _share("cnn, sinabs", node, found.sum(), theirs.sum(dtype=np.int64), "sinabs")


def _digits_as_norse(recordings: int | None) -> Iterator[Row]:
    """Yield the same file as Norse runs it: at most one spike a step, reset to 0."""
    folder = PAPER / "02_cnn"
    with np.load(folder / "cnn_io_sinabs.npz") as stored:
        given, label = stored["input"], stored["label"][:recordings]
    with np.load(folder / "cnn_io_norse.npz") as stored:
        recorded = dict(stored)
    network = load_network(folder / "cnn_sinabs.nir", dt="1 ms", preset="norse_import")
    activity = simulate(network, _samples(given, recordings))
    theirs = np.moveaxis(recorded["output"], 0, 1)[:recordings]
    answers = activity.spikes("12").sum(axis=1).argmax(axis=1)
    expected = theirs.sum(axis=1).argmax(axis=1)
    yield _right("cnn, norse", answers, expected, label, "norse")
    yield _counted("cnn, norse", "spikes of the output", activity.spikes("12"), theirs, "norse")
    for node in SPIKING:
        counts = recorded[f"counts__{node}"][:recordings].sum(dtype=np.int64)
        yield _share("cnn, norse", node, _per_sample(activity, node).sum(), counts, "norse")


def _samples(given: np.ndarray, recordings: int | None) -> np.ndarray:
    """Return events [steps, samples, ...] as bool [samples, steps, ...]."""
    return np.moveaxis(given[:, :recordings], 0, 1).astype(bool)


def _per_sample(activity: Activity, node: str) -> np.ndarray:
    return _events(activity, node).sum(axis=(1, 2), dtype=np.int64)


def _right(case: str, ours: np.ndarray, theirs: np.ndarray, label: np.ndarray, peer: str) -> Row:
    """Return how many recordings each reads right; the difference counts other answers."""
    right = [float(np.count_nonzero(each == label)) for each in (ours, theirs)]
    apart = float(np.count_nonzero(ours != theirs))
    return Row(case, "digits read right", "digits", right[0], peer, right[1], difference=apart)


def _share(case: str, node: str, ours: int, theirs: int, peer: str) -> Row:
    apart = abs(int(ours) - int(theirs)) / int(theirs)
    quantity = f"spikes of node {node}"
    return Row(case, quantity, "spikes", float(ours), peer, float(theirs), difference=apart)


# --- Braille letters ------------------------------------------------------------------------


def _letters() -> Iterator[Row]:
    for model in ("bias_zero", "noBias_subtract"):
        with np.load(PAPER / "03_rnn" / f"expected_braille_noDelay_{model}.npz") as stored:
            recorded = dict(stored)
        for platform, asked in LETTERS.items():
            yield from _letter(model, platform, asked, recorded)


def _letter(
    model: str, platform: str, asked: Mapping[str, Any], recorded: Mapping[str, np.ndarray]
) -> Iterator[Row]:
    """Yield the paper's letter, and eight random inputs where the platform ran those, too."""
    if platform == "snntorch":
        reset = model.rpartition("_")[2]
        asked = {**asked, "options": {**asked["options"], "reset": reset}}
    path = PAPER / "03_rnn" / f"braille_noDelay_{model}.nir"
    inputs = np.concatenate([recorded["input"][:, None], recorded["random__input"]], axis=1)
    activity = simulate(load_network(path, dt=DT, **asked), _samples(inputs, None))
    for layer, population in (("lif1", "lif1.lif"), ("lif2", "lif2")):
        found = activity.spikes(population)
        if f"{platform}__{layer}" in recorded:
            theirs = recorded[f"{platform}__{layer}"]
            yield _counted(
                f"rnn {model}, {platform}", f"spikes of {layer}", found[0], theirs, platform
            )
        if f"random__{platform}__{layer}" in recorded:
            theirs = np.moveaxis(recorded[f"random__{platform}__{layer}"], 0, 1)
            quantity = f"spikes of {layer}, random inputs"
            yield _counted(f"rnn {model}, {platform}", quantity, found[1:], theirs, platform)


def _events(activity: Activity, population: str) -> np.ndarray:
    """Return spikes, or counts of spikes, of each step."""
    counted = population in activity.counted
    return activity.counts(population) if counted else activity.spikes(population)


def _counted(case: str, quantity: str, ours: np.ndarray, theirs: np.ndarray, peer: str) -> Row:
    """Return spikes of both sides; the difference counts the places where they differ."""
    apart = float(np.count_nonzero(ours.astype(np.int64) != theirs.astype(np.int64)))
    totals = [float(each.sum(dtype=np.float64)) for each in (ours, theirs)]
    return Row(case, quantity, "spikes", totals[0], peer, totals[1], difference=apart)
