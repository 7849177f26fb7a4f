"""The spine: load, map, simulate, price, compare with a dense device, report.

Nothing is printed here; the result draws its report when it is printed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from chipletsim.errors import UsageError
from chipletsim.evaluation import simulate_and_price
from chipletsim.inputs.make import make_inputs
from chipletsim.report.exports import Exports
from chipletsim.report.folder import refuse_unwritable, run_folder, whole_folder
from chipletsim.spec.experiment import (
    BernoulliEncoding,
    DatasetInputsSpec,
    ExperimentSpec,
    PoissonInputsSpec,
    RateInputsSpec,
)
from chipletsim.spec.load import Loaded
from chipletsim.stages import (
    Progress,
    experiment_hash,
    load_experiment,
    make_mapping,
    make_network,
    make_package,
)
from chipletsim.tables import render

if TYPE_CHECKING:
    from chipletsim.baseline.compare import Comparison
    from chipletsim.cost.price import Result
    from chipletsim.network.model import Network
    from chipletsim.spec.overrides import Overrides


RESULT_KEYS = {"name", "package", "network", "energy", "latency", "suspect", "notes", "provenance"}
"""Some sections of every ``result.json``; a file without them is not ours, or damaged."""


@dataclass(frozen=True)
class RunResult:
    """A finished run; printing it gives its report.

    Attributes:
        folder: Folder with all its files.
        summary: Contents of ``result.json``.
        reused: Whether an earlier run was found instead of made.
        exports: What was written beside the folder, in words.
    """

    folder: Path
    summary: dict[str, Any]
    reused: bool
    exports: tuple[str, ...] = ()

    @property
    def suspect(self) -> bool:
        """Whether the figures may not mean what they seem to; exit code 5."""
        return bool(self.summary["suspect"])

    def __rich__(self) -> RenderableType:
        from chipletsim.report.terminal import run_report

        return run_report(self.summary, self.folder, reused=self.reused)

    def __str__(self) -> str:
        return render(self, width=120)


def run(
    path: str | Path,
    *,
    overrides: Overrides = (),
    out: str | Path | None = None,
    force: bool = False,
    seed: int | None = None,
    steps: int | None = None,
    spikes: str | Path | None = None,
    trace: str | Path | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run an experiment file and write its folder, or find the folder of an earlier run.

    The folder's name holds the hash of the resolved configuration, of the data files it
    names and of this version, so that the same experiment is found again.

    Args:
        path: Experiment file, or the name of a shipped one such as ``experiments/mnist``.
        overrides: Texts ``a.b=c``, or dotted paths to values.
        out: Folder that holds runs; ``runs`` if left out.
        force: Run even if the folder is there, and replace files of spikes and traces.
        seed: Seed of the mapping and of random inputs.
        steps: Time steps per sample.
        spikes: File to write all spikes to, an .npz file, see `SpikeWriter`; the run is made
            even if its folder is there.
        trace: File to write a trace to, for Perfetto or ``chrome://tracing``, see
            `TraceWriter`; likewise.
        progress: Called with a line of text whenever a stage begins.

    Raises:
        ConfigError: Everything wrong with the files.
        InfeasibleError: The network does not fit the package.
        UsageError: The folder or a file cannot be written.
    """
    say = progress or (lambda line: None)
    say("reading the experiment")
    experiment = load_experiment(path, overrides, seed=seed, steps=steps)
    config_hash = experiment_hash(experiment)
    folder = run_folder(Path(out or "runs"), experiment.spec.name, config_hash)
    exports = Exports(spikes, trace, force=force)
    if not (force or exports) and (found := read_run(folder)):
        return found
    refuse_unwritable(folder)
    made = _run(experiment, folder, config_hash, say, exports=exports)
    return replace(made, exports=exports.written)


def read_run(folder: str | Path) -> RunResult | None:
    """Return the run kept in a folder, or None where there is none of this version.

    Args:
        folder: Folder of a run.
    """
    try:
        text = (Path(folder) / "result.json").read_text(encoding="utf-8")
        summary = json.loads(text)
    except (OSError, ValueError):
        return None
    known = (
        isinstance(summary, dict)
        and summary.get("schema_version") == 2
        and summary.keys() >= RESULT_KEYS
    )
    return RunResult(Path(folder), summary, reused=True) if known else None


def _run(
    experiment: Loaded[ExperimentSpec],
    folder: Path,
    config_hash: str,
    say: Progress,
    *,
    exports: Exports,
) -> RunResult:
    """Do all stages and write the folder."""
    from chipletsim.report.summary import summarise

    spec = experiment.spec
    package, network = make_package(experiment), make_network(experiment)
    say(f"mapping {network.neurons:,} neurons on {len(package.tiles):,} tiles")
    mapping = make_mapping(experiment, network, package)
    inputs = make_inputs(experiment, network)
    verb = "drawing" if inputs.drawn else "simulating"
    say(f"{verb} {inputs.samples:,} samples of {inputs.steps:,} steps")
    exported = exports.watchers(
        mapping,
        spec.timing,
        sample_steps=inputs.samples * inputs.steps,
        drawn=inputs.drawn is not None,
    )
    with exported as watchers:
        priced = simulate_and_price(
            network, inputs, mapping, spec.timing, say, watchers=watchers, interconnect=True
        )
    summary = summarise(
        spec.name,
        priced.result,
        accuracy=priced.accuracy,
        comparison=_comparison(spec, network, priced.result),
        provenance={
            "config_hash": config_hash,
            "activity_fingerprint": priced.activity_fingerprint,
            "input_seed": _input_seed(spec),
            **({"nir_scheme": network.scheme} if network.scheme else {}),
        },
        notes=[*_scheme(network), *priced.notes],
    )
    say(f"writing {folder}")
    return _write(folder, experiment, priced.result, summary)


def _scheme(network: Network) -> list[str]:
    """Return how the neurons of a NIR file were taken, and why that may be wrong."""
    if not network.scheme:
        return []
    return [f"neurons of the NIR file stepped as {network.scheme}", *network.doubts]


def _comparison(spec: ExperimentSpec, network: Network, result: Result) -> Comparison | None:
    """Return the dense device beside the package, where one is asked for."""
    if spec.baseline is None:
        return None
    from chipletsim.baseline.compare import compare
    from chipletsim.baseline.roofline import baseline

    dense = baseline(
        network,
        spec.baseline.device,
        steps=result.steps,
        batch=spec.baseline.batch,
        devices=spec.baseline.devices,
        activation_bits=spec.baseline.activation_bits,
    )
    return compare(result, dense)


def _write(
    folder: Path, experiment: Loaded[ExperimentSpec], result: Result, summary: dict[str, Any]
) -> RunResult:
    from chipletsim.report import files

    with whole_folder(folder) as temporary:
        files.write_tables(temporary, result)
        files.write_mapping_and_config(temporary, result, experiment)
        if not files.write_figures(temporary, experiment.spec.name, result):
            summary["notes"].append(files.FIGURES_MISSING)
        files.write_result(temporary, summary)
    written = read_run(folder)
    if written is None:
        raise UsageError(f"{folder} was written, but cannot be read again")
    return replace(written, reused=False)


def _input_seed(spec: ExperimentSpec) -> int | None:
    if isinstance(spec.inputs, PoissonInputsSpec | RateInputsSpec):
        return spec.inputs.seed
    encoding = spec.inputs.encoding if isinstance(spec.inputs, DatasetInputsSpec) else None
    return encoding.seed if isinstance(encoding, BernoulliEncoding) else None
