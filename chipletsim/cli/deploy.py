"""``chipletsim deploy``: a model of layers without weights, priced on a package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chipletsim.cli.options import Device, Json, Set, example, texts, use_device
from chipletsim.cli.output import progress, show, show_json
from chipletsim.errors import UsageError

if TYPE_CHECKING:
    from chipletsim.deployment.plan import Plan
    from chipletsim.package.model import Package

SECTIONS = ("plan", "package")

ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of a model; `chipletsim list models`.")
]
PackageFile = Annotated[
    str, typer.Argument(metavar="PACKAGE", help="A package or experiment, or a shipped one.")
]
Tokens = Annotated[
    int | None, typer.Option("--tokens", min=1, help="Tokens of a pass of a language model.")
]
Context = Annotated[
    int | None, typer.Option("--context", min=1, help="Keys that each token attends to.")
]
Stages = Annotated[int | None, typer.Option("--stages", min=1, help="Pipeline stages.")]
Tensor = Annotated[
    int | None, typer.Option("--tensor", min=1, help="Tiles over which a layer is divided.")
]
Activations = Annotated[
    str | None,
    typer.Option(
        "--activations", metavar="own|dense|spiking|hybrid", help="What edges of the model send."
    ),
]
Steps = Annotated[int | None, typer.Option("--steps", min=1, help="Time steps of spikes.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Spikes per value and step.")]
WeightBits = Annotated[int | None, typer.Option("--weight-bits", min=1, help="Of a weight.")]
ActivationBits = Annotated[
    int | None, typer.Option("--activation-bits", min=1, help="Of a value that is sent.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "deploy",
        epilog=example(
            "chipletsim deploy resnet18 packages/sixty_four_chiplets --activations spiking",
            "chipletsim deploy llama3_70b packages/thousand_chiplets --tokens 1 --context 4096",
            "chipletsim deploy gpt2_xl my.yaml --set plan.accumulator_bits=24",
        ),
    )(deploy)


def deploy(
    model: ModelName,
    package: PackageFile,
    *,
    tokens: Tokens = None,
    context: Context = None,
    stages: Stages = None,
    tensor: Tensor = None,
    activations: Activations = None,
    steps: Steps = None,
    rate: Rate = None,
    weight_bits: WeightBits = None,
    activation_bits: ActivationBits = None,
    overrides: Set = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Price a large model on a package from firing rates.

    Places a known network, from ResNet to Llama, on the dies of a package and says what an
    inference costs: energy, time, and bits over every boundary, as values or as spikes.
    `--set` changes `plan.KEY` or `package.KEY`.
    """
    use_device(device)
    changes = _by_section(texts(overrides))
    flags = {
        "stages": stages,
        "tensor": tensor,
        "activations": activations,
        "steps": steps,
        "rate": rate,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
    }
    plan = _plan({key: value for key, value in flags.items() if value is not None}, changes["plan"])
    options = {"tokens": tokens, "context": context}
    from chipletsim.deployment.deploy import deploy as place
    from chipletsim.models import build_model

    built = build_model(model, **{key: value for key, value in options.items() if value})
    on = _package(package, changes["package"])
    progress(f"placing {len(built.layers):,} layers on {len(on.tiles):,} tiles")
    found = place(built, on, plan)
    if as_json:
        show_json(found.to_dict())
    else:
        show(found)


def _by_section(overrides: list[str]) -> dict[str, list[str]]:
    """Return the overrides of each section, without its name.

    Raises:
        UsageError: An override is of no section.
    """
    found: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for text in overrides:
        section, dot, rest = text.partition(".")
        if section not in found or not dot:
            raise UsageError(f"--set {text}: expected plan.KEY=VALUE or package.KEY=VALUE")
        found[section].append(rest)
    return found


def _plan(flags: dict[str, Any], overrides: list[str]) -> Plan:
    from chipletsim.deployment.plan import Plan
    from chipletsim.spec.load import load_spec

    return load_spec(flags, Plan, overrides).spec


def _package(file: str, overrides: list[str]) -> Package:
    from chipletsim.cli.show import build

    _, package = build(file, overrides)
    return package
