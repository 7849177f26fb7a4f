"""chipletsim: spiking neural networks on packages of chiplets, priced in energy and time.

The public verbs are the stages of a run::

    load_package, load_network, map_network, simulate, price, baseline, compare, codings
    from_snntorch (the network of a live module), evaluate (map, simulate and price in one go)
    dense_system (a dense network on one device or many), winner (spikes or values at a boundary)
    deploy, Plan (a model of layers without weights on a package, priced from rates)
    encode_boundaries (encoders where values that cross dies cost more than spikes)
    run, sweep, train
    Simulator (a network compiled once, simulated on many inputs)
    Pricer (a mapping made ready once, to price many activities)
    poisson_source (random inputs), spike_statistics (rates, irregularity, synchrony)
    save_network, save_mapping, load_mapping, quality (of a mapping)
    encode (values to spikes), open_events, Binning, bin_samples (event recordings to spikes)
    save_spikes, load_spikes, to_nir_data, from_nir_data, save_trace (spikes and traces out)
    import_sanafe (an architecture and a network of SANA-FE)

Nothing heavy is imported until a name is used, so that ``import chipletsim`` is quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from chipletsim.errors import ChipletsimError, ConfigError, InfeasibleError, UsageError

if TYPE_CHECKING:
    from chipletsim.baseline.codings import codings
    from chipletsim.baseline.compare import Comparison, compare
    from chipletsim.baseline.dense_system import dense_system
    from chipletsim.baseline.roofline import Baseline, baseline
    from chipletsim.baseline.system_result import SystemRun
    from chipletsim.baseline.winner import Winner, winner
    from chipletsim.cost.price import Pricer, Result, price
    from chipletsim.deployment.deploy import deploy
    from chipletsim.deployment.plan import Plan
    from chipletsim.deployment.result import Deployment
    from chipletsim.engine.activity import Activity
    from chipletsim.engine.encode import encode
    from chipletsim.engine.poisson import PoissonSource, poisson_source
    from chipletsim.engine.rates import RateActivity
    from chipletsim.engine.simulate import Simulator, simulate
    from chipletsim.engine.statistics import SpikeStatistics, spike_statistics
    from chipletsim.evaluation import evaluate
    from chipletsim.exchange.events.binning import Binning
    from chipletsim.exchange.events.formats import open_events
    from chipletsim.exchange.events.samples import bin_samples
    from chipletsim.exchange.sanafe.imported import Imported, import_sanafe
    from chipletsim.exchange.snntorch.convert import from_snntorch
    from chipletsim.exchange.spikes.nir_data import from_nir_data, to_nir_data
    from chipletsim.exchange.spikes.record import load_spikes
    from chipletsim.exchange.spikes.save import save_spikes
    from chipletsim.hybrid.encode_boundaries import Encoded, encode_boundaries
    from chipletsim.mapping.map import map_network
    from chipletsim.mapping.model import Mapping
    from chipletsim.mapping.quality import quality
    from chipletsim.mapping.store import load_mapping, save_mapping
    from chipletsim.models.registry import build_model
    from chipletsim.network.load import load_network
    from chipletsim.network.model import Network
    from chipletsim.network.save import save_network
    from chipletsim.package.load import load_package
    from chipletsim.package.model import Package
    from chipletsim.report.trace import save_trace
    from chipletsim.run import RunResult, run
    from chipletsim.sweep.sweep import SweepResult, sweep
    from chipletsim.training_runs.result import TrainResult
    from chipletsim.training_runs.train import train

    __version__: str

_HOME = {
    "Activity": "chipletsim.engine.activity",
    "Baseline": "chipletsim.baseline.roofline",
    "Binning": "chipletsim.exchange.events.binning",
    "Comparison": "chipletsim.baseline.compare",
    "Deployment": "chipletsim.deployment.result",
    "Encoded": "chipletsim.hybrid.encode_boundaries",
    "Imported": "chipletsim.exchange.sanafe.imported",
    "Mapping": "chipletsim.mapping.model",
    "Network": "chipletsim.network.model",
    "Package": "chipletsim.package.model",
    "Plan": "chipletsim.deployment.plan",
    "PoissonSource": "chipletsim.engine.poisson",
    "Pricer": "chipletsim.cost.price",
    "RateActivity": "chipletsim.engine.rates",
    "Result": "chipletsim.cost.price",
    "RunResult": "chipletsim.run",
    "Simulator": "chipletsim.engine.simulate",
    "SpikeStatistics": "chipletsim.engine.statistics",
    "SweepResult": "chipletsim.sweep.sweep",
    "SystemRun": "chipletsim.baseline.system_result",
    "TrainResult": "chipletsim.training_runs.result",
    "Winner": "chipletsim.baseline.winner",
    "baseline": "chipletsim.baseline.roofline",
    "bin_samples": "chipletsim.exchange.events.samples",
    "build_model": "chipletsim.models.registry",
    "codings": "chipletsim.baseline.codings",
    "compare": "chipletsim.baseline.compare",
    "dense_system": "chipletsim.baseline.dense_system",
    "deploy": "chipletsim.deployment.deploy",
    "encode": "chipletsim.engine.encode",
    "encode_boundaries": "chipletsim.hybrid.encode_boundaries",
    "evaluate": "chipletsim.evaluation",
    "from_snntorch": "chipletsim.exchange.snntorch.convert",
    "from_nir_data": "chipletsim.exchange.spikes.nir_data",
    "import_sanafe": "chipletsim.exchange.sanafe.imported",
    "load_mapping": "chipletsim.mapping.store",
    "load_network": "chipletsim.network.load",
    "load_package": "chipletsim.package.load",
    "load_spikes": "chipletsim.exchange.spikes.record",
    "map_network": "chipletsim.mapping.map",
    "open_events": "chipletsim.exchange.events.formats",
    "poisson_source": "chipletsim.engine.poisson",
    "price": "chipletsim.cost.price",
    "quality": "chipletsim.mapping.quality",
    "run": "chipletsim.run",
    "save_mapping": "chipletsim.mapping.store",
    "save_network": "chipletsim.network.save",
    "save_spikes": "chipletsim.exchange.spikes.save",
    "save_trace": "chipletsim.report.trace",
    "simulate": "chipletsim.engine.simulate",
    "spike_statistics": "chipletsim.engine.statistics",
    "sweep": "chipletsim.sweep.sweep",
    "to_nir_data": "chipletsim.exchange.spikes.nir_data",
    "train": "chipletsim.training_runs.train",
    "winner": "chipletsim.baseline.winner",
}

__all__ = [
    "Activity",
    "Baseline",
    "Binning",
    "ChipletsimError",
    "Comparison",
    "ConfigError",
    "Deployment",
    "Encoded",
    "Imported",
    "InfeasibleError",
    "Mapping",
    "Network",
    "Package",
    "Plan",
    "PoissonSource",
    "Pricer",
    "RateActivity",
    "Result",
    "RunResult",
    "Simulator",
    "SpikeStatistics",
    "SweepResult",
    "SystemRun",
    "TrainResult",
    "UsageError",
    "Winner",
    "baseline",
    "bin_samples",
    "build_model",
    "codings",
    "compare",
    "dense_system",
    "deploy",
    "encode",
    "encode_boundaries",
    "evaluate",
    "from_nir_data",
    "from_snntorch",
    "import_sanafe",
    "load_mapping",
    "load_network",
    "load_package",
    "load_spikes",
    "map_network",
    "open_events",
    "poisson_source",
    "price",
    "quality",
    "run",
    "save_mapping",
    "save_network",
    "save_spikes",
    "save_trace",
    "simulate",
    "spike_statistics",
    "sweep",
    "to_nir_data",
    "train",
    "winner",
]


class _Package(ModuleType):
    """A package in which a verb is never hidden by the submodule that holds it.

    Importing ``chipletsim.run`` would bind the module to ``chipletsim.run``, where
    users expect the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("chipletsim")
    if name not in _HOME:
        raise AttributeError(f"module 'chipletsim' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, "__version__"])
