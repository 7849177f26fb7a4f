"""The package file: chiplet types, tiles, networks of links, and their costs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chipletsim.codecs import RiceGaps, SpikeCodec, SpikeCodecSpec, ValueCodec, ValueCodecSpec
from chipletsim.codecs.flits import FrameSpec
from chipletsim.spec.base import Spec
from chipletsim.spec.link_layer import RetrySpec, SleepSpec
from chipletsim.tiles import TileSpec
from chipletsim.units import (
    Bandwidth,
    EnergyPerBit,
    EnergyPerPacket,
    Frequency,
    PacketBits,
    PositivePacketBits,
    Power,
    Time,
    TimeByNumber,
)

Coordinate = tuple[int, ...]
TopologyName = Literal["mesh", "torus", "ring", "star", "crossbar", "edges"]


class EncodingSpec(Spec):
    """How events cross a link: gathered, and sent as messages of a codec.

    After each hardware step the link sends one message for each population that took a step
    and has neurons whose events take this link, silent or not as the codec has it. The order
    of messages tells the population, and a codec's neurons are those of the population whose
    events take the link. An event crosses once, for however many tiles it is bound behind the
    link, which know the neurons they wait for. The messages of a step end in a whole frame, or
    in a whole flit where the link has no frames. Everything else is as without encoding:
    routers handle packets and the link counts them (and their energy per packet); requests
    and answers of memories, and events without a codec here, are packets of whole flits.
    Messages that do not tell their own end, such as address events without a count, rely on
    the link for it, which costs nothing here. Both ends know `k` of `rice_gaps` beforehand, so
    it must be given. `spike_counts` take the steps of an inference as their window, and send
    with its last step.

    With timing `queue` and `cycle` events are packets up to an encoder beside the link and from a
    decoder behind it on, each of which takes the pipeline of its router once more: five cycles
    and its `routing_delay`. Once all events of a step are at the encoder it sends the messages of
    the step, one after the other; once all of these are there the decoder sends the events on. A
    message without events is sent when the first could have come. Links that would wait for one
    another in a ring, `spike_counts`, steps that run freely, and frames of no whole number of
    flits are refused.
    """

    spikes: SpikeCodecSpec | None = Field(
        None, description="of spikes; packets of their own if left out"
    )
    values: ValueCodecSpec | None = Field(
        None, description="of graded events; packets of their own if left out"
    )

    @model_validator(mode="after")
    def _is_known_to_both_ends(self) -> EncodingSpec:
        if not (self.spikes or self.values):
            raise ValueError("expected a codec of `spikes`, of `values` or of both")
        if isinstance(self.spikes, RiceGaps) and self.spikes.k is None:
            raise ValueError("spikes: a link needs `k`, which both ends know beforehand")
        return self


class LinkSpec(Spec):
    """One direction of a link. Packets are cut into whole flits of this link.

    With an encoding events cross it in messages instead.
    """

    bandwidth_bit_per_s: Bandwidth = Field(alias="bandwidth", description="per direction")
    latency_s: Time = Field(alias="latency", description="from sending to receiving router")
    flit_bits: PositivePacketBits = Field(alias="flit", description="a packet takes whole flits")
    energy_j_per_bit: EnergyPerBit = Field(0.0, alias="energy_per_bit", description="on the wire")
    energy_j_per_packet: EnergyPerPacket = Field(
        0.0, alias="energy_per_packet", description="added for each packet, whatever its size"
    )
    static_power_w: Power = Field(
        0.0,
        alias="static_power",
        description="of both ends, awake; with timing `queue`, `cycle` less while they `sleep`",
    )
    frame: FrameSpec | None = Field(None, description="link-layer framing; none if left out")
    retry: RetrySpec | None = Field(
        None, description="broken frames are sent again; needs `frame`; no errors if left out"
    )
    sleep: SleepSpec | None = Field(
        None,
        description="timing `queue`, `cycle`; in `bound` always awake; never if left out",
    )
    encoding: EncodingSpec | None = Field(
        None, description="how events cross; as packets of their own if left out"
    )

    @model_validator(mode="after")
    def _layers_fit(self) -> LinkSpec:
        if self.retry and not self.frame:
            raise ValueError("`retry` sends frames again, so it needs a `frame`")
        if self.sleep and self.sleep.power_w > self.static_power_w:
            raise ValueError(
                f"sleep.power ({self.sleep.power_w:g} W) is above static_power"
                f" ({self.static_power_w:g} W), that of the link awake"
            )
        _ = self._retransmissions
        return self

    @property
    def _retransmissions(self) -> float:
        if not (self.retry and self.frame):
            return 0.0
        return self.retry.retransmissions(self.frame.total_bits)

    @property
    def transmissions(self) -> float:
        """How often a frame is expected to be sent, retransmissions included; see `RetrySpec`."""
        return 1.0 + self._retransmissions

    @property
    def expected_bandwidth_bit_per_s(self) -> float:
        """Bandwidth for what is sent for the first time."""
        return self.bandwidth_bit_per_s / self.transmissions

    @property
    def expected_latency_s(self) -> float:
        """Latency with that of retransmissions."""
        again = self._retransmissions
        return self.latency_s + (again * self.retry.latency_s if self.retry else 0.0)

    @property
    def expected_energy_j_per_bit(self) -> float:
        """Energy on the wire of a bit with its retransmissions."""
        return self.energy_j_per_bit * self.transmissions

    def codec(self, value_bits: int) -> SpikeCodec | ValueCodec | None:
        """Return how events of a population cross; None for packets of their own.

        Args:
            value_bits: Bits of the value of an event, 0 for spikes.
        """
        if self.encoding is None:
            return None
        return self.encoding.values if value_bits else self.encoding.spikes


class RouterSpec(Spec):
    """A router; every packet that enters it, from a link or a tile, is priced once."""

    latency_s: Time = Field(0.0, alias="latency", description="per traversal")
    energy_j_per_packet: EnergyPerPacket = Field(0.0, alias="energy_per_packet")
    energy_j_per_bit: EnergyPerBit = Field(0.0, alias="energy_per_bit", description="of packets")
    static_power_w: Power = Field(0.0, alias="static_power")
    multicast: bool = Field(True, description="whether it can copy a packet to several outputs")
    clock_hz: Frequency | None = Field(
        None,
        alias="clock",
        description="if left out, the die's links take a flit in each cycle; if given and no die "
        "has links inside, routers move in a cycle what the fastest link does, or a packet (timing "
        "`queue`, `cycle`; so the next two)",
    )
    routing_delay: int = Field(
        1, ge=0, le=16, description="cycles in which the route of a packet is computed"
    )
    buffer_flits: int = Field(
        8, ge=1, le=65536, description="flits that each virtual channel of an input holds"
    )


class EdgeSpec(Spec):
    """One explicit bidirectional edge between two routers of a chiplet."""

    between: tuple[Coordinate, Coordinate]
    link: LinkSpec | None = Field(None, description="the network's own link if left out")


class OnChipNetworkSpec(Spec):
    """Routers of a chiplet and the links between them."""

    topology: TopologyName = "mesh"
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        description="routers along x and y (mesh, torus), or their number"
    )
    link: LinkSpec
    link_vertical: LinkSpec | None = Field(
        None, description="links along y, where they differ from those along x"
    )
    router: RouterSpec = RouterSpec()
    link_buffer_size: int | None = Field(
        None, ge=1, description="messages that a link holds; timing `detailed` needs it"
    )
    edges: tuple[EdgeSpec, ...] = Field((), description="links of topology `edges`")


class TilePlacementSpec(Spec):
    """A tile and the routers that have one."""

    tile: TileSpec
    at: Literal["all", "rest"] | tuple[Coordinate, ...] = Field(
        "all", description="router coordinates; `all`, or `rest` for those named by no other entry"
    )
    per_router: int = Field(1, ge=1, description="tiles at each of these routers")
    name: str | None = Field(None, description="name in reports; the tile's kind if left out")


class ChipletTypeSpec(Spec):
    """A die: its on-chip network and its tiles."""

    network: OnChipNetworkSpec
    tiles: tuple[TilePlacementSpec, ...]
    static_power_w: Power = Field(0.0, alias="static_power", description="beyond tiles and links")


class ChipletSpec(Spec):
    """One die in the package, or a grid of equal dies."""

    type: str = Field(description="name of a chiplet type")
    at: Coordinate | None = Field(
        None, description="place in the package's network; the first one of a grid"
    )
    grid: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None,
        min_length=1,
        max_length=2,
        description="dies along x and y, called NAME_x_y by their places from `at` on",
    )


class PackageNetworkSpec(Spec):
    """Die-to-die links by topology: facing routers of neighbouring dies are joined."""

    topology: TopologyName = "mesh"
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        description="chiplets along x and y, or their number"
    )
    link: LinkSpec
    link_vertical: LinkSpec | None = None
    parallel_links: int = Field(
        1, ge=1, description="links per pair of neighbouring dies, spread over the facing edge"
    )


class DieToDieSpec(Spec):
    """Explicit die-to-die links between two chiplets."""

    between: tuple[str, str] = Field(description="names of two chiplets")
    link: LinkSpec
    parallel_links: int = Field(1, ge=1)
    at: tuple[Coordinate, Coordinate] | None = Field(
        None, description="router at each end; spread over the facing edges if left out"
    )


class PacketSpec(Spec):
    """Format of a packet, the same in the whole package."""

    header_bits: PacketBits = Field(alias="header", description="routing and control")
    address_bits: PacketBits = Field(
        alias="address", description="which neuron spiked, or which word"
    )
    max_payload_bits: PositivePacketBits = Field(
        1024, alias="max_payload", description="longest payload; longer data takes more packets"
    )


class PackageSpec(Spec):
    """A package: dies of several types on an interposer, substrate or board."""

    name: str
    packet: PacketSpec
    chiplet_types: dict[str, ChipletTypeSpec] = Field(min_length=1)
    chiplets: dict[str, ChipletSpec] = Field(min_length=1)
    network: PackageNetworkSpec | None = Field(
        None, description="die-to-die links by topology; needed unless one chiplet or `links`"
    )
    links: tuple[DieToDieSpec, ...] = Field((), description="further die-to-die links")
    virtual_channels: int = Field(
        4,
        ge=1,
        le=62,
        description="of each link; packets move up one class of them at each die or wrap-around "
        "crossing, as far as that is needed to be free of deadlock",
    )
    synchronisation: Literal["barrier", "free"] = Field(
        "barrier",
        description="of steps: `barrier`: all tiles end a step together; `free`: a tile begins its "
        "next step once it has worked on all that it gets in the step before, and there is no "
        "barrier",
    )
    barrier_s: TimeByNumber = Field(
        0.0,
        alias="barrier",
        description="synchronisation of each step; one time, or several by the number of routers"
        " with mapped neurons: that of the largest number not above it, else of the first",
    )
    static_power_w: Power = Field(0.0, alias="static_power", description="of the package itself")

    @property
    def runs_freely(self) -> bool:
        """Whether tiles begin steps by themselves, without barriers."""
        return self.synchronisation == "free"

    def barrier_of(self, routers: int) -> float:
        """Return the seconds that a barrier takes.

        Args:
            routers: Number of routers with mapped neurons.

        Returns:
            0 where steps run freely, whatever ``barrier`` says.

        Example:
            With ``barrier: {1: 0.6 us, 2: 1 us, 4: 1.4 us}`` three routers take 1 us.
        """
        if self.runs_freely:
            return 0.0
        if not isinstance(self.barrier_s, dict):
            return float(self.barrier_s)
        steps = [number for number in self.barrier_s if number <= routers]
        return float(self.barrier_s[max(steps) if steps else min(self.barrier_s)])
