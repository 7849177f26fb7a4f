"""Random NIR graphs, and what nodes without state make of values, computed here once more."""

from itertools import pairwise
from math import prod

import numpy as np

from chipletsim.network.nir.graph import NirGraph, NirNode

DT = 1e-3
f32 = np.float32


def numbers(rng, *shape):
    """Multiples of 1/16, so that most sums are exact."""
    return (rng.integers(-24, 33, shape) / 16).astype(f32)


def row(*nodes):
    """A graph of nodes in a row, given as (name, node)."""
    names = [name for name, _ in nodes]
    return NirGraph(dict(nodes), tuple(pairwise(names)))


def port(kind, shape):
    return NirNode(kind, {"shape": np.array(shape, np.int64)})


# --- nodes without state -------------------------------------------------------------------


def linear(rng, shape):
    outputs = int(rng.integers(1, 5))
    fields = {"weight": numbers(rng, outputs, prod(shape))}
    if rng.random() < 0.5:
        return NirNode("Linear", fields), (outputs,)
    return NirNode("Affine", {**fields, "bias": numbers(rng, outputs)}), (outputs,)


def scale(rng, shape):
    kinds = [numbers(rng, *shape), numbers(rng, *shape[:1], *(1 for _ in shape[1:])), f32(0.5)]
    return NirNode("Scale", {"scale": kinds[rng.integers(3)]}), shape


def delay(rng, shape):
    steps = rng.integers(0, 3, shape if rng.random() < 0.4 else ())
    full = np.broadcast_to(steps, shape)
    return NirNode("Delay", {"delay": full * DT}), shape


def conv2d(rng, shape):
    groups = int(rng.choice([g for g in (1, 2) if shape[0] % g == 0]))
    kernel = rng.integers(1, 3, 2)
    fields = {
        "weight": numbers(rng, 2 * groups, shape[0] // groups, *kernel),
        "stride": rng.integers(1, 3, 2),
        "padding": rng.integers(0, 2, 2),
        "dilation": rng.integers(1, 3, 2) if rng.random() < 0.3 else np.array(1),
        "groups": groups,
        "bias": numbers(rng, 2 * groups),
    }
    node = NirNode("Conv2d", fields)
    return node, apply(node, np.zeros((1, *shape))).shape[1:]


def conv1d(rng, shape):
    fields = {
        "weight": numbers(rng, 2, shape[0], int(rng.integers(1, 3))),
        "stride": int(rng.integers(1, 3)),
        "padding": int(rng.integers(0, 2)),
        "bias": numbers(rng, 2),
    }
    node = NirNode("Conv1d", fields)
    return node, apply(node, np.zeros((1, *shape))).shape[1:]


def pool(rng, shape):
    kind = "SumPool2d" if rng.random() < 0.5 else "AvgPool2d"
    size = 2 if min(shape[1:]) > 1 else 1
    fields = {"kernel_size": size, "stride": int(rng.integers(1, 3)), "padding": np.zeros(2, int)}
    if size == 2 and rng.random() < 0.3:
        fields["padding"] = np.array([1, 0])
    node = NirNode(kind, fields)
    return node, apply(node, np.zeros((1, *shape))).shape[1:]


def flatten(rng, shape):
    first = int(rng.integers(0, len(shape)))
    node = NirNode("Flatten", {"start_dim": first, "end_dim": -1})
    return node, apply(node, np.zeros((1, *shape))).shape[1:]


def stateless(rng, shape, count):
    """Return ``count`` named nodes that fit behind a signal of ``shape``, and its shape then."""
    nodes, line = [], len(shape) == 2
    for number in range(count):
        makers = [linear, scale, delay, flatten]
        if len(shape) == 3 and min(shape[1:]) > 3:
            makers = [conv2d, pool, conv2d, pool, *makers]
        if line and len(shape) == 2 and shape[1] > 3:
            makers = [conv1d, *makers]
        node, shape = makers[rng.integers(len(makers))](rng, shape)
        nodes.append((f"n{number}", node))
    return nodes, shape


def apply(node, given):
    """Return [steps, ...]: what a node without state makes of [steps, ...], in float64."""
    return _APPLY[node.type](node.fields, given)


def _linear(fields, given):
    flat = given.reshape(len(given), -1)
    return flat @ fields["weight"].astype(float).T + fields.get("bias", 0.0)


def _conv(fields, given, axes):
    def each(name, default):
        return np.broadcast_to(np.asarray(fields.get(name, default)), axes).astype(int)

    stride, padding, dilation = each("stride", 1), each("padding", 0), each("dilation", 1)
    weight, groups = fields["weight"].astype(float), fields.get("groups", 1)
    padded = np.pad(given, [(0, 0), (0, 0), *((p, p) for p in padding)])
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
    size = [(n - r - 1) // s + 1 for n, r, s in zip(padded.shape[2:], reach, stride, strict=True)]
    out = np.zeros((len(given), len(weight), *size))
    for o in np.ndindex(len(weight), *size):
        group = o[0] // (len(weight) // groups)
        channels = slice(group * weight.shape[1], (group + 1) * weight.shape[1])
        window = tuple(
            slice(at * s, at * s + r + 1, d)
            for at, s, r, d in zip(o[1:], stride, reach, dilation, strict=True)
        )
        seen = padded[(slice(None), channels, *window)]
        out[(slice(None), *o)] = (seen * weight[o[0]]).sum(axis=tuple(range(1, seen.ndim)))
    return out + np.reshape(fields.get("bias", 0.0), (-1, *(1 for _ in size)))


def _pool(fields, given, average):
    kernel = np.broadcast_to(fields["kernel_size"], 2).astype(int)
    channels = given.shape[1]
    ones = np.zeros((channels, 1, *kernel), f32) + (1 / prod(kernel) if average else 1)
    return _conv({**fields, "weight": ones, "groups": channels}, given, 2)


def _flat(fields, given):
    first, last = fields["start_dim"], fields["end_dim"] % (given.ndim - 1)
    return given.reshape(*given.shape[: first + 1], -1, *given.shape[last + 2 :])


def _delayed(fields, given):
    steps = np.broadcast_to(np.rint(fields["delay"] / DT).astype(int), given.shape[1:])
    out = np.zeros_like(given)
    for place in np.ndindex(*given.shape[1:]):
        late = steps[place]
        out[(slice(late, None), *place)] = given[(slice(0, len(given) - late), *place)]
    return out


_APPLY = {
    "Linear": _linear,
    "Affine": _linear,
    "Scale": lambda fields, given: given * fields["scale"],
    "Conv1d": lambda fields, given: _conv(fields, given, 1),
    "Conv2d": lambda fields, given: _conv(fields, given, 2),
    "SumPool2d": lambda fields, given: _pool(fields, given, average=False),
    "AvgPool2d": lambda fields, given: _pool(fields, given, average=True),
    "Flatten": _flat,
    "Delay": _delayed,
}


# --- neurons -------------------------------------------------------------------------------

TAUS = (2e-3, 9e-3)
FIELDS = {
    "I": ("r",),
    "IF": ("r", "v_threshold", "v_reset"),
    "LI": ("tau", "r", "v_leak"),
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    "Threshold": ("threshold",),
}


def neuron(rng, kind, shape, *, leak=True):
    """A neuron node; without ``leak`` its potentials rest at 0, as most frameworks' do."""
    fields = {}
    for name in FIELDS[kind]:
        drawn = rng.uniform(*TAUS, shape) if name.startswith("tau") else rng.uniform(0.1, 2, shape)
        if name == "v_leak" and not leak:
            drawn = np.zeros(shape)
        fields[name] = drawn.astype(f32 if rng.random() < 0.5 else float)
    return NirNode(kind, fields)


def as_spikingjelly_writes(rng, node, dt=1e-4):
    """Give a node gains and potentials as SpikingJelly's exporter does."""
    fields = node.fields
    if node.type == "IF":
        fields["r"] = np.full_like(fields["r"], 1 / dt)
        return
    if node.type == "LIF":
        tau = rng.uniform(1.1, 9, fields["tau"].shape)
        whole = rng.random() < 0.5
        fields |= {"tau": tau * dt, "r": tau if whole else np.ones_like(tau)}
        fields["v_leak"] = fields["v_reset"]
        return
    for name, gain in (("tau_syn", "w_in"), ("tau_mem", "r")):
        fields[name] = rng.uniform(1.1, 9, fields[name].shape) * dt
        fields[gain] = fields[name] / dt
    fields["v_leak"] = np.zeros_like(fields["v_leak"])


def as_lava_writes(rng, node, dt=1e-4):
    """Give a node a reset to 0, and gains as Lava-DL's readers take them."""
    fields = node.fields
    if node.type == "CubaLIF":
        as_spikingjelly_writes(rng, node, dt)
    elif node.type == "LIF":
        fields |= {
            "tau": rng.uniform(1.1, 9, fields["tau"].shape) * dt,
            "r": np.full(fields["tau"].shape, 1.5),
        }
    else:
        fields["r"] = np.ones_like(fields["r"])
    fields["v_reset"] = np.zeros_like(fields["v_reset"])
