"""Dense tiles wait for weights that a memory sends them, by timing `queue` and `cycle`: by hand.

The package is that of `test_fetch_timing`: routers in a row, the io tile on the first, the dense
tile on the next, and the memory behind it. The memory reads 64 bits in 1 ns, after 50 ns. Weights
of 100 bits and less are two packets: the first leaves at 52 ns and arrives at 68; the second takes
the link 4 ns after it and arrives at 72. What the dense tile sends at t, or from the next whole
nanosecond on, arrives at t + 16, and the io tile takes 1 ns for it.

A layer of n neurons with one input takes 10 cycles for each 3 of them on 4 x 3 units.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import IO, MEMORY, NPU, population
from encoded_cases import SPIKES, encoded
from interconnect_cases import ALONE_NS, row_of
from test_free_running import freely

import chipletsim as cs
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Projection
from chipletsim.noc import PACKET_MODELS

pytestmark = pytest.mark.usefixtures("quick_programs")

NS = 1e-9
TIMINGS = pytest.mark.parametrize("timing", PACKET_MODELS)
TICK_NS = 1 / 64
FIRST_NS, LAST_NS = 68.0, 72.0
"""When packets with weights arrive."""
ANSWER_NS = ALONE_NS + 1
"""From when an answer leaves the dense tile until the io tile has done with it."""
FAR, NEAR, DENSE, HOLDER = 1, 2, 1, 2


def streaming(far: int = 20, near: int = 0, *, clock: str = "1 GHz", io: dict = IO) -> Mapping:
    """One input, and two layers on a dense tile: the memory holds the weights of one of them.

    Args:
        far: Neurons whose weights the memory holds; they answer.
        near: Neurons whose weights are on the tile.
        clock: Of the dense tile.
        io: The io tile.
    """
    package = row_of(io, NPU | {"clock": clock}, MEMORY)
    layers = {"far": far, "near": near} if near else {"far": far}
    network = Network(
        "streaming",
        (
            population("in", (1,), "input"),
            *(population(name, (size,), output=name == "far") for name, size in layers.items()),
        ),
        tuple(
            Projection(name, "in", name, Dense(np.ones((size, 1), np.float32)))
            for name, size in layers.items()
        ),
        1e-3,
    )
    slices = (
        Slice(0, ((0, 1),), 0, 0),
        Slice(FAR, ((0, far),), DENSE, HOLDER),
        *([Slice(NEAR, ((0, near),), DENSE, DENSE)] if near else []),
    )
    return Mapping(network, package, slices, "by hand", 0)


def one_answer(mapping: Mapping, steps: int = 1) -> Activity:
    """In each step the input spikes, and then the first neuron whose weights are held far away."""
    sizes = {each.name: each.shape for each in mapping.network.populations}
    spikes = {name: np.zeros((1, steps, *shape), bool) for name, shape in sizes.items()}
    spikes["in"][:] = True
    spikes["far"][..., 0] = True
    return Activity.from_spikes(sizes, spikes)


def priced_ns(mapping: Mapping, timing: str, steps: int = 1) -> np.ndarray:
    """Return the times of the rows of one sample."""
    result = cs.price(one_answer(mapping, steps), mapping, timing=timing)
    return result.latency_s[0] / NS


def answered_ns(end_ns: float) -> float:
    """Return the end of a step whose answer leaves once the dense tile is done."""
    return float(np.ceil(end_ns)) + ANSWER_NS


@TIMINGS
def test_answers_leave_once_the_last_weights_are_worked_on(timing: str) -> None:
    """Of 160 bits 100 come first, with 5/8 of the work.

    The tile computes for 0.7 ns in all; the rest of its work follows the last weights.
    """
    first_ns, last_ns = 0.4375, 17 * TICK_NS  # 0.2625 ns are begun ticks
    end_ns = max(FIRST_NS + first_ns, LAST_NS) + last_ns
    assert end_ns == LAST_NS + last_ns
    found = priced_ns(streaming(20, clock="100 GHz"), timing)[1]
    assert found == pytest.approx(answered_ns(end_ns), rel=1e-12)


@TIMINGS
@pytest.mark.parametrize(
    ("near", "end_ns"),
    [
        (0, FIRST_NS + 70),  # work is the longest
        (18, FIRST_NS + 70),  # local work is done at 60
        (24, 80 + 70),  # at 80, when all weights are there: as if they had always been
        (30, 100 + 70),
    ],
)
def test_a_tile_does_its_own_work_before_and_one_thing_at_a_time(
    timing: str, near: int, end_ns: float
) -> None:
    """The work on 160 bits is 43.75 ns and 26.25 ns."""
    assert FIRST_NS + 43.75 > LAST_NS
    mapping = streaming(20, near)
    assert priced_ns(mapping, timing)[1] == pytest.approx(answered_ns(end_ns), rel=1e-12)
    bound = cs.price(one_answer(mapping), mapping, timing="bound")
    assert bound.latency_s[0, 1] / NS == pytest.approx(max(70 + 10 * near / 3, 52.5), rel=1e-12)


@TIMINGS
def test_the_second_part_begins_when_the_first_is_done(timing: str) -> None:
    """Local work ends at 7 ns; halves of 200 bits take 4.5 ns each, more than the link does."""
    mapping = streaming(25, 21, clock="10 GHz")
    end_ns = FIRST_NS + 2 * 4.5
    assert end_ns > LAST_NS + 4.5
    assert priced_ns(mapping, timing)[1] == pytest.approx(answered_ns(end_ns), rel=1e-12)


@TIMINGS
def test_a_tile_whose_weights_are_there_sends_as_ever(timing: str) -> None:
    """Without a memory the answer leaves when all of the work is done."""
    mapping = streaming(20, 30)
    local = replace(mapping, slices=tuple(replace(x, weight_tile=x.tile) for x in mapping.slices))
    found = priced_ns(local, timing)
    assert found[1] == pytest.approx(answered_ns(170), rel=1e-12)
    assert priced_ns(mapping, timing) == pytest.approx(found, rel=1e-12)


@TIMINGS
def test_free_steps_wait_for_the_weights_of_each(timing: str) -> None:
    """The memory holds one packet: it reads for the second step when the last has left, at 54.

    From 104 on it reads its packets, which leave at 106 and later, and arrive at 122 and 126. The
    spike of each step is long there. Work on a packet takes 4.5 ns.
    """
    mapping = freely(streaming(25, clock="10 GHz"))
    ends_ns = priced_ns(mapping, timing, steps=2).cumsum()
    first_ns = max(FIRST_NS + 4.5, LAST_NS) + 4.5
    second_ns = max(122 + 4.5, 126) + 4.5
    spike_ns = 1 + ALONE_NS
    expected = [spike_ns, answered_ns(first_ns), answered_ns(second_ns)]
    assert ends_ns == pytest.approx(expected, rel=1e-12)


@TIMINGS
def test_free_steps_wait_for_their_inputs_though_weights_are_there(timing: str) -> None:
    """The io tile takes 200 ns for an event, so that inputs arrive at 216 and 416.

    All weights are there by 126. The io tile takes as long for an answer.
    """
    mapping = freely(streaming(25, clock="10 GHz", io=IO | {"event_rate": "5 Mpacket/s"}))
    ends_ns = priced_ns(mapping, timing, steps=2).cumsum()
    inputs_ns = 200 + ALONE_NS, 400 + ALONE_NS
    answers_ns = [each + 9 + ALONE_NS + 200 for each in inputs_ns]
    assert answers_ns[0] > inputs_ns[1]
    second_ns = max(answers_ns[1], answers_ns[0] + 200)
    assert ends_ns == pytest.approx([inputs_ns[0], answers_ns[0], second_ns], rel=1e-12)


@TIMINGS
@pytest.mark.parametrize("near", [0, 18, 30])
def test_local_work_of_a_free_step_waits_for_its_inputs(timing: str, near: int) -> None:
    """They are there at 17 ns, and the first weights at 68, as with a barrier."""
    inputs_ns = 1 + ALONE_NS
    end_ns = max(inputs_ns + 10 * near / 3, FIRST_NS) + 70
    found = priced_ns(freely(streaming(20, near)), timing).cumsum()
    assert found == pytest.approx([inputs_ns, answered_ns(end_ns)], rel=1e-12)


@TIMINGS
def test_events_cross_a_link_that_encodes_once_their_tile_has_its_weights(timing: str) -> None:
    """All links to the io tile encode: a step is as where the tile computes as long by itself."""

    def encoding(mapping: Mapping) -> Mapping:
        package = encoded(
            mapping.package,
            lambda _, link: ({"spikes": SPIKES["gaps"]} if link.target == 0 else None,),
        )
        return replace(mapping, package=package)

    def alone(clock: str) -> Mapping:
        mapping = streaming(25, clock=clock)
        slices = tuple(replace(each, weight_tile=each.tile) for each in mapping.slices)
        return encoding(replace(mapping, slices=slices))

    found = priced_ns(encoding(streaming(25, clock="10 GHz")), timing)
    as_long = priced_ns(alone(f"{90 / 76.999} GHz"), timing)
    assert found == pytest.approx(as_long, rel=1e-12)
    later = priced_ns(alone(f"{90 / 86.999} GHz"), timing)
    assert later[1] - found[1] == pytest.approx(10, rel=1e-9)


@TIMINGS
def test_flits_and_energies_are_those_of_the_bound(timing: str) -> None:
    mapping = streaming(20, 30)
    activity = one_answer(mapping, 3)
    found, bound = (
        cs.price(activity, mapping, timing=name, interconnect=name != "bound")
        for name in (timing, "bound")
    )
    assert found.events == bound.events
    assert found.interconnect.packet_latency["all"].packets == bound.events.packets_injected
    assert found.energy.dynamic_j == bound.energy.dynamic_j
    assert found.latency_s[0, 1] > bound.latency_s[0, 1]


@TIMINGS
@pytest.mark.parametrize("free", [False, True])
def test_a_tile_that_waits_for_weights_is_not_blocked(timing: str, free: bool) -> None:
    """It works on nothing from 0.1 ns on, and between two parts; that is no lack of room.

    The memory has none: it has read its first packet at 51.5625 ns, and holds it until 52. If
    steps run freely, it also holds the second one until 54 before it reads for the next step; but
    that is not between packets of one step.
    """
    mapping = streaming(25, 3, clock="100 GHz")
    activity = one_answer(mapping, 2)
    mapping = freely(mapping) if free else mapping
    found = cs.price(activity, mapping, timing=timing, interconnect=True).interconnect
    blocked_ns = 52 - (50 + 100 / 64) + (106 - (104 + 100 / 64) if free else 52 - (50 + 100 / 64))
    assert found.spent.tiles_blocked_s / NS == pytest.approx(blocked_ns, rel=1e-9)
    assert sum(found.steps["tiles_blocked_s"]) / NS == pytest.approx(blocked_ns, rel=1e-9)
