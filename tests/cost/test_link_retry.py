"""Links that send broken frames again cost as links that are so much slower and dearer."""

import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping

from chipletsim.baseline.crossing import BoundarySpec, dense_time_s, payload_energy_j_per_bit
from chipletsim.cost.price import price
from chipletsim.cost.provenance import not_modelled
from chipletsim.mapping.traffic import route_cost

# Half of the frames of 128 bit are broken, (1 - p)^128 = 1/2: each is sent twice on average.
RETRY = {"bit_error_rate": 1 - 2 ** (-1 / 128), "latency": "6 ns"}
AS_MUCH = {"bandwidth": "4 Gb/s", "latency": "16 ns", "energy_per_bit": "4 pJ/bit"}
"""A link of 8 Gb/s, 10 ns and 2 pJ/bit with these retransmissions."""


def test_price_is_that_of_a_slower_and_dearer_link() -> None:
    network = mixed_network()
    activity = random_activity(network, 2, 3, 0.2, 5)
    found = []
    for more in ({"retry": RETRY}, AS_MUCH, {}):
        mapping = random_mapping(network, mixed_package(**more), 7)
        found.append(price(activity, mapping))
    retried, slow, whole = found
    np.testing.assert_allclose(retried.latency_s, slow.latency_s, rtol=1e-12)
    assert retried.energy.total_j == pytest.approx(slow.energy.total_j, rel=1e-12, abs=0)
    for name in ("busy_s", "utilisation", "dynamic_energy_j", "wire_bits"):
        np.testing.assert_allclose(retried.links[name], slow.links[name], rtol=1e-12, err_msg=name)
    between = np.array(whole.links["between_dies"])
    used = np.array(whole.links["wire_bits"]) > 0
    assert (between & used).any()
    assert (retried.latency_s > whole.latency_s).any()
    assert retried.energy.total_j > whole.energy.total_j


def test_placement_sees_retransmissions() -> None:
    np.testing.assert_allclose(
        route_cost(mixed_package(retry=RETRY)), route_cost(mixed_package(**AS_MUCH)), rtol=1e-12
    )


def test_one_boundary_sees_retransmissions() -> None:
    link = {
        "bandwidth": "8 Gb/s",
        "latency": "10 ns",
        "flit": "8 bit",
        "energy_per_bit": "2 pJ/bit",
        "frame": {"payload": "96 bit", "total": "128 bit"},
        "retry": RETRY,
    }
    conversion = {"energy_per_update": "1 pJ/op", "energy_per_add": "1 pJ/op"}
    boundary = BoundarySpec.model_validate(
        {
            "activations": 24,
            "dense_bits": 8,
            "link": link,
            "codec": {"kind": "bitmap"},
            "conversion": conversion,
        }
    )
    # 24 x 8 bit are 2 frames of 128 bit, sent twice: 512 bit at 8 Gb/s are 64 ns, and 10 + 6 ns.
    assert dense_time_s(boundary) == pytest.approx(80e-9)
    assert payload_energy_j_per_bit(boundary.link) == pytest.approx(
        2 * 2e-12 * 128 / 96, rel=1e-9, abs=0
    )


def test_what_is_left_out_of_links_is_said() -> None:
    network = mixed_network()

    def said(**more: object) -> list[str]:
        entries = not_modelled(mixed_package(**more), network, "bound")
        return [entry for entry in entries if "retrans" in entry or "sleep" in entry]

    assert said() == ["credits, acknowledgements and retransmission on links"]
    (retried,) = said(retry=RETRY)
    assert retried.startswith("single retransmissions")
    sleep = {"after": "1 ns", "wake_up": "1 ns", "power": "1 mW"}
    assert said(sleep=sleep)[-1].startswith("power saved by links that sleep:")
