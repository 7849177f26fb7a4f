"""The currents of a network in a step, in float64 and by PyTorch, from the events that came."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from chipletsim.exchange.snntorch.neurons import STATELESS
from chipletsim.exchange.snntorch.paths import RefusedError
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Projection

_VALUES = STATELESS["values"].model
_ANY = STATELESS["any"].model


class Currents:
    """The currents of a network.

    Args:
        torch: The package ``torch``.
        network: The network.

    Attributes:
        sent: Population and step to a tensor [samples, *shape] of its events; the step is None
            where they are the same in all steps. Populations without state send what their
            currents are, and stand not in it.
    """

    def __init__(self, torch: Any, network: Network) -> None:
        self._torch, self._network = torch, network
        self.sent: dict[tuple[str, int | None], Any] = {}
        # Single terms may cancel: the largest weight tells how large they are.
        self._largest = {
            each.name: float(np.abs(each.connection.weights).max(initial=0.0))
            for each in network.projections
        }

    def current(self, name: str, step: int) -> tuple[np.ndarray, float]:
        """Return the current [samples, *shape] of a step, and its largest term.

        Raises:
            RefusedError: Events that it takes have not been sent.
        """
        population = self._network.population(name)
        bias = np.zeros(()) if population.bias is None else population.bias.astype(np.float64)
        total, scale = np.broadcast_to(bias, population.shape)[None], float(np.abs(bias).max())
        for projection in self._network.projections:
            if projection.target == name and step >= projection.delay:
                events = self._events(projection.source, step - projection.delay)
                term = self._product(projection, events)
                total = total + term
                scale = max(scale, float(np.abs(term).max()), self._largest[projection.name])
        return total, scale

    def _events(self, source: str, step: int) -> Any:
        """Return a float64 tensor [samples, *shape]: what a population sends in a step."""
        population = self._network.population(source)
        if population.model in (_VALUES, _ANY):
            current, _ = self.current(source, step)
            events = current if population.model == _VALUES else current > 0.5
            return self._torch.tensor(np.array(events, np.float64))
        found = self.sent.get((source, step), self.sent.get((source, None)))
        if found is None:
            raise RefusedError(f"takes events of {source!r} that it has not sent yet")
        return found.double().reshape(-1, *population.shape)

    def _product(self, projection: Projection, events: Any) -> np.ndarray:
        """Return the currents of one projection."""
        functional, connection = self._torch.nn.functional, projection.connection
        shape = self._network.population(projection.target).shape
        if projection.pool is not None:
            events = self._pooled(projection.pool, events)
        if isinstance(connection, Conv2d):
            (top, bottom), (left, right) = connection.padding
            padded = functional.pad(events, (left, right, top, bottom))
            weight = self._torch.tensor(connection.weight).double()
            out = functional.conv2d(
                padded, weight, None, connection.stride, 0, connection.dilation, connection.groups
            )
        elif isinstance(connection, Pool2d):
            out = self._pooled(connection, events)
        else:
            out = self._torch.tensor(_listed(connection, events.flatten(1).numpy()))
        return out.reshape(-1, *shape).numpy()

    def _pooled(self, pool: Pool2d, events: Any) -> Any:
        if pool.mode == "max":
            largest = self._torch.nn.functional.max_pool2d
            return largest(events, pool.kernel, pool.stride, pool.padding)
        divisor = 1 if pool.mode == "sum" else None
        function = self._torch.nn.functional.avg_pool2d
        return function(events, pool.kernel, pool.stride, pool.padding, divisor_override=divisor)


def _listed(connection: Dense | OneToOne | Sparse, events: np.ndarray) -> np.ndarray:
    """Return float64 [rows, targets]: the currents of events [rows, sources]."""
    if isinstance(connection, Dense):
        return events @ connection.weight.astype(np.float64).T
    if isinstance(connection, OneToOne):
        return events * connection.weight.astype(np.float64)
    synapses = (connection.weight.astype(np.float64), connection.targets, connection.indptr)
    return events @ sparse.csr_array(synapses, shape=(events.shape[1], connection.n_targets))
