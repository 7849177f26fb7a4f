"""Small networks drawn at random, on which kernels are compared."""

from math import prod

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection

DT = 2.0**-10  # exact in float32, so that dt / tau may be 1
STEPS = 6
SIZES = (1, 7, 63, 64, 65, 127, 129, 200)
RATES = (0.0, 0.05, 0.5, 1.0)
FORMATS = (np.int8, np.int16, np.float32)
MODELS = ("if", "lif", "cubalif")
VALUES = 32  # bits of graded events


def weights(rng: np.random.Generator, form: type, *shape: int) -> np.ndarray:
    """Weights that need a format: whole multiples of a step, or of all magnitudes."""
    if form is np.float32:
        return (rng.normal(0, 0.3, shape) * 10 ** rng.uniform(-3, 1, shape)).astype(np.float32)
    most, step = (127, 2.0**-6) if form is np.int8 else (32767, 2.0**-13)
    whole = rng.integers(-most * 2 // 3, most + 1, shape)
    if whole.size:
        whole.flat[rng.integers(whole.size)] = most  # odd and largest: no narrower format will do
    return (whole * step).astype(np.float32)


def listed(rng: np.random.Generator, form: type, sources: int, targets: int) -> Sparse:
    """Rows of all lengths, empty ones among them, and with targets that repeat in a row."""
    fan_out = rng.integers(0, 9, sources) * (rng.random(sources) < 0.7)
    fan_out[rng.integers(sources)] = 9
    indptr = np.concatenate([[0], np.cumsum(fan_out)]).astype(np.int64)
    chosen = rng.integers(0, targets, indptr[-1]).astype(np.int32)
    again = np.flatnonzero(rng.random(chosen.size - 1) < 0.2)
    chosen[again + 1] = chosen[again]
    return Sparse(indptr, chosen, weights(rng, form, chosen.size), targets)


def neurons(rng: np.random.Generator, name: str, shape, model: str, **others) -> Population:
    """Neurons with constants of their own, or with the same for all; some with a bias."""
    own = shape if rng.random() < 0.5 else ()
    parameters = {"r": rng.uniform(0.7, 2.0, own) / (DT if model == "if" else 1)}
    for key in {"lif": ("tau",), "cubalif": ("tau_syn", "tau_mem"), "li": ("tau",)}.get(model, ()):
        parameters[key] = rng.uniform(1.1 * DT, 6 * DT, own)
    if model != "li":
        parameters["v_threshold"] = rng.uniform(0.2, 1.0, own)
        parameters["v_reset"] = rng.uniform(-0.2, 0.1, own)
    if model != "if":
        parameters["v_leak"] = rng.uniform(-0.2, 0.3, own)
    if model == "cubalif":
        parameters["w_in"] = rng.uniform(0.5, 2.0, own)
    parameters = {key: np.asarray(value, np.float32) for key, value in parameters.items()}
    bias = rng.normal(0, 0.2, shape).astype(np.float32) if rng.random() < 0.5 else None
    bits = VALUES if model == "li" else 0
    return Population(name, shape, model, parameters, bias, value_bits=bits, **others)


def relay(name: str, shape) -> Population:
    """LI whose value is the current itself."""
    return Population(name, shape, "li", {"tau": np.float32(DT)}, value_bits=VALUES)


def spikes(rng: np.random.Generator, network: Network, samples: int, rate: float) -> np.ndarray:
    return rng.random((samples, STEPS, *network.populations[0].shape)) < rate


def values(rng: np.random.Generator, network: Network, samples: int, rate: float) -> np.ndarray:
    """Multiples of 1/64 whose sums are exact in float32."""
    shape = (samples, STEPS, *network.populations[0].shape)
    return (rng.integers(-32, 65, shape) / 64 * (rng.random(shape) < rate)).astype(np.float32)


def sized(seed: int) -> Network:
    """Populations of odd sizes; each is the target of several projections of all formats."""
    rng = np.random.default_rng(seed)
    a, b, c = SIZES[seed % 8], SIZES[(3 * seed + 5) % 8], SIZES[(5 * seed + 2) % 8]
    form = {n: FORMATS[(seed + n) % 3] for n in range(9)}
    populations = (
        Population("in", (a,), "input"),
        neurons(rng, "b", (b,), MODELS[seed % 3]),
        neurons(rng, "c", (c,), MODELS[(seed + 1) % 3]),
        neurons(rng, "own", (a,), MODELS[(seed + 2) % 3]),
        neurons(rng, "out", (c,), "li"),
    )

    def dense(number: int, sources: int, targets: int) -> Dense:
        return Dense(weights(rng, form[number], targets, sources))

    parts = [
        ("in", "b", dense(0, a, b), 0),
        ("in", "b", listed(rng, form[1], a, b), int(rng.integers(0, 3))),
        ("b", "c", dense(2, b, c), int(rng.integers(0, 2))),
        ("in", "c", listed(rng, form[3], a, c), STEPS + 2),  # arrives after the end
        ("in", "own", OneToOne(weights(rng, form[4], a)), 0),
        ("c", "b", dense(5, c, b), 3),
        ("own", "own", listed(rng, form[6], a, a), 1),
        ("c", "out", dense(7, c, c), 0),
        ("own", "out", listed(rng, form[8], a, c), 4),
    ]
    projections = [
        Projection(f"{n}_{np.dtype(form[n])}", source, target, connection, None, delay)
        for n, (source, target, connection, delay) in enumerate(parts)
    ]
    return Network("sized", populations, tuple(projections), DT)


def convolved(seed: int) -> Network:
    """A convolution of any geometry, with pooling in front of some, and others to its target."""
    rng = np.random.default_rng(seed)
    form = FORMATS[seed % 3]
    channels = int(rng.choice([1, 2, 4]))
    groups = int(rng.choice([1, channels]))
    out = groups * int(rng.choice([1, 2, 3, 5]))
    source = shape = (channels, 7, 6)
    pool = None
    if seed % 4 >= 2:
        mode = "sum" if seed % 4 == 2 else "avg"
        pool = Pool2d((2, 2), (1, 1), (int(rng.integers(2)), 1), mode)
        shape = pool.target_shape(source)
    made = Conv2d(
        weights(rng, form, out, channels // groups, *(int(k) for k in rng.integers(1, 4, 2))),
        stride=tuple(int(s) for s in rng.integers(1, 3, 2)),
        padding=tuple((int(a), int(b)) for a, b in rng.integers(0, 4, (2, 2))),
        dilation=tuple(int(d) for d in rng.integers(1, 3, 2)),
        groups=groups,
    )
    target = made.target_shape(shape)
    own = Conv2d(weights(rng, np.int8, out, 1, 3, 3), padding=((1, 1), (1, 1)), groups=out)
    back = listed(rng, np.int8, 5, prod(target))
    small = Dense(weights(rng, np.int8, 5, prod(target)))
    plane = Pool2d((2, 1), (1, 1), (1, 0))
    pooled = plane.target_shape(target)
    populations = (
        Population("in", source, "input"),
        neurons(rng, "conv", target, MODELS[seed % 3]),
        neurons(rng, "small", (5,), "lif"),
        neurons(rng, "pooled", pooled, "if"),
        neurons(rng, "values", target, "li"),
    )
    projections = (
        Projection(f"a_{np.dtype(form)}", "in", "conv", made, pool),
        Projection("b_int8", "conv", "conv", own, None, 1),
        Projection("c_int8", "conv", "small", small, None, 1),
        Projection("d_int8", "small", "conv", back, None, 2),
        Projection("e_int8", "conv", "pooled", plane),
        Projection("f_int8", "conv", "values", OneToOne(weights(rng, np.int8, prod(target)))),
    )
    return Network("convolved", populations, projections, DT)


def pooling(seed: int, *, graded: bool) -> Network:
    """Pooling as a connection and in front of every other kind.

    Averages of graded events are over a power of two, so that float32 sums stay exact.
    """
    rng = np.random.default_rng(seed)
    shape = (2, 6, 5)

    def pool(mode: str, on: tuple[int, ...] = shape) -> Pool2d:
        if graded and mode == "avg":
            return Pool2d((2, 2), (1, 2), (1, 0), mode)
        kernel = tuple(int(rng.integers(1, min(k, 3) + 1)) for k in on[1:])
        padding = tuple(int(rng.integers(0, k)) for k in kernel)
        return Pool2d(kernel, tuple(int(s) for s in rng.integers(1, 3, 2)), padding, mode)

    populations = [Population("in", shape, "input", value_bits=8 if graded else 0)]
    projections = []

    def add(connection, target, front: Pool2d | None, delay: int) -> None:
        name = f"p{len(projections)}"
        model = (*MODELS, "li")[len(projections) % 4]
        populations.append(neurons(rng, name, target, model))
        projections.append(Projection(name, "in", name, connection, front, delay))

    for mode in ("sum", "avg"):
        alone, front = pool(mode), pool(mode)
        behind = front.target_shape(shape)
        size = prod(behind)
        add(alone, alone.target_shape(shape), None, 1)
        add(Dense(weights(rng, np.int8, 9, size)), (9,), front, 0)
        add(listed(rng, np.int8, size, 70), (70,), front, 0)
        add(OneToOne(weights(rng, np.int8, size)), behind, front, 2)
        conv = Conv2d(weights(rng, np.int8, 2, 2, 2, 1), padding=((1, 0), (0, 1)))
        add(conv, conv.target_shape(behind), front, 0)
        # XLA adds up rounded averages in float32: exact over a power of two alone.
        front = Pool2d((2, 2), (1, 2), (1, 0), mode)
        twice = pool("sum", front.target_shape(shape))
        add(twice, twice.target_shape(front.target_shape(shape)), front, 0)
    return Network("pooling", tuple(populations), tuple(projections), DT)


def graded(seed: int) -> Network:
    """Graded inputs and populations, as sources of every kind of weights."""
    rng = np.random.default_rng(seed)
    a, b, c = SIZES[seed + 1], SIZES[seed + 3], SIZES[seed + 2]
    shape = (2, 5, 4)
    conv = Conv2d(weights(rng, np.int8, 4, 1, 2, 2), padding=((0, 1), (2, 0)), groups=2)
    few = weights(rng, np.int8, c, a) * (rng.random((c, a)) < 0.3)
    plane = conv.target_shape(shape)
    return Network(
        "graded",
        (
            Population("in", shape, "input", value_bits=8),
            relay("a", (a,)),
            relay("plane", plane),
            neurons(rng, "b", (b,), MODELS[seed]),
            neurons(rng, "c", (c,), "li"),
        ),
        (
            Projection("0", "in", "a", listed(rng, np.int8, 40, a), None, 1),
            Projection("1", "in", "plane", conv),
            Projection("2", "a", "b", listed(rng, np.int8, a, b), None, 2),
            Projection("3", "plane", "b", listed(rng, np.int8, prod(plane), b)),
            Projection("4", "b", "c", Dense(weights(rng, np.int16, c, b)), None, 1),
            Projection("5", "a", "c", Dense(few.astype(np.float32))),
            Projection("6", "b", "a", listed(rng, np.int8, b, a), None, STEPS - 1),
        ),
        DT,
    )
