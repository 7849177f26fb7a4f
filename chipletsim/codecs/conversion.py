"""Energy of turning values into spikes before a boundary and back behind it."""

from __future__ import annotations

from math import inf

from pydantic import Field

from chipletsim.codecs.base import SpikeCoding, check_dense_bits, check_whole, check_window
from chipletsim.spec.base import Spec
from chipletsim.units import EnergyPerOperation


class Conversion(Spec):
    """A converter at each end of a boundary.

    The encoder updates one membrane per neuron in every step, whether it spikes or not;
    the decoder adds once for each spike that arrives.

    Example:
        >>> conversion = Conversion(energy_per_update="0.5 pJ/op", energy_per_add="0.25 pJ/op")
        >>> f"{conversion.encode_j(neurons=100, steps=4) * 1e12:.0f} pJ"
        '200 pJ'
        >>> f"{conversion.decode_j(spikes=20) * 1e12:.0f} pJ"
        '5 pJ'
    """

    energy_j_per_update: EnergyPerOperation = Field(
        alias="energy_per_update", description="encoder: one neuron in one step"
    )
    energy_j_per_add: EnergyPerOperation = Field(
        0.0, alias="energy_per_add", description="decoder: one spike received"
    )

    def encode_j(self, neurons: int, steps: int) -> float:
        """Return the energy of encoding, ``N T e_enc``.

        Raises:
            UsageError: A number is out of range.
        """
        check_whole("neurons", neurons)
        check_whole("steps", steps)
        return neurons * steps * self.energy_j_per_update

    def decode_j(self, spikes: int) -> float:
        """Return the energy of decoding, ``spikes e_add``.

        Raises:
            UsageError: The number of spikes is out of range.
        """
        check_whole("spikes", spikes, least=0)
        return spikes * self.energy_j_per_add

    def expected_j_per_neuron(self, steps: int, rate: float) -> float:
        """Return the expected energy of one neuron and window, ``T (e_enc + r e_add)``.

        Raises:
            UsageError: A number is out of range.
        """
        check_window(steps, rate)
        return steps * (self.energy_j_per_update + rate * self.energy_j_per_add)


def least_link_energy_j_per_bit(
    conversion: Conversion, coding: SpikeCoding, steps: int, rate: float, dense_bits: float
) -> float:
    """Return the energy per bit above which spikes save energy on a link.

    Spikes save energy iff the bits saved cost more on the link than converting:

        e_link > T (e_enc + r e_add) / (b - expected bits per neuron (T, r))

    With address events, whose bits are ``T r (a + h)``, and a decoder for free this is
    ``T e_enc / (b - T r (a + h))``. Only conversion at the boundary counts; both sides are
    taken to compute at the same energy with spikes as with values.

    Args:
        conversion: The converters.
        coding: Codec or bound of spikes.
        steps: Time steps T of one inference.
        rate: Probability of a spike per neuron and step.
        dense_bits: Bits b of a dense activation, on average if they vary.

    Returns:
        Energy in J/bit; infinite where spikes save no bits.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> from chipletsim.codecs import AddressEvents
        >>> least_link_energy_j_per_bit(
        ...     Conversion(energy_per_update="0.5 pJ/op"), AddressEvents(address="16 bit"),
        ...     steps=4, rate=0.0625, dense_bits=8,
        ... )
        5e-13
    """
    check_dense_bits(dense_bits)
    saved_bits = dense_bits - coding.expected_bits_per_neuron(steps, rate)
    if saved_bits <= 0:
        return inf
    return conversion.expected_j_per_neuron(steps, rate) / saved_bits
