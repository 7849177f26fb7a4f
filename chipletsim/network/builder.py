"""Networks made in Python, population by population."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.build import (
    default_value_bits,
    known_parameters,
    model_dtype,
    parameter_value,
)
from chipletsim.network.check import check_network
from chipletsim.network.connections import Connection, Pool2d
from chipletsim.network.model import Network, Population, Projection


class NetworkBuilder:
    """Gathers populations and projections; ``build`` checks them all at once.

    Example:
        >>> import numpy as np
        >>> from chipletsim.network.connections import Dense
        >>> network = (
        ...     NetworkBuilder("pair", dt="1 ms")
        ...     .input("pixels", (4,))
        ...     .population("cells", (2,), "lif", tau="10 ms", output=True)
        ...     .project("pixels", "cells", Dense(np.ones((2, 4), np.float32)))
        ...     .build()
        ... )
        >>> network.neurons
        6
    """

    def __init__(self, name: str, dt: str | float) -> None:
        """Start an empty network.

        Args:
            name: Name of the network.
            dt: Time step, such as ``1 ms``, or in seconds.
        """
        self.name = name
        self._problems: list[Problem] = []
        self.dt_s: float = self._number(dt, "dt")
        self._populations: list[Population] = []
        self._projections: list[Projection] = []
        self._summation_rank: np.ndarray | None = None

    def input(
        self, name: str, shape: tuple[int, ...], *, value_bits: int = 0, steps: int | None = None
    ) -> Self:
        """Add input channels.

        Args:
            name: Unique name.
            shape: Shape of the channels.
            value_bits: Bits of an input event; 0 for spikes.
            steps: Steps in which it sends, 1 for values that come once; every step if None.
        """
        self._populations.append(
            Population(name, tuple(shape), "input", value_bits=value_bits, steps=steps)
        )
        return self

    def population(
        self,
        name: str,
        shape: tuple[int, ...],
        model: str,
        *,
        bias: Any = None,
        output: bool = False,
        value_bits: int | None = None,
        steps: int | None = None,
        **parameters: Any,
    ) -> Self:
        """Add neurons.

        Args:
            name: Unique name.
            shape: Shape of the population.
            model: Key of ``NEURON_MODELS``.
            bias: Current added in every step, a number or an array of ``shape``; the parameter
                of that name where the model has one.
            output: Whether its events leave the package as the answer.
            value_bits: Bits of a graded event; 32 for graded models if left out.
            steps: Steps over which an encoder spreads its events.
            **parameters: Parameters of the model: numbers in SI units, text with a unit
                such as ``10 ms``, or arrays that broadcast to ``shape``.
        """
        path = f"populations.{name}.parameters"
        if bias is not None and "bias" in known_parameters(model):
            parameters, bias = parameters | {"bias": bias}, None
        values = {
            key: np.asarray(self._number(value, f"{path}.{key}", model, key), model_dtype(model))
            for key, value in parameters.items()
        }
        bits = default_value_bits(model) if value_bits is None else value_bits
        if bias is not None:
            bias = np.asarray(bias, np.float32)
        self._populations.append(
            Population(name, tuple(shape), model, values, bias, output, bits, steps)
        )
        return self

    def project(
        self,
        source: str,
        target: str,
        connection: Connection,
        *,
        pool: Pool2d | None = None,
        delay: int = 0,
        port: str = "",
        name: str | None = None,
    ) -> Self:
        """Add synapses.

        Args:
            source: Name of the sending population.
            target: Name of the receiving population.
            connection: Which synapses, and their weights.
            pool: Pooling of the source's spikes in front of the connection.
            delay: Whole steps from spike to current; a cycle needs one of at least 1.
            port: Port of the target's model; the first if left out.
            name: Unique name; ``source>target`` if left out.
        """
        name = name or f"{source}>{target}"
        self._projections.append(Projection(name, source, target, connection, pool, delay, port))
        return self

    def sum_in_order(self, rank: np.ndarray) -> Self:
        """Set in which order the currents of different sources are added.

        Args:
            rank: int64 [neurons], as ``Network.summation_rank``.
        """
        self._summation_rank = np.asarray(rank)
        return self

    def build(self) -> Network:
        """Return the network.

        Raises:
            ConfigError: With every fault found.
        """
        populations, projections = tuple(self._populations), tuple(self._projections)
        network = Network(self.name, populations, projections, self.dt_s, self._summation_rank)
        problems = self._problems or check_network(network)
        if problems:
            raise ConfigError(problems)
        return network

    def _number(self, value: Any, path: str, model: str = "lif", parameter: str = "tau") -> Any:
        """Return text with a unit as a number, anything else as it is; a time by default."""
        try:
            return parameter_value(model, parameter, value) if isinstance(value, str) else value
        except ValueError as error:
            self._problems.append(Problem(str(error), path))
            return 1.0
