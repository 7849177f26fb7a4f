"""Whether a network gives the currents that a run of its module showed.

The random events of the run go through the network's own weights, in float64 and by PyTorch, and
must give the tensors that entered the neurons. What changed a tensor behind the trace's back, or
was traced wrongly, comes to light here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.neurons import STATELESS
from chipletsim.exchange.snntorch.trace import Trace, fault
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Projection

TOLERANCE = 1e-4
"""Of the largest term of a current: float32 sums of the module differ by less."""
CHECKED_STEPS = 3
"""Last steps that are compared."""


def verify(network: Network, trace: Trace) -> None:
    """Compare the currents of a network with those of the run that it was made of.

    Raises:
        ConfigError: They differ.
    """
    check = _Check(network, trace)
    for population in network.populations:
        own = trace.populations.get(population.name)
        if own is None or own.module is None:
            continue
        gain = np.broadcast_to(own.neurons.input_gain, own.shape).reshape(population.shape)
        for step in sorted(step for step in own.calls if step is not None)[-CHECKED_STEPS:]:
            expected, scale = check.current(population.name, step)
            given = own.calls[step].current.double().cpu().numpy()
            given = given.reshape(len(given), *population.shape) * gain
            worst = float(np.max(np.abs(expected - given), initial=0.0))
            if not worst <= TOLERANCE * max(scale, 1e-12):
                raise fault(
                    f"takes a current in step {step} that its network does not give: they differ by"
                    f" {worst:.3g}, of terms up to {scale:.3g}. Something between neurons was not"
                    " followed, such as a tensor changed in place through another view of it",
                    population.name,
                )


class _Check:
    """A network beside the events of a run."""

    def __init__(self, network: Network, trace: Trace) -> None:
        self._network, self._trace, self._torch = network, trace, trace.torch

    def current(self, name: str, step: int | None) -> tuple[np.ndarray, float]:
        """Return the current [samples kept, *shape] of a step, and its largest term."""
        population = self._network.population(name)
        bias = np.zeros(()) if population.bias is None else population.bias.astype(np.float64)
        total, scale = np.broadcast_to(bias, population.shape)[None], float(np.abs(bias).max())
        for projection in self._network.projections:
            if projection.target != name:
                continue
            sent = None if step is None else step - projection.delay
            events = self._events(projection.source, sent)
            if events is not None:
                term = self._product(projection, events)
                total = total + term
                scale = max(scale, float(np.abs(term).max()), self._reach(projection))
        return total, scale

    def _reach(self, projection: Projection) -> float:
        """Return the largest weight: single terms may cancel."""
        return float(np.abs(projection.connection.weights).max(initial=0.0))

    def _events(self, source: str, step: int | None) -> Any:
        """Return a float64 tensor [samples kept, *shape], or None before the first step."""
        shape = self._network.population(source).shape
        given = self._trace.given
        if source in self._trace.inputs:
            values = given.get((source, step), given.get((source, None)))
            return None if values is None else values.double().cpu().reshape(-1, *shape)
        own = self._trace.populations[source]
        call = own.calls.get(step, own.calls.get(None))
        if call is None:
            return None
        if call.spikes is not None:
            return call.spikes.double().cpu().reshape(-1, *shape)
        current, _ = self.current(source, step if step in own.calls else None)
        events = current if own.neurons is STATELESS["values"] else current > 0.5
        return self._torch.tensor(np.array(events, np.float64))

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
    out = np.zeros((len(events), connection.n_targets))
    sources = np.repeat(np.arange(connection.indptr.size - 1), np.diff(connection.indptr))
    np.add.at(out.T, connection.targets, (events[:, sources] * connection.weight).T)
    return out
