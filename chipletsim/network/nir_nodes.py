"""What each NIR node does to a signal on its way from one population to the next.

Adding a node that carries no state is one function and one line in ``TRANSFORMS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import numpy as np

from chipletsim.network.connections import Connection, Conv2d, Dense, OneToOne, Pool2d, Shape
from chipletsim.network.make_connection import explicit_padding
from chipletsim.network.nir_file import NirNode

MAX_NEURONS = 2**28
"""Most neurons of a network: a bound against files that only claim to be large."""


def require_reasonable(shape: Shape, others: int = 0) -> None:
    """Raise ValueError if ``shape`` holds more neurons, with ``others``, than are ever meant."""
    if prod(shape) + others > MAX_NEURONS:
        before = f" after {others:,} others" if others else ""
        raise ValueError(f"has shape {list(shape)}{before}: more than {MAX_NEURONS:,} neurons")


@dataclass(frozen=True)
class Chain:
    """The nodes passed since the population that sends.

    Attributes:
        source: Name of the sending population.
        shape: Shape of the signal so far.
        dt_s: Time step in seconds.
        nodes: Names of the nodes passed.
        connection: The connection met, or None.
        pool: The pooling met before it, or None.
        bias: Node that adds a bias, and float32 bias along the first axis; or None.
        delay: Steps of the delay node met, or None.
        named_by: Node that names the projection, or None.
    """

    source: str
    shape: Shape
    dt_s: float
    nodes: tuple[str, ...] = ()
    connection: Connection | None = None
    pool: Pool2d | None = None
    bias: tuple[str, np.ndarray] | None = None
    delay: int | None = None
    named_by: str | None = None

    def passed(self, name: str, node: NirNode) -> Chain:
        """Return the chain one node further.

        Raises:
            ValueError: The node cannot stand here; the message says what it would take.
        """
        if name in self.nodes:
            raise ValueError("lies on a loop without a neuron; put a neuron node on the loop")
        after = TRANSFORMS[node.type](replace(self, nodes=(*self.nodes, name)), name, node)
        require_reasonable(after.shape)
        return after

    def joined(self) -> tuple[Connection, Pool2d | None]:
        """Return connection and pooling in front, where the chain ends at a population."""
        if self.connection is not None:
            return self.connection, self.pool
        if self.pool is not None:
            return self.pool, None
        return OneToOne(np.ones(prod(self.shape), np.float32)), None


def _connected(
    chain: Chain, name: str, connection: Connection, shape: Shape, bias: np.ndarray | None
) -> Chain:
    """Return the chain after ``connection``."""
    if chain.connection is not None:
        raise ValueError(
            f"follows {chain.named_by!r} without a neuron between; merge the two into one node"
        )
    added = None if bias is None else (name, bias)
    return replace(chain, connection=connection, shape=shape, bias=added, named_by=name)


def _linear(chain: Chain, name: str, node: NirNode) -> Chain:
    weight = node.array("weight")
    if weight.ndim != 2:
        raise ValueError(f"weight has {weight.ndim} axes, expected [out, in]")
    bias = _bias(node, weight.shape[0]) if node.type == "Affine" else None
    return _connected(chain, name, Dense(weight), weight.shape[:1], bias)


def _bias(node: NirNode, outputs: int) -> np.ndarray:
    """Return float32 [outputs]: the bias of each output; 0 where a convolution has none.

    Raises:
        ValueError: It has another length.
    """
    bias = node.array("bias", 0.0 if node.type == "Conv2d" else None)
    if bias.size != outputs and bias.ndim:
        raise ValueError(f"has {bias.size} biases for {outputs} outputs")
    return np.broadcast_to(bias.ravel(), (outputs,))


def _scale(chain: Chain, name: str, node: NirNode) -> Chain:
    """Scale each channel; after a ``Flatten`` the factors may be flat where ``chain`` is not."""
    given = node.array("scale")
    try:
        scale = np.broadcast_to(given, chain.shape)
    except ValueError:
        if given.size != prod(chain.shape):
            needed = f"{list(chain.shape)} needed"
            raise ValueError(f"scale has shape {list(given.shape)}, {needed}") from None
        scale = given
    return _connected(chain, name, OneToOne(scale.ravel()), chain.shape, None)


def _conv2d(chain: Chain, name: str, node: NirNode) -> Chain:
    weight = node.array("weight")
    if weight.ndim != 4:
        raise ValueError(f"weight has {weight.ndim} axes, expected [out, in / groups, y, x]")
    kernel = (weight.shape[2], weight.shape[3])
    stride, dilation = node.pair("stride", 1), node.pair("dilation", 1)
    given = node.fields.get("padding", 0)
    padding = given if isinstance(given, str) else node.pair("padding", 0)
    if padding not in ("same", "valid") and isinstance(padding, str):
        raise ValueError(f"padding must be numbers, 'same' or 'valid', not {padding!r}")
    sides = explicit_padding(padding, kernel, stride, dilation)
    connection = Conv2d(weight, stride, sides, dilation, node.integer("groups", 1))
    problem = connection.source_problem(chain.shape)
    if problem:
        raise ValueError(problem)
    bias = _bias(node, weight.shape[0])
    shape = connection.target_shape(chain.shape)
    return _connected(chain, name, connection, shape, bias if np.any(bias) else None)


def _pooling(mode: Literal["sum", "avg"]) -> Callable[[Chain, str, NirNode], Chain]:
    def transform(chain: Chain, name: str, node: NirNode) -> Chain:
        if chain.connection is not None or chain.pool is not None:
            before = chain.named_by
            raise ValueError(f"follows {before!r} without a neuron between; put one there")
        kernel = node.pair("kernel_size", 0)
        stride = node.pair("stride", 0) if "stride" in node.fields else kernel
        pool = Pool2d(kernel, stride, node.pair("padding", 0), mode)
        problem = pool.window_problem(chain.shape)
        if problem:
            raise ValueError(problem)
        return replace(chain, pool=pool, shape=pool.target_shape(chain.shape), named_by=name)

    return transform


def _flatten(chain: Chain, name: str, node: NirNode) -> Chain:
    """Do nothing: neurons are numbered in C order whatever their shape."""
    return chain


def _delay(chain: Chain, name: str, node: NirNode) -> Chain:
    delays = node.array("delay").astype(np.float64)
    if not np.all(np.isfinite(delays)):
        raise ValueError("delays hold NaN or infinite values")
    steps = np.rint(delays / chain.dt_s)
    # A float32 delay is off by up to 2^-24 of itself.
    tolerance = 1e-3 * chain.dt_s + 2.0**-23 * np.abs(delays)
    if np.any(np.abs(delays - steps * chain.dt_s) > tolerance):
        raise ValueError(f"delays must be whole steps of {chain.dt_s:g} s")
    if steps.size == 0 or np.any(steps != steps.flat[0]) or steps.flat[0] < 0:
        raise ValueError("delays must be the same for all neurons; split the node by delay")
    return replace(chain, delay=(chain.delay or 0) + int(steps.flat[0]))


TRANSFORMS: dict[str, Callable[[Chain, str, NirNode], Chain]] = {
    "Affine": _linear,
    "Linear": _linear,
    "Scale": _scale,
    "Conv2d": _conv2d,
    "SumPool2d": _pooling("sum"),
    "AvgPool2d": _pooling("avg"),
    "Flatten": _flatten,
    "Delay": _delay,
}
