"""The same input in every step."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import numpy as np

from chipletsim.engine.compile import is_graded
from chipletsim.engine.inputs import input_populations
from chipletsim.errors import ConfigError, Problem
from chipletsim.inputs.stream import parts
from chipletsim.network.model import Network
from chipletsim.spec.events import ConstantInputsSpec


class ConstantSamples:
    """Samples that feed each population one value in every step; see `SampleStream`.

    Args:
        spec: The values.
        network: The network, whose input populations are graded where ``value_bits`` is given.

    Raises:
        ConfigError: A population has no value, a name fits none, or a value is no finite
            number; or it is fed as spikes and is neither 0 nor 1.
    """

    labels: np.ndarray | None = None

    def __init__(self, spec: ConstantInputsSpec, network: Network) -> None:
        populations = input_populations(network)
        given = spec.constant if isinstance(spec.constant, dict) else {"*": spec.constant}
        names = [population.name for population in populations]
        found = {
            name: value
            for pattern, value in given.items()
            for name in names
            if fnmatchcase(name, pattern)
        }
        problems = [
            Problem(
                f"fits no input population; there are {', '.join(names) or 'none'}",
                f"inputs.constant.{pattern}",
            )
            for pattern in given
            if not any(fnmatchcase(name, pattern) for name in names)
        ]
        problems += [
            Problem(f"there is no value of {name}", "inputs.constant")
            for name in names
            if name not in found
        ]
        for population in populations:
            value = found.get(population.name, 0.0)
            with np.errstate(over="ignore"):
                finite = bool(np.isfinite(np.float32(value)))
            if not finite:
                problems.append(Problem(f"{value} is no number of float32", "inputs.constant"))
            elif not is_graded(population) and value not in (0, 1):
                message = f"spikes are 0 or 1, not {value:g}; `value_bits` feeds values"
                problems.append(Problem(message, "inputs.constant"))
        if problems:
            raise ConfigError(problems)
        self._values: dict[str, np.ndarray] = {
            each.name: np.full(
                each.size, found[each.name], np.float32 if is_graded(each) else np.bool_
            )
            for each in populations
        }
        self.samples, self.steps = spec.samples, spec.steps
        self.sample_bytes = spec.steps * sum(each.nbytes for each in self._values.values())

    @property
    def notes(self) -> list[str]:
        """Nothing; see `SampleStream`."""
        return []

    def batches(self, count: int) -> Iterator[dict[str, np.ndarray]]:
        """Yield the values; see `SampleStream`."""
        for _, number in parts(self.samples, count):
            yield {
                name: np.tile(values, (number, self.steps, 1))
                for name, values in self._values.items()
            }
