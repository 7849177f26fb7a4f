"""``chipletsim baseline``: a dense network on GPUs, modelled and, on request, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chipletsim.cli.options import Json, Steps, example
from chipletsim.cli.output import progress, show, show_json
from chipletsim.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from chipletsim.baseline.system_result import SystemRun
    from chipletsim.models import Model
    from chipletsim.network.model import Network

Name = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|EXPERIMENT", help="Name of a model, or file or name of an experiment."
    ),
]
DenseDevice = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="Name or file of a dense device.")
]
Devices = Annotated[int | None, typer.Option("--devices", min=1, help="All devices of the system.")]
Tensor = Annotated[
    int | None,
    typer.Option("--tensor", min=1, help="Devices that share each layer; by default all."),
]
Pipeline = Annotated[int, typer.Option("--pipeline", min=1, help="Stages of a pipeline.")]
Data = Annotated[int, typer.Option("--data", min=1, help="Replicas of the network.")]
Dtype = Annotated[
    str | None, typer.Option("--dtype", help="Number type, such as fp16; the device's if left out.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Samples of all replicas together.")]
MicroBatches = Annotated[
    int, typer.Option("--micro-batches", min=1, help="Parts of a batch down the pipeline.")
]
Training = Annotated[bool, typer.Option("--training", help="A training step, not an inference.")]
AllReduceName = Annotated[
    str, typer.Option("--all-reduce", metavar="ring|tree", help="Algorithm of sums over devices.")
]
Inside = Annotated[
    str | None, typer.Option("--inside", metavar="FABRIC", help="Fabric inside a node.")
]
Between = Annotated[
    str | None, typer.Option("--between", metavar="FABRIC", help="Fabric between nodes.")
]
PerNode = Annotated[
    int | None, typer.Option("--devices-per-node", min=1, help="Devices of a node.")
]
KernelShare = Annotated[
    float | None, typer.Option("--kernel-efficiency", help="Share of the peak that is reached.")
]
MemoryShare = Annotated[
    float | None,
    typer.Option("--memory-efficiency", help="Share of the memory bandwidth that is reached."),
]
Tokens = Annotated[
    int | None, typer.Option("--tokens", min=1, help="Tokens of a pass of a language model.")
]
Context = Annotated[
    int | None, typer.Option("--context", min=1, help="Keys each token attends to, cache included.")
]
Measure = Annotated[
    bool, typer.Option("--measure", help="Also time the layers on the device that JAX has here.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "baseline",
        epilog=example(
            "chipletsim baseline llama3_70b --tokens 1 --context 4096 --devices 8",
            "chipletsim baseline experiments/mnist --device a100 --measure",
        ),
    )(baseline)


def baseline(
    name: Name,
    *,
    device: DenseDevice = "h100",
    devices: Devices = None,
    tensor: Tensor = None,
    pipeline: Pipeline = 1,
    data: Data = 1,
    dtype: Dtype = None,
    batch: Batch = 1,
    micro_batches: MicroBatches = 1,
    training: Training = False,
    all_reduce: AllReduceName = "ring",
    inside: Inside = None,
    between: Between = None,
    devices_per_node: PerNode = None,
    kernel_efficiency: KernelShare = None,
    memory_efficiency: MemoryShare = None,
    tokens: Tokens = None,
    context: Context = None,
    steps: Steps = None,
    measure: Measure = False,
    as_json: Json = False,
) -> None:
    """Say what the dense network costs on GPUs.

    Takes a known model, such as `resnet50` (see `chipletsim list models`), or the network of
    an experiment. With `--tokens 1 --context N` a language model decodes one token.
    """
    from chipletsim.baseline.dense_system import dense_system

    model, own_steps = _model(name, steps, {"tokens": tokens, "context": context})
    run = dense_system(
        model,
        device,
        devices=devices,
        tensor=tensor,
        pipeline=pipeline,
        data=data,
        dtype=dtype,
        batch=batch,
        micro_batches=micro_batches,
        training=training,
        steps=own_steps,
        all_reduce=all_reduce,
        inside=inside,
        between=between,
        devices_per_node=devices_per_node,
        kernel_efficiency=kernel_efficiency,
        memory_efficiency=memory_efficiency,
    )
    if measure:
        _show_measured(run, model, own_steps, as_json)
    elif as_json:
        show_json(run.to_dict())
    else:
        show(run)


def _model(
    name: str, steps: int | None, options: dict[str, int | None]
) -> tuple[Model | Network, int]:
    """Return the model or network of a name, and its time steps where they are not its own.

    Raises:
        ConfigError: The experiment is wrong.
        UsageError: There is neither such a model nor such an experiment.
    """
    from chipletsim.models import MODELS, build_model
    from chipletsim.stages import load_experiment, make_network

    given = {key: value for key, value in options.items() if value is not None}
    if name in MODELS:
        timed = {} if steps is None else {"time_steps": steps}
        return build_model(name, **given, **timed), 1
    if given:
        raise UsageError(f"{', '.join(given)}: only models have these, and {name!r} is none")
    try:
        experiment = load_experiment(name, steps=steps)
    except ConfigError as error:
        if "no such file" not in str(error):
            raise
        raise UsageError(_unknown(name, list(MODELS))) from None
    return make_network(experiment), experiment.spec.inputs.steps


def _show_measured(run: SystemRun, model: Model | Network, steps: int, as_json: bool) -> None:
    """Time the network here, and show both."""
    from chipletsim.baseline.network_graph import network_graph
    from chipletsim.cli.compiled import keep_compiled_programs
    from chipletsim.measure.beside import ModelledAndMeasured
    from chipletsim.measure.dense import measure_dense
    from chipletsim.models import Model

    if run.placement.devices > 1 or run.unit == "training step":
        raise UsageError("--measure times an inference on one device; leave the others out")
    keep_compiled_programs()
    graph = model if isinstance(model, Model) else network_graph(model, steps)
    progress(f"timing {graph.name} here")
    measured = measure_dense(graph, dtype=run.device.dtype, batch=run.batch)
    both = ModelledAndMeasured(run, measured)
    if as_json:
        show_json(both.to_dict())
    else:
        show(both)


def _unknown(name: str, models: list[str]) -> str:
    from difflib import get_close_matches

    from chipletsim.spec.resolve import nearest_preset, preset_names

    found = [*get_close_matches(name, models, n=1)]
    near = nearest_preset(name)
    if near in preset_names("experiments"):
        found.append(str(near))
    hint = f"; did you mean {' or '.join(repr(one) for one in found)}?" if found else ""
    return f"there is no model and no experiment {name!r}{hint}; see `chipletsim list models`"
