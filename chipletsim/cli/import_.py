"""``chipletsim import``: architectures and networks of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chipletsim.cli.options import Force, Json, example
from chipletsim.cli.output import note, progress, show, show_json
from chipletsim.errors import UsageError

if TYPE_CHECKING:
    from chipletsim.exchange.sanafe.imported import Imported

Architecture = Annotated[
    Path, typer.Argument(metavar="ARCHITECTURE", help="Architecture file of SANA-FE.")
]
Snn = Annotated[
    Path | None,
    typer.Argument(
        metavar="NETWORK",
        show_default=False,
        help="Network with its mappings: YAML, or .npz with a case.json beside it.",
    ),
]
Folder = Annotated[
    Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder that is written.")
]
Steps = Annotated[
    int | None, typer.Option("--steps", min=1, help="Steps of the inputs; the file's if left out.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of inputs that are random.")]

EXAMPLES = example(
    "chipletsim import sana-fe loihi.yaml -o loihi",
    "chipletsim import sana-fe loihi.yaml snn.yaml -o snn",
    "chipletsim run snn/experiment.yaml",
)
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="import", epilog=EXAMPLES)


@group.callback()
def _formats() -> None:
    """Read files of other tools."""


@group.command("sana-fe", epilog=EXAMPLES)
def sana_fe(
    architecture: Architecture,
    network: Snn = None,
    *,
    out: Folder,
    steps: Steps = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Read an architecture and network of SANA-FE.

    Writes FOLDER with package.yaml, network.yaml, mapping.yaml, inputs.npz and experiment.yaml,
    which `chipletsim run` takes, and prints what came in and what was left out.
    """
    from chipletsim.exchange.sanafe.imported import import_sanafe
    from chipletsim.report.folder import refuse_unwritable

    _refuse(out, force=force)
    refuse_unwritable(out)
    progress(f"reading {network or architecture}")
    imported = import_sanafe(architecture, network, steps=steps, seed=seed)
    _write(imported, out)
    if as_json:
        show_json(imported.to_dict())
    else:
        show(imported)
    run = f"next: chipletsim run {out / 'experiment.yaml'}"
    note(f"written to {out}" + (f"; {run}" if imported.network else ""))


def _refuse(out: Path, *, force: bool) -> None:
    """Raise UsageError where the folder would replace something else than an import."""
    from chipletsim.exchange.sanafe.write import PACKAGE, REPORT

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; -o takes a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    if not all((out / name).is_file() for name in (PACKAGE, REPORT)):
        raise UsageError(f"{out} holds other files; -o takes a new or empty folder")
    if not force:
        raise UsageError(f"{out} holds an import; --force writes over it")


def _write(imported: Imported, out: Path) -> None:
    from chipletsim.exchange.sanafe.write import write_files
    from chipletsim.report.folder import whole_folder

    with whole_folder(out) as temporary:
        write_files(imported, temporary)
