"""A compiled network with the engine that runs it, whatever its precision."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from chipletsim.engine import program as xla_program
from chipletsim.engine.compile import Schedule, compile_network
from chipletsim.engine.native import program as native_program
from chipletsim.engine.outputs import Outputs
from chipletsim.engine.record import RecordedStates
from chipletsim.engine.wide.compile import compile_wide
from chipletsim.engine.wide.native import MODELS, NativeWide
from chipletsim.engine.wide.plain import PlainWide
from chipletsim.kernels import native_kernels, thread_count
from chipletsim.network.model import Network
from chipletsim.network.precision import is_wide


class Runner(Protocol):
    """Runs windows of steps of batches of samples.

    Attributes:
        steps: Steps that must run at once, as values come in some of them alone; None for any.
    """

    steps: int | None

    def initial_state(self, samples: int) -> Any:
        """Return the state before the first step."""

    def run_window(
        self, state: Any, inputs: tuple[np.ndarray, ...], steps: int
    ) -> tuple[Any, Outputs]:
        """Run ``steps`` steps; return the state after them, and what they gave.

        Args:
            state: State before, which is given up.
            inputs: For each input population, bool or float32 [samples, steps, *shape].
            steps: Number of steps.
        """


def make_runner(network: Network, schedule: Schedule, recorded: RecordedStates) -> Runner:
    """Return the runner of a network.

    Args:
        network: The network, lowered if hardware is to change it.
        schedule: As for ``compile_network``; networks in double precision go step by step.
        recorded: States that are kept after each step.

    Raises:
        ConfigError: The network has a fault.
        UsageError: As ``compile_network``.
    """
    if not is_wide(network):
        return _SingleRunner(network, schedule, recorded)
    natively = {each.model for each in network.populations} <= set(MODELS) and native_kernels()
    if natively:
        return NativeWide(compile_wide(network, thread_count(), recorded))
    return PlainWide(compile_wide(network, 1, recorded))


class _SingleRunner:
    """Runs a network in single precision, on the native kernels or XLA."""

    def __init__(self, network: Network, schedule: Schedule, recorded: RecordedStates) -> None:
        self._compiled = compile_network(network, schedule, recorded=recorded)
        self._engine = native_program if self._compiled.program.native else xla_program
        self.steps = self._compiled.program.steps

    def initial_state(self, samples: int) -> Any:
        return self._engine.initial_state(self._compiled, samples)

    def run_window(
        self, state: Any, inputs: tuple[np.ndarray, ...], steps: int
    ) -> tuple[Any, Outputs]:
        return self._engine.run_window(self._compiled, state, inputs)
