"""Every command and output in the README, run.

``python tests/test_readme.py`` writes the outputs into the README; the test compares.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from quick import flags

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "COLUMNS": "100", "NO_COLOR": "1"}
KEPT = ("XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_MAX_SIZE")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(README.read_text()) if name == language]


def run_shell(command: str, folder: Path, **others: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command)
    assert program == "chipletsim"
    return subprocess.run(
        [sys.executable, "-c", "from chipletsim.cli.main import main; main()", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT
        | {name: os.environ[name] for name in KEPT if name in os.environ}
        | {"HOME": str(folder)}
        | others,
    )


def shown(command: str, folder: Path) -> str:
    """Return what a reader sees: stdout, and stderr where the command fails."""
    done = run_shell(command, folder)
    assert "Traceback" not in done.stderr, done.stderr
    return f"$ {command}\n{done.stdout}{done.stderr if done.returncode else ''}"


def transcript(block: str, folder: Path) -> str:
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    text = "".join(shown(command, folder) for command in commands)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def workspace(folder: Path) -> Path:
    (folder / "configs").symlink_to(ROOT / "configs")
    return folder


@pytest.mark.parametrize("block", blocks("console"))
def test_console_blocks_show_what_the_commands_print(block: str, tmp_path: Path) -> None:
    assert transcript(block, workspace(tmp_path)) == block


@pytest.mark.parametrize("block", blocks("sh"))
def test_shell_blocks_succeed(block: str, tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    for line in block.splitlines():
        done = run_shell(line.partition("#")[0], folder, XLA_FLAGS=flags())
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", blocks("python"))
def test_python_blocks_run(block: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=workspace(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"XLA_FLAGS": flags()},
    )
    assert done.returncode == 0, done.stderr
    assert "energy per inference" in done.stdout


def test_the_demo_is_the_command_shown() -> None:
    plan = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "chipletsim run configs/experiments/mnist.yaml" in plan


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (ROOT / target).exists(), target


def fill() -> None:
    """Replace the outputs in the README by what the commands print now."""

    def replace(match: re.Match[str]) -> str:
        if match[1] != "console":
            return match[0]
        with tempfile.TemporaryDirectory() as folder:
            return f"```console\n{transcript(match[2], workspace(Path(folder)))}```"

    README.write_text(BLOCK.sub(replace, README.read_text()))


if __name__ == "__main__":
    fill()
