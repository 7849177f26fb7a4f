"""When links are in use: by hand, and that no work is lost or done beyond its time."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipletsim.noc.link_work import flit_by_flit, spread
from chipletsim.noc.packet_spans import Busy, busy_links


def test_flits_keep_links_in_use_from_when_they_are_sent() -> None:
    """Of 10 ticks in bins of 4: 4 in the bin of the flit, 4 in the next, 2 in the one behind."""
    flits = np.array([[1, 3], [0, 0], [0, 1], [1, 0]])
    work = flit_by_flit(flits, np.array([10.0, 3.0]), 4)
    assert work.tolist() == [[4.0, 9.0], [4.0, 0.0], [2.0, 3.0], [10.0, 0.0]]
    assert flit_by_flit(flits[:0], np.zeros(2), 4).shape == (0, 2)


def test_work_is_spread_where_there_is_room() -> None:
    work = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 4.0]])
    done = spread(work, np.array([2.0, 2.0, 2.0]))
    assert done.tolist() == [[2.0, 1.0], [1.0, 2.0], [0.0, 2.0]]
    assert spread(work, np.array([9.0, 9.0, 9.0])).tolist() == work.tolist()


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.floats(0, 50),
    st.integers(1, 8),
)
def test_no_work_is_negative_and_none_is_lost(sent, per_flit, width) -> None:
    flits = np.array(sent)[:, None]
    work = flit_by_flit(flits, np.array([per_flit]), width)
    assert (work >= 0).all()
    assert work.sum() == pytest.approx(sum(sent) * per_flit)
    done = spread(work, np.full(len(sent), 60.0 * 9 * len(sent)))
    assert done == pytest.approx(work)


def test_the_last_part_of_a_burst_is_as_long_as_it_is() -> None:
    """Parts of 4, 4 and 2 ticks; the link sends 4 flits, none, and 2, of a tick each."""
    network = SimpleNamespace(link_port=np.array([1]), network=SimpleNamespace(tick_s=0.5))
    counts = SimpleNamespace(busy=np.array([0, 6]), flits=np.array([0, 6]))
    history = np.array([[0, 0, 0, 0], [4, 0, 2, 0]])
    found = busy_links(network, counts, history, 4, 10)
    assert found == [Busy(0.0, 0, 100), Busy(2.0, 0, 0), Busy(4.0, 0, 100), Busy(5.0, 0, 0)]
    assert busy_links(network, counts, history[:, :0], 1, 0) == []
