"""What a codec is: how activations are written as bits to cross a die boundary.

To add a codec, write one file in this folder with a `SpikeCodec` or `ValueCodec` subclass
whose literal field ``kind`` names it, and add it to ``chipletsim.codecs``.

Throughout, ``spikes`` are bool [..., steps, neurons], ``rate`` is the probability that a
neuron spikes in a step, independently of all others, and a *message* is what is sent after
one step. Codecs without a length of their own rely on the link to tell where a message ends.
"""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from chipletsim.errors import ConfigError, UsageError
from chipletsim.spec.base import Spec

if TYPE_CHECKING:
    # Sections of files are codecs, and files are checked without loading NumPy or SciPy.
    import numpy as np


class LinearBits(NamedTuple):
    """Bits of the messages of a codec for which events and steps can just be counted.

    Attributes:
        event_bits: Added by each event, a spike or a value other than 0.
        step_bits: Added by each step, with events or without.
    """

    event_bits: int
    step_bits: int


class SpikeCoding(Spec):
    """Expected bits of spikes, by a codec or as a bound that no codec beats.

    Attributes:
        peak_rate: Rate with the most expected bits; up to it they never fall as the rate
            grows.
    """

    peak_rate: ClassVar[float] = 1.0

    kind: str

    def expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        """Return the expected bits of all messages of a window.

        Args:
            neurons: Neurons whose spikes cross the boundary.
            steps: Time steps of the window.
            rate: Probability of a spike per neuron and step.

        Raises:
            UsageError: A number is out of range.
            ConfigError: The widths of the codec are too small for so many neurons.
        """
        check_whole("neurons", neurons)
        check_window(steps, rate)
        self._check_neurons(neurons)
        return float(self._expected_bits(neurons, steps, rate))

    def expected_bits_per_neuron(self, steps: int, rate: float) -> float:
        """Return the limit of ``expected_bits / neurons`` for ever more neurons.

        What is sent once per step vanishes in it, and so does the end of the last block or
        gap. Widths stay as they are, whatever the number of neurons.

        Args:
            steps: Time steps of the window.
            rate: Probability of a spike per neuron and step.

        Raises:
            UsageError: A number is out of range.
        """
        check_window(steps, rate)
        return float(self._bits_per_neuron(steps, rate))

    @abstractmethod
    def _expected_bits(self, neurons: int, steps: int, rate: float) -> float:
        """Return `expected_bits` of numbers that were checked."""

    @abstractmethod
    def _bits_per_neuron(self, steps: int, rate: float) -> float:
        """Return `expected_bits_per_neuron` of numbers that were checked."""

    def _check_neurons(self, neurons: int) -> None:
        """Raise a ConfigError if the codec cannot tell so many neurons apart."""
        # Most codecs send neurons in order and need no address.
        _ = neurons


class SpikeCodec(SpikeCoding):
    """A way to write spikes as bits."""

    def bits(self, spikes: np.ndarray) -> np.ndarray:
        """Return the bits of the message after each step.

        A codec that sends once for a whole window sends with its last step.

        Args:
            spikes: bool [..., steps, neurons].

        Returns:
            int64 [..., steps].

        Raises:
            UsageError: The array is of another type or shape.
            ConfigError: The widths of the codec are too small for so many neurons.
        """
        check_spikes(spikes)
        self._check_neurons(spikes.shape[-1])
        return self._bits(spikes)

    def linear_bits(self, neurons: int) -> LinearBits | None:
        """Return what each event and each step adds; None if it depends on which or when.

        Args:
            neurons: Neurons whose spikes cross the boundary.

        Raises:
            UsageError: The number is out of range.
            ConfigError: The widths of the codec are too small for so many neurons.
        """
        check_whole("neurons", neurons)
        self._check_neurons(neurons)
        return self._linear_bits(neurons)

    @abstractmethod
    def _bits(self, spikes: np.ndarray) -> np.ndarray:
        """Return `bits` of spikes that were checked."""

    def _linear_bits(self, neurons: int) -> LinearBits | None:
        """Return `linear_bits` of a number that was checked."""
        _ = neurons
        return None


class ValueCodec(Spec):
    """A way to write dense activations as bits: one value per neuron and evaluation."""

    kind: str

    def bits(self, values: np.ndarray) -> np.ndarray:
        """Return the bits of each evaluation.

        Args:
            values: Numbers [..., neurons].

        Returns:
            int64 [...].

        Raises:
            UsageError: The array is of another type or shape.
        """
        import numpy as np

        if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
            raise UsageError("values must be a NumPy array of real numbers")
        if values.ndim < 1 or values.shape[-1] < 1:
            raise UsageError(f"values must be [..., neurons], got the shape {values.shape}")
        return self._bits(values)

    def expected_bits(self, neurons: int, share_of_zeros: float) -> float:
        """Return the expected bits of one evaluation.

        Args:
            neurons: Values that cross the boundary.
            share_of_zeros: Probability that a value is 0.

        Raises:
            UsageError: A number is out of range.
        """
        check_whole("neurons", neurons)
        check_probability("share_of_zeros", share_of_zeros)
        return float(self._expected_bits(neurons, share_of_zeros))

    def linear_bits(self, neurons: int) -> LinearBits:
        """Return what each value other than 0 and each evaluation adds.

        Args:
            neurons: Values that cross the boundary.

        Raises:
            UsageError: The number is out of range.
        """
        check_whole("neurons", neurons)
        return self._linear_bits(neurons)

    @abstractmethod
    def _linear_bits(self, neurons: int) -> LinearBits:
        """Return `linear_bits` of a number that was checked."""

    @abstractmethod
    def _bits(self, values: np.ndarray) -> np.ndarray:
        """Return `bits` of values that were checked."""

    @abstractmethod
    def _expected_bits(self, neurons: int, share_of_zeros: float) -> float:
        """Return `expected_bits` of numbers that were checked."""


def probability_of_any(neurons: Any, rate: float) -> Any:
    """Return ``1 - (1-r)^n``, the chance of a spike among ``neurons``, exact for small rates.

    Example:
        >>> f"{probability_of_any(2, 0.25):.4f}"
        '0.4375'
    """
    import numpy as np
    from scipy.special import xlog1py

    return -np.expm1(xlog1py(neurons, -rate))


def probability_of_none(neurons: Any, rate: float) -> Any:
    """Return ``(1-r)^n``, the chance that none of ``neurons`` spikes."""
    import numpy as np
    from scipy.special import xlog1py

    return np.exp(xlog1py(neurons, -rate))


def check_whole(name: str, value: Any, least: int = 1) -> None:
    """Raise a UsageError unless ``value`` is a whole number of at least ``least``."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_probability(name: str, value: float) -> None:
    """Raise a UsageError unless ``value`` lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise UsageError(f"{name} must lie between 0 and 1, got {value!r}")


def check_window(steps: int, rate: float) -> None:
    """Raise a UsageError unless there are steps and the rate is a probability."""
    check_whole("steps", steps)
    check_probability("rate", rate)


def check_dense_bits(dense_bits: float) -> None:
    """Raise a UsageError unless dense activations of ``dense_bits`` can be sent."""
    if not 0 < dense_bits < float("inf"):
        raise UsageError(f"dense_bits must be finite and greater than 0, got {dense_bits!r}")


def check_spikes(spikes: np.ndarray) -> None:
    """Raise a UsageError unless ``spikes`` is bool [..., steps, neurons], none of them 0."""
    import numpy as np

    if not isinstance(spikes, np.ndarray) or spikes.dtype != np.bool_:
        raise UsageError("spikes must be a NumPy array of type bool")
    if spikes.ndim < 2 or min(spikes.shape[-2:]) < 1:
        raise UsageError(f"spikes must be [..., steps, neurons], got the shape {spikes.shape}")


def check_width(name: str, width_bits: int, codes: int) -> None:
    """Raise a ConfigError unless ``width_bits`` tell ``codes`` cases apart."""
    needed_bits = (codes - 1).bit_length()
    if width_bits < needed_bits:
        raise ConfigError(
            f"{name} of {width_bits} bit cannot tell {codes:,} cases apart; "
            f"expected at least {needed_bits} bit"
        )
