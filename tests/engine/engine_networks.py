"""Random networks and inputs whose float32 sums are exact, for tests of the engine."""

from dataclasses import replace
from math import prod

import numpy as np

from chipletsim.engine.native.models import MODELS
from chipletsim.network.check import validated
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS, Event, NeuronModel, Role
from chipletsim.network.neurons.adaptive import ADAPTIVE_MODELS
from chipletsim.network.neurons.neuroscience import NEUROSCIENCE_MODELS

CONNECTIONS = ("dense", "conv2d", "pool2d", "sparse", "one_to_one")
NEURONS = ("if", "lif", "cubalif", "li")
SECONDS = ("tau", "tau_syn", "tau_mem")
OWN_TESTS = {model.name for model in (*ADAPTIVE_MODELS, *NEUROSCIENCE_MODELS)}
"""Those of ``test_neuroscience_kernels``."""
EVERY_STEP = [
    model
    for model in NEURON_MODELS.values()
    if model.role is Role.NEURON
    and model.precision == "float32"
    and model.name not in {*NEURONS, *OWN_TESTS}
]
WITHOUT_KERNEL = [model for model in EVERY_STEP if model.name not in MODELS]
RANGES = {
    "tau": (1.1e-3, 9e-3),
    "tau_syn": (1.1e-3, 9e-3),
    "tau_mem": (1.1e-3, 9e-3),
    "r": (0.7, 3.0),
    "v_leak": (-0.2, 0.3),
    "w_in": (0.7, 1.4),
    "v_threshold": (0.2, 1.0),
    "threshold": (0.2, 1.0),
    "v_reset": (-0.2, 0.1),
    "alpha": (0.3, 1.0),
    "beta": (0.3, 1.0),
    "gain": (0.5, 1.5),
    "v_min": (-1.0, -0.3),
    "dt_tau_inv": (0.1, 0.9),
    "dt_tau_mem_inv": (0.1, 0.9),
    "dt_tau_syn_inv": (0.1, 0.9),
    "late_bias": (0.1, 0.4),
    "late_steps": (0.0, 9.0),
    "tau_steps": (1.1, 9.0),
    "rate": (0.1, 0.9),
    "current_decay": (0, 4096),
    "voltage_decay": (0, 4096),
    "reach": (1000, 8000),
    "units": (4096, 4097),
}


def dyadic(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Multiples of 1/64, so that sums are exact in any order."""
    return (rng.integers(-40, 65, shape) / 64).astype(np.float32)


def population(rng, name: str, shape: tuple[int, ...], model: str, **others) -> Population:
    """Neurons with arbitrary time constants, thresholds and biases."""
    if model == "input":
        return Population(name, shape, model, **others)
    needed = {"if": ("r",), "lif": ("tau",), "cubalif": ("tau_syn", "tau_mem"), "li": ("tau",)}
    parameters = {key: rng.uniform(1.1e-3, 9e-3, shape) for key in needed[model]}
    if model == "if":
        parameters["r"] = rng.uniform(100, 900, shape)
    else:
        parameters["r"] = rng.uniform(0.7, 3.0, shape)
        parameters["v_leak"] = rng.uniform(-0.2, 0.3, ())
    if model != "li":
        parameters["v_threshold"] = rng.uniform(0.2, 1.0, shape)
        parameters["v_reset"] = rng.uniform(-0.2, 0.1, ())
    bias = rng.normal(0, 0.2, shape).astype(np.float32) if rng.random() < 0.5 else None
    parameters = {key: np.asarray(value, np.float32) for key, value in parameters.items()}
    bits = 0 if model != "li" else 32
    return Population(name, shape, model, parameters, bias, value_bits=bits, **others)


def of_every_model(
    seed: int, size: int, *, uniform: bool, models: list[NeuronModel] | None = None
) -> Network:
    """A population of each model that runs in every step, fed by the input and by its own events.

    Those that the native kernels know, unless ``models`` are given.

    Behind each one that counts stands a readout of its counts. ``uniform`` neurons of a population
    are all alike.
    """
    rng = np.random.default_rng(seed)
    populations, projections = [population(rng, "in", (20,), "input")], []
    for model in models or [each for each in EVERY_STEP if each not in WITHOUT_KERNEL]:
        drawn = {
            name: np.asarray(rng.uniform(*RANGES[name], 1 if uniform else size), np.float32)
            for name in model.parameters
        }
        drawn |= {
            name: np.rint(drawn[name]) for name, each in model.parameters.items() if each.whole
        }
        if model.name in ("i", "i_late", "if_late"):
            drawn["r"] *= 100
        if model.name.startswith("alpha_"):  # nothing is left of traces that decay alike
            drawn["beta"] *= 0.5
            drawn["gain"] *= 3
        name, bits = model.name, 32 if model.event is Event.VALUE else 0
        populations.append(Population(name, (size,), name, drawn, value_bits=bits))
        into = Dense(dyadic(rng, size, 20))
        projections.append(Projection(f"in>{name}", "in", name, into))
        if model.event is not Event.VALUE:
            own = sparse(rng, size, size, 2)
            own = own.with_weights(-np.abs(own.weights))
            projections.append(Projection(f"{name}>{name}", name, name, own, None, 1))
        if model.event is Event.COUNT:
            populations.append(population(rng, f"{name}_out", (size,), "li"))
            out = Dense(dyadic(rng, size, size))
            projections.append(Projection(f"{name}>out", name, f"{name}_out", out))
    return validated(Network("every", tuple(populations), tuple(projections), 1e-3))


def sparse(rng, n_sources: int, n_targets: int, largest: int = 6) -> Sparse:
    """Synapses with uneven fan-outs, some of them zero, and repeated targets."""
    fan_out = rng.integers(0, largest + 1, n_sources)
    indptr = np.concatenate([[0], np.cumsum(fan_out)]).astype(np.int64)
    targets = rng.integers(0, n_targets, indptr[-1]).astype(np.int32)
    return Sparse(indptr, targets, dyadic(rng, indptr[-1]), n_targets)


def conv2d(rng, channels: int) -> Conv2d:
    groups = int(rng.choice([1, channels]))
    kernel = rng.integers(1, 4, 2)
    return Conv2d(
        dyadic(rng, 2 * groups, channels // groups, *kernel),
        stride=tuple(int(s) for s in rng.integers(1, 3, 2)),
        padding=tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (2, 2))),
        dilation=tuple(int(d) for d in rng.integers(1, 3, 2)),
        groups=groups,
    )


def pool2d(rng, mode: str) -> Pool2d:
    kernel = tuple(int(k) for k in rng.integers(1, 4, 2))
    padding = tuple(int(rng.integers(0, k)) for k in kernel)
    return Pool2d(kernel, tuple(int(s) for s in rng.integers(1, 3, 2)), padding, mode)


def connect(rng, kind: str, source: tuple[int, ...]) -> tuple[object, tuple[int, ...]]:
    """A connection of a kind from a population of a shape, and the target's shape."""
    size = prod(source)
    if kind == "conv2d":
        made = conv2d(rng, source[0])
        return made, made.target_shape(source)
    if kind == "pool2d":
        made = pool2d(rng, str(rng.choice(["sum", "avg"])))
        return made, made.target_shape(source)
    if kind == "one_to_one":
        return OneToOne(dyadic(rng, size)), source
    target = (int(rng.integers(3, 12)),)
    if kind == "sparse":
        return sparse(rng, size, target[0]), target
    return Dense(dyadic(rng, target[0], size)), target


def feed_forward(seed: int, kinds: list[str], models: list[str], *, graded: bool) -> Network:
    """A chain of populations; convolutions and pools come first, where planes still are."""
    rng = np.random.default_rng(seed)
    kinds = sorted(kinds, key=lambda kind: kind not in ("conv2d", "pool2d"))
    populations = [population(rng, "in", (2, 6, 5), "input", value_bits=8 if graded else 0)]
    projections = []
    for number, (wanted, model) in enumerate(zip(kinds, models, strict=True)):
        source, pool = populations[-1], None
        shape = source.shape
        if len(shape) == 3 and min(shape[1:]) >= 3 and rng.random() < 0.4:
            pool = Pool2d((2, 2), (1, 2), (1, 0), str(rng.choice(["sum", "avg"])))
            shape = pool.target_shape(shape)
        planes = len(shape) == 3 and min(shape[1:]) >= 5
        kind = wanted if planes or wanted not in ("conv2d", "pool2d") else "dense"
        connection, target = connect(rng, kind, shape)
        populations.append(population(rng, f"p{number}", target, model))
        delay = int(rng.integers(0, 3))
        projections.append(
            Projection(f"f{number}", source.name, f"p{number}", connection, pool, delay)
        )
    return Network("random", tuple(populations), tuple(projections), 1e-3)


def with_feedback(network: Network, seed: int, count: int) -> Network:
    """The network with delayed projections from any spiking population to an earlier one."""
    rng = np.random.default_rng(seed)
    spiking = [each for each in network.populations[1:] if each.model != "li"]
    extra = []
    for number in range(count if spiking else 0):
        source = spiking[rng.integers(len(spiking))]
        target = network.populations[rng.integers(1, 1 + network.index[source.name])]
        made = sparse(rng, source.size, target.size)
        if rng.random() < 0.3:
            made = Dense(dyadic(rng, target.size, source.size))
        delay = int(rng.integers(1, 4))
        extra.append(Projection(f"b{number}", source.name, target.name, made, None, delay))
    return validated(replace(network, projections=network.projections + tuple(extra)))


def random_inputs(network: Network, seed: int, samples: int, steps: int) -> np.ndarray:
    """Spikes, or values that are multiples of 1/64, for the one input population."""
    rng = np.random.default_rng(seed)
    source = network.populations[0]
    shape = (samples, steps, *source.shape)
    if source.value_bits:
        return (rng.integers(0, 65, shape) / 64 * (rng.random(shape) < 0.5)).astype(np.float32)
    return rng.random(shape) < 0.4
