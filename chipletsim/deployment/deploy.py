"""The public verb: a model on a package under a plan."""

from __future__ import annotations

from chipletsim.deployment.layout import lay_out
from chipletsim.deployment.plan import Plan
from chipletsim.deployment.pricing import energies, row_times
from chipletsim.deployment.residence import reside
from chipletsim.deployment.result import Deployment
from chipletsim.deployment.schedule import schedule
from chipletsim.deployment.timing import timing_of
from chipletsim.deployment.traffic import traffic_of
from chipletsim.errors import UsageError
from chipletsim.models import Model
from chipletsim.package.model import Package
from chipletsim.tiles import PipelineCore


def deploy(model: Model, package: Package, plan: Plan | None = None) -> Deployment:
    """Place a model on a package and price an inference from firing rates.

    Nothing is simulated and nothing is drawn: amounts are expectations.

    Args:
        model: Layers without weights, see `chipletsim.models.build_model`.
        package: The package.
        plan: How to place it and what its edges send; the defaults if left out.

    Raises:
        UsageError: The plan does not suit the model or the package.
        InfeasibleError: Weights or caches have no room, or no tile computes.
        ConfigError: The addresses of a spike codec are too short for the values of a share.

    Example:
        model = build_model("llama3_70b", tokens=1, context=4096)
        print(deploy(model, package, Plan(activations="hybrid", rate=0.05)))
    """
    if any(isinstance(tile.parameters, PipelineCore) for tile in package.tiles):
        raise UsageError(
            f"package {package.name!r} has pipeline cores, whose messages, hops and updates are "
            "not known without a network; expected neurocore, crossbar or npu tiles"
        )
    plan = Plan() if plan is None else plan
    plan.check(model)
    layout = lay_out(model, package, plan)
    residence = reside(layout, package, plan)
    made = schedule(model, package, plan, layout, residence)
    traffic = traffic_of(package, made.rows, made.transfers)
    timing = timing_of(package, made, row_times(package, made, traffic), layout)
    table = energies(package, plan, made, traffic, timing.latency_s)
    return Deployment(model, package, plan, layout, residence, made, traffic, timing, table)
