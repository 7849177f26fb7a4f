"""What nodes and links do beyond BookSim, by hand, whatever computes it."""

import numpy as np
import pytest
from chain_cases import array, burst, chain, paths, send
from chipletsim.kernels import CHOICE, describe, native_kernels

from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import NOWHERE, OWN_NODE
from chipletsim.noc.queue import queue

FRAMED = np.full((6, 1), 30)
"""Bits of a flit, on each port of two routers."""
BOTH = pytest.mark.parametrize("model", [cycle, queue], ids=["cycle", "queue"])


@pytest.fixture(autouse=True, scope="module", params=["native", "xla"])
def _kernels(request):
    """Native kernels and plain simulators, and one compiled call for all cases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        if request.param == "native":
            patch.delenv(CHOICE)
            if not native_kernels():
                pytest.skip(f"no native kernels: {describe()}")
        yield


@BOTH
def test_a_node_with_one_processor_works_by_turns(model) -> None:
    # Node 1 makes for 10, then works for 20 on what came in 12, and makes the next for 10.
    network = chain()._replace(processors=array([2, 1]))
    rows = [[0, 0, 1, 0, 0, 0], [1, NOWHERE, 1, 0, 15, 0], [1, NOWHERE, 1, 0, 10, 0]]
    times, _ = send(model, network, paths((0, 1)), burst(rows, [20]))
    assert (times.arrived.tolist(), times.taken.tolist()) == ([12], [15])
    assert times.made.tolist() == [0, 15, 45]
    assert (times.busiest.node, times.busiest.node_ticks) == (1, 45)


@BOTH
def test_a_node_with_two_processors_works_at_once(model) -> None:
    # It makes its own in 0 to 5, 5 to 10, works on them in 5 to 35, 35 to 65, and on what came in
    # 12 after them.
    rows = [[0, 0, 1, 0, 0, 0], [1, OWN_NODE, 1, 0, 5, 0], [1, OWN_NODE, 1, 0, 5, 0]]
    times, _ = send(model, chain(), paths((0, 1)), burst(rows, [7, 30, 30]))
    assert times.made.tolist() == [0, 5, 10]
    assert times.arrived.tolist() == [12, 5, 10]
    assert times.taken.tolist() == [65, 5, 35]
    assert times.injected.tolist() == [0, -1, -1]


@BOTH
def test_work_begins_at_any_tick(model) -> None:
    # Cycles of 4 ticks: a node is seen in 8, but goes on where it was in 6 and 7. What comes in 8
    # has to wait for what began in 7.
    network = chain()
    router, port, node = (each.copy() for each in network[:3])
    router[:, 1] = 4
    port[:, 1:4] *= 4
    node[:, 3:] *= 4
    network = network._replace(router=router, port=port, node=node, processors=array([1, 1]))
    rows = [[0, OWN_NODE, 1, 0, 6, 0], [0, NOWHERE, 1, 0, 3, 0], [0, 0, 1, 0, 2, 0]]
    times, _ = send(model, network, paths((0, 1)), burst(rows, [1, 0]))
    assert times.made.tolist() == [6, 10, 12]
    assert times.taken.tolist() == [6, 12 + 48]
    assert times.injected.tolist() == [-1, -1, 12]


@BOTH
def test_a_full_queue_stops_the_node(model) -> None:
    # Two packets of one flit have room, the third is begun once the first has left; work that
    # ends in no packet takes no room, but waits for it as well. The link takes one flit in 50.
    network = chain(delay=0, interval=50, buffer=1, queue=2)
    rows = [[0, 0, 1, 0, 0, 0]] * 4 + [[0, NOWHERE, 1, 0, 3, 0], [0, 0, 1, 0, 3, 0]]
    times, _ = send(model, network, paths((0, 1)), burst(rows))
    injected = times.injected
    assert times.made.tolist()[:4] == [0, 0, injected[0], injected[1]]
    assert times.made.tolist()[4:] == [injected[2] + 3, injected[2] + 6]


@BOTH
def test_a_step_waits_for_all_before_it(model) -> None:
    # Node 1 has nothing to do in steps 0 and 1; in 2 it begins once it is done with step 0.
    rows = [[0, 0, 1, 0, 0, 0], [1, NOWHERE, 1, 0, 5, 2]]
    times, _ = send(model, chain(), paths((0, 1)), burst(rows, [30], steps=3))
    assert times.made.tolist() == [0, 12 + 30 + 5]


@BOTH
def test_a_packet_answers_another(model) -> None:
    # Node 1 works in 12 to 15 on what came, and may begin the answer 4 later. It has then begun the
    # second of its own, which takes from 10 to 20; the third waits until the answer is made.
    rows = [[0, 0, 1, 0, 0, 0], *[[1, NOWHERE, 1, 0, 10, 0]] * 3, [1, 1, 1, 4, 6, 0]]
    given = burst(rows, [3, 5], after=array([-1, -1, -1, -1, 0]))
    times, _ = send(model, chain(), paths((0, 1), (1, 0)), given)
    assert times.made.tolist() == [0, 10, 20, 36, 26]
    assert times.injected.tolist() == [0, -1, -1, -1, 26]
    assert (times.arrived.tolist(), times.taken.tolist()) == ([12, 38], [12, 38])
    assert times.end(given) == 43


@BOTH
def test_answers_are_made_in_the_order_in_which_they_may_be(model) -> None:
    # What answers the second packet may be begun sooner than what answers the first.
    rows = [[0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0], [1, 1, 1, 30, 2, 0], [1, 1, 1, 5, 2, 0]]
    given = burst(rows, after=array([-1, -1, 0, 1]))
    times, _ = send(model, chain(), paths((0, 1), (1, 0)), given)
    first, second = times.taken.tolist()[:2]
    assert (first, second < first + 5) == (12, True)
    assert times.made.tolist()[2:] == [first + 30 + 2, second + 5 + 2]


@BOTH
def test_what_answers_itself_is_never_sent(model) -> None:
    rows = [[0, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]]
    given = burst(rows, after=array([1, 0]))
    times, _ = send(model, chain(), paths((0, 1), (1, 0)), given)
    assert times.undelivered == 2
    assert times.injected.tolist() == [-1, -1]


def links(frame=(0, 0, 0), sleep=(-1, 0)) -> np.ndarray:
    """Return the links of two routers, that from the first to the second being as given."""
    found = np.tile(array([0, 0, 0, -1, 0]), (6, 1))
    found[1] = [*frame, *sleep]
    return found


@BOTH
def test_a_link_sleeps_and_is_woken(model) -> None:
    # It is awake until 10. The first flit is there in 100 + 4, and goes once the link is awake, in
    # 104 + 7; the next 9 later, when the link has sent the first; then the link sleeps again,
    # until the end: in 120 it is free, in 130 asleep.
    network = chain(interval=9)._replace(links=links(sleep=(10, 7)))
    rows = [[0, 0, 1, 100, 0, 0], [0, 0, 1, 100, 0, 0]]
    times, counts = send(model, network, paths((0, 1)), burst(rows))
    assert times.arrived.tolist() == [112 + 7, 112 + 7 + 9]
    assert counts.asleep.tolist() == [0, 104 - 10, 0, 0, 0, 0]
    rows[1][3] = 200
    times, counts = send(model, network, paths((0, 1)), burst(rows))
    assert times.arrived.tolist() == [112 + 7, 212 + 7]
    assert counts.asleep[1] == 104 - 10 + 204 - 130


def test_a_link_sends_frames() -> None:
    # Flits of 30 bits, two in a frame of 80, which takes 20 on the wire. The first two come to
    # router 0 in 2 and 5, and may leave in 4 and 7: full then, the frame leaves in 7. The third is
    # in the next frame from 10 on, which waits until 10 + 40, and leaves alone.
    network = chain()._replace(links=links((80, 20, 40)), kind_bits=FRAMED)
    times, counts = send(cycle, network, paths((0, 1)), burst([[0, 0, 1, 0, 0, 0]] * 3))
    # A flit that is sent in t leaves router 1 in t + 5, and is at its node in t + 8.
    assert times.arrived.tolist() == [27 + 8, 27 + 8 + 3, 70 + 8]
    assert counts.frames.tolist() == [0, 2, 0, 0, 0, 0]


def test_a_full_frame_waits_for_the_link_and_blocks_the_output() -> None:
    # As above: flits come in 2, 3, 4, 5, 6 and are sent in 4, 7, and 10, 13, when the second frame
    # is full. It leaves when the first has, in 7 + 20; the fifth flit is sent in that cycle, and
    # its frame leaves 40 later. So they wait for 2, 4, 6, 8 and 21.
    network = chain()._replace(links=links((80, 20, 40)), kind_bits=FRAMED)
    times, counts = send(cycle, network, paths((0, 1)), burst([[0, 0, 1, 0, 0, 0]] * 5))
    assert times.arrived.tolist() == [27 + 8, 27 + 11, 47 + 8, 47 + 11, 27 + 40 + 20 + 8]
    assert counts.waited[1] == 2 + 4 + 6 + 8 + 21
    assert counts.frames[1] == 3


def test_a_frame_that_waits_for_the_link_to_wake_blocks_the_output() -> None:
    # The first flit comes in 102, is sent in 104 and leaves at once; so it wakes the link, which
    # sleeps since 10, and is on the wire in 104 + 7. The second, there in 103, is sent then; its
    # frame leaves when the first has, in 111 + 20.
    network = chain()._replace(links=links((80, 20, 0), (10, 7)), kind_bits=FRAMED)
    rows = [[0, 0, 1, 100, 0, 0], [0, 0, 1, 100, 0, 0]]
    times, counts = send(cycle, network, paths((0, 1)), burst(rows))
    assert times.arrived.tolist() == [131 + 8, 151 + 8]
    assert counts.waited[1] == 104 - 102 + 111 - 103
    assert counts.asleep[1] == 104 - 10


@pytest.mark.parametrize(("model", "arrives"), [(cycle, 318), (queue, 323)])
def test_a_frame_takes_no_packet_before_its_tail_is_there(model, arrives: int) -> None:
    # Router 0 sends the four flits of a packet in 4, 104, 204 and 304; they come to router 1 three
    # later, and the last one goes on in 307, in a frame of 5, which comes to router 2 in 315. There
    # the other flits are gone, and it comes to its node 3 later. `queue` sends the packet whole in
    # that frame, so its head goes on in 315 + 2, its tail 3 later.
    wire = np.tile(array([0, 0, 0, -1, 0]), (9, 1))
    wire[4, :2] = 10000, 5
    network = chain(3)
    port = network.port.copy()
    port[1, 3] = 100
    network = network._replace(port=port, links=wire, kind_bits=np.full((9, 1), 30))
    times, _ = send(model, network, paths((0, 2)), burst([[0, 0, 4, 0, 0, 0]]))
    assert times.arrived.tolist() == [arrives]
