"""Nothing is lost or made on the way, over random models, packages and plans."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from deployment_cases import mixed, models, row_of_dies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipletsim.codecs import Bitmap
from chipletsim.deployment.deliveries import deliveries, wanted_channels
from chipletsim.deployment.deploy import deploy
from chipletsim.deployment.layout import lay_out
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.residence import reside
from chipletsim.deployment.schedule import schedule
from chipletsim.deployment.traffic import traffic_of
from chipletsim.errors import UsageError
from chipletsim.models import Kind, Model

pytestmark = pytest.mark.usefixtures("quick_programs")

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def package_named(name: str):
    return mixed() if name == "mixed" else row_of_dies(5)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan; steps are the model's own where activations are."""
    activations = draw(st.sampled_from(["own", "dense", "spiking", "hybrid"]))
    return Plan(
        stages=draw(st.none() | st.integers(1, 3)),
        tensor=draw(st.none() | st.integers(1, 4)),
        activations=activations,
        steps=None if activations == "own" else draw(st.none() | st.integers(1, 3)),
        rate=draw(st.sampled_from([0.0, 0.125, 0.5])),
        batch=draw(st.integers(1, 2)),
        spike_codec=draw(st.sampled_from([None, Bitmap()])),
        batched_steps=draw(st.booleans()),
    )


def placed(model: Model, name: str, plan: Plan):
    """Return the layout, or stop where the plan does not suit."""
    package = package_named(name)
    try:
        return package, lay_out(model, package, plan)
    except UsageError:
        return package, None


NAMES = st.sampled_from(["mixed", "row"])


@SLOW
@given(models(), NAMES, plans())
def test_packets_sent_are_packets_delivered(model: Model, name: str, plan: Plan) -> None:
    """At each router as many packets leave, over links or to tiles, as enter."""
    package, layout = placed(model, name, plan)
    if layout is None:
        return
    made = schedule(model, package, plan, layout, reside(layout, package, plan))
    found = traffic_of(package, made.rows, made.transfers)
    times = np.array([row.times for row in made.rows], float)
    moved = made.transfers
    packets = moved.packets * times[moved.row]
    routers = len(package.routers)
    leaving = np.bincount(package.link_source, found.link_packets, routers)
    leaving += np.bincount(package.tile_router[moved.target], packets, routers)
    assert leaving == pytest.approx(found.router_packets, rel=1e-9, abs=1e-12)
    assert found.injected.sum() == pytest.approx(packets.sum())
    assert found.kind_bits.sum(axis=0) == pytest.approx(found.link_bits)


@SLOW
@given(models(), NAMES, plans())
def test_every_reader_gets_what_it_reads_once(model: Model, name: str, plan: Plan) -> None:
    """A value that a tile wants is there, or comes in one transfer; and nothing else comes.

    Values that come to a tile: all that it wants of other tiles' shares, where shares move
    point to point; around a ring, all shares but its own.
    """
    _package, layout = placed(model, name, plan)
    if layout is None:
        return
    found = deliveries(model, layout)
    assert len({(d.source.layer.name, tuple(d.tiles)) for d in found}) == len(found)
    edges = {(d.source.layer.name, tuple(d.tiles)): d for d in found}
    for layer in model.layers:
        if layer.name not in layout.parts:
            continue
        reader = layout.parts[layer.name]
        for source in layer.sources:
            if source not in layout.parts:
                continue
            delivery = edges[source, tuple(reader.tiles)]
            wanted = wanted_channels(reader, layout.parts[source])
            some = wanted[:, 0] < wanted[:, 1]
            assert (delivery.wanted[some, 0] <= wanted[some, 0]).all()
            assert (delivery.wanted[some, 1] >= wanted[some, 1]).all()


@SLOW
@given(models(), NAMES, plans())
def test_work_weights_and_shares_are_all_there(model: Model, name: str, plan: Plan) -> None:
    """Tiles together do all products and keep all parameters, however uneven their shares."""
    package, layout = placed(model, name, plan)
    if layout is None:
        return
    residence = reside(layout, package, plan)
    for name_of, part in layout.parts.items():
        shares = part.shares
        assert shares.sum() == part.channels
        assert shares.max() - shares.min() <= max(1, part.channels // max(part.layer.heads, 1))
        layer = part.layer
        if layer.kind is Kind.INPUT:
            continue
        kinds = {package.tiles[int(tile)].kind for tile in part.tiles}
        kept = layer.parameters + (layer.weights if layer.tied_to else 0)
        bits = residence.weights[name_of].sum()
        if "crossbar" in kinds:
            assert bits >= kept * plan.weight_bits  # whole arrays
        else:
            assert bits == kept * plan.weight_bits
    made = schedule(model, package, plan, layout, residence)
    times = np.array([row.times for row in made.rows], float)
    events = made.events
    chosen = events.quantity == 0
    done = (events.amount * times[events.row])[chosen]
    if plan.activations in ("dense", "hybrid"):
        assert done.sum() == pytest.approx(plan.batch * model.macs_one_step)
    if plan.activations == "spiking":
        due = plan.batch * plan.rate * plan.steps_of(model) * model.macs_one_step
        assert done.sum() == pytest.approx(due)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(models(), NAMES, plans())
def test_parts_add_up_to_the_total_exactly(model: Model, name: str, plan: Plan) -> None:
    package, layout = placed(model, name, plan)
    if layout is None:
        return
    result = deploy(model, package, plan)
    total = result.energy.total_j
    assert sum(result.energy.by_component().values()) == total
    assert sum(result.energy_by_class.values()) == total
    assert sum(result.energy.by_place().values()) == total
    assert sum(result.timing.terms_s.values()) == result.latency_s
    between = [each for each in result.link_classes if each.between_dies]
    crossing = sum(each.wire_bits for each in result.boundaries)
    assert crossing == pytest.approx(sum(each.wire_bits for each in between))
    assert result.interval_s <= result.latency_s * (1 + 1e-9)
