"""What a link does beside sending bits: it sends broken frames again, and it sleeps."""

from __future__ import annotations

from math import expm1, log1p

from pydantic import Field

from chipletsim.spec.base import Spec
from chipletsim.units import Power, Time

MOST_TRANSMISSIONS = 1000
"""Times that a frame is expected to be sent, at most; a link that needs more does not work."""


class RetrySpec(Spec):
    """Frames that arrive with an error are sent again until they arrive without.

    Bit errors are independent, and every broken frame is noticed. With n bits in a frame and a bit
    error rate p a transmission fails with ``P = 1 - (1 - p)^n``, so a frame is sent ``1 / (1 - P)``
    times on average, each of which takes its time and energy on the wire, and waits ``P / (1 - P)``
    times for the latency below. All timing models take these means, not single retransmissions.
    """

    bit_error_rate: float = Field(ge=0, lt=1, description="of each bit of a frame on the wire")
    latency_s: Time = Field(
        alias="latency",
        description="of each retransmission beyond sending the frame again: until the sender knows"
        " of the error, and starts over",
    )

    def retransmissions(self, frame_bits: int) -> float:
        """Return how often a frame is expected to be sent again: ``P / (1 - P)``.

        Args:
            frame_bits: Bits of a frame on the wire.

        Raises:
            ValueError: Hardly any frame arrives.

        Example:
            Frames of 1 bit of which half are broken are sent twice on average:

            >>> RetrySpec(bit_error_rate=0.5, latency_s="0 s").retransmissions(1)
            1.0
        """
        # 1 / (1 - P) - 1 = exp(-n log(1 - p)) - 1, which keeps the digits of a small rate.
        exponent = -frame_bits * log1p(-self.bit_error_rate)
        again = expm1(min(exponent, 100.0))
        if again >= MOST_TRANSMISSIONS:
            raise ValueError(
                f"with a bit_error_rate of {self.bit_error_rate:g} hardly any frame of"
                f" {frame_bits:,} bit arrives whole: each would be sent over"
                f" {MOST_TRANSMISSIONS:,} times; expected a lower rate or shorter frames"
            )
        return again


class SleepSpec(Spec):
    """The link sleeps when it is not used, and is woken by what is to be sent.

    Timing `queue` and `cycle` follow it within each hardware step, at the start of which links are
    awake. Asleep it draws less; in the barrier that ends a step, and while it is woken, it draws as
    much as awake. Timing `bound` does not: there a link is awake all the time.
    """

    after_s: Time = Field(alias="after", description="without use, after which the link sleeps")
    wake_up_s: Time = Field(alias="wake_up", description="until a link that slept can send")
    power_w: Power = Field(
        alias="power",
        description="of both ends asleep, at most `static_power`",
    )
