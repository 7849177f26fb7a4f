"""What each NIR node does to a signal on its way from one population to the next.

A node joins what was met before where the result is the same synapses with other weights
(rounded once to float32): factors go into weights, a pooling behind a convolution makes it a
larger one. Else it raises ``StandsAloneError``, and the values in between become a population of
their own. Adding a node that carries no state is one function, one line in ``TRANSFORMS`` and its
name in ``chipletsim.network.nir.graph``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, OneToOne, Sparse
from chipletsim.network.nir.chain import (
    Bias,
    Chain,
    StandsAloneError,
    bias_of,
    by_channel,
    require_reasonable,
)
from chipletsim.network.nir.flatten import PORT
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.notes import listed
from chipletsim.network.nir.planes import conv1d, conv2d, pooling


@dataclass(frozen=True)
class Step:
    """A chain, and the node that it meets."""

    chain: Chain
    name: str
    node: NirNode
    channels_last: bool = False

    def after(self) -> Chain:
        """Return the chain behind the node.

        Raises:
            ValueError: The node cannot stand here; the message says why.
            StandsAloneError: It can, but the values before it need a population.
        """
        chain = replace(self.chain, nodes=(*self.chain.nodes, self.name))
        after = TRANSFORMS[self.node.type](replace(self, chain=chain))
        require_reasonable(after.shape)
        return after


def _linear(step: Step) -> Chain:
    chain, node = step.chain, step.node
    weight = node.array("weight")
    if weight.ndim != 2:
        raise ValueError(f"weight has {weight.ndim} axes, expected [out, in]")
    arriving = prod(chain.shape)
    if weight.shape[1] != arriving:
        raise ValueError(
            f"weight is {list(weight.shape)}, but {arriving} values of shape"
            f" {list(chain.shape)} arrive; expected [out, {arriving}]"
        )
    bias = bias_of(step.name, node, weight.shape[:1]) if node.type == "Affine" else None
    weight = chain.as_sent(weight)
    if isinstance(chain.connection, OneToOne):
        weight = weight * chain.connection.weight
    elif chain.connection is not None:
        raise StandsAloneError
    return replace(
        chain,
        connection=_listed(step, weight) or Dense(weight),
        shape=weight.shape[:1],
        bias=bias,
        channels_last=None,
        made=None,
        named_by=step.name,
    )


def _listed(step: Step, weight: np.ndarray) -> Sparse | None:
    """Return the listed synapses that our writer wrote as a matrix, if it did."""
    found = listed(weight, step.node.metadata)
    if found is not None and (step.chain.before is not None or step.chain.channels_last):
        raise ValueError("lists its synapses, and needs them to be those of a plain signal")
    return found


def _sum(one: np.ndarray | None, other: np.ndarray) -> np.ndarray:
    return other if one is None else one + other


def _scale(step: Step) -> Chain:
    """Scale each value; after a ``Flatten`` the factors may be flat where the signal is not."""
    chain = step.chain
    given = step.node.array("scale")
    try:
        factors = np.broadcast_to(given, chain.shape).ravel()
    except ValueError:
        if given.size != prod(chain.shape):
            needed = f"{list(chain.shape)} needed"
            raise ValueError(f"scale has shape {list(given.shape)}, {needed}") from None
        factors = given.ravel()
    bias = chain.bias
    if bias is not None:
        plain = np.broadcast_to(bias.values, chain.shape)
        bias = bias._replace(values=plain * factors.reshape(chain.shape))
    factors = chain.as_sent(factors)
    connection = chain.connection
    named_by = step.name
    if connection is None:
        connection = OneToOne(factors)
    elif isinstance(connection, OneToOne):
        connection = OneToOne(connection.weight * factors)
    elif isinstance(connection, Dense):
        connection, named_by = Dense(connection.weight * factors[:, None]), chain.named_by or ""
    elif isinstance(connection, Sparse):
        raise StandsAloneError
    else:
        columns = by_channel(factors, chain.made or chain.shape)
        weight = connection.weights * columns[:, None, None, None]
        connection, named_by = connection.with_weights(weight), chain.named_by or ""
    return replace(chain, connection=connection, bias=bias, named_by=named_by)


def _flatten(step: Step) -> Chain:
    """Merge axes: neurons are numbered in C order, so that nothing moves."""
    chain, node = step.chain, step.node
    axes = len(chain.shape)
    first, last = node.integer("start_dim", 0), node.integer("end_dim", -1)
    first, last = (axis + axes if axis < 0 else axis for axis in (first, last))
    first, last = max(first, 0), min(last, axes - 1)
    if step.channels_last and len(chain.shape) == 3 and (first, last) == (0, 2):
        if chain.connection is not None and not isinstance(chain.connection, OneToOne):
            raise ValueError("follows a convolution without a neuron between; put one there")
        return replace(chain, shape=(prod(chain.shape),), channels_last=chain.shape)
    if first >= last:
        return chain
    merged = prod(chain.shape[first : last + 1])
    shape = (*chain.shape[:first], merged, *chain.shape[last + 1 :])
    bias = chain.bias
    if bias is not None:
        values, steps = (
            np.broadcast_to(each, chain.shape).reshape(shape) for each in (bias.values, bias.steps)
        )
        bias = Bias(bias.node, values, steps)
    return replace(chain, shape=shape, bias=bias)


def _delay(step: Step) -> Chain:
    chain = step.chain
    delays = step.node.array("delay").astype(np.float64)
    if not np.all(np.isfinite(delays)) or np.any(delays < 0):
        raise ValueError("delays must be finite and not below 0")
    steps = np.rint(delays / chain.dt)
    # A float32 delay is off by up to 2^-24 of itself.
    tolerance = 1e-3 * chain.dt + 2.0**-23 * np.abs(delays)
    if np.any(np.abs(delays - steps * chain.dt) > tolerance):
        raise ValueError(f"delays must be whole steps of {chain.dt:g} s")
    if np.any(steps > MAX_STEPS):
        raise ValueError(f"delays must lie in 0..{MAX_STEPS:,} steps; check their unit")
    if steps.size not in (1, prod(chain.shape)):
        raise ValueError(f"has {steps.size} delays for {prod(chain.shape)} values")
    if steps.size and np.all(steps == steps.flat[0]):
        same = int(steps.flat[0])
        return replace(_late(chain, np.array(same)), delay=(chain.delay or 0) + same)
    each = steps.ravel().astype(np.int64)
    if isinstance(chain.connection, Conv2d | Sparse):
        raise StandsAloneError
    chain = _late(chain, each.reshape(chain.shape))
    if isinstance(chain.connection, Dense):
        return replace(chain, behind=_sum(chain.behind, each))
    return replace(chain, before=_sum(chain.before, chain.as_sent(each)))


def _late(chain: Chain, steps: np.ndarray) -> Chain:
    """Return the chain with what it adds coming later."""
    if chain.bias is None:
        return chain
    return replace(chain, bias=chain.bias._replace(steps=chain.bias.steps + steps))


def _port(step: Step) -> Chain:
    """Pass on what arrives."""
    return step.chain


MAX_STEPS = 2**20
"""Most steps of a delay; see ``chipletsim.network.check.MAX_DELAY``."""

TRANSFORMS: dict[str, Callable[[Step], Chain]] = {
    "Affine": _linear,
    "Linear": _linear,
    "Scale": _scale,
    "Conv1d": conv1d,
    "Conv2d": conv2d,
    "SumPool2d": pooling("sum"),
    "AvgPool2d": pooling("avg"),
    "Flatten": _flatten,
    "Delay": _delay,
    PORT: _port,
}
