"""What can go wrong, and the exit code each failure has.

Exit codes: 0 done, 1 our bug, 2 usage or a missing extra, 3 invalid
configuration or input, 4 does not fit the hardware or waits for ever, 5 finished but suspect,
6 sweep with failed points, 130 interrupted with the partial result kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class ChipletsimError(Exception):
    """Base of every failure that chipletsim reports to its user."""

    exit_code = 1


class UsageError(ChipletsimError):
    """The call is wrong, or an optional extra is not installed."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One fault in an input file.

    Attributes:
        message: What is wrong and what was expected, in one sentence.
        path: Dotted path of the key, such as ``package.network.link.bandwidth``.
        file: File the value was read from; None for values made in Python.
        line: One-based line in that file, or None.
        column: One-based column in that file, or None.
    """

    message: str
    path: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        where = " ".join(part for part in (place, self.path) if part)
        return f"{where}: {self.message}" if where else self.message


class ConfigError(ChipletsimError):
    """One or more faults in configuration or input files, all of them at once.

    Attributes:
        problems: Every fault found, in file order.
    """

    exit_code = 3

    def __init__(self, problems: list[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems)]
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Shortfall:
    """A demand that the hardware cannot meet.

    Attributes:
        resource: What is short, such as ``synaptic memory of tiles of kind neurocore``.
        demand: What the network needs, in ``unit``.
        bound: What the package offers, in ``unit``.
        unit: Unit of both.
        remedy: What would make it fit.
    """

    resource: str
    demand: float
    bound: float
    unit: str
    remedy: str

    def __str__(self) -> str:
        gap = self.demand - self.bound
        return (
            f"{self.resource}: needs {self.demand:,.6g} {self.unit}, "
            f"has {self.bound:,.6g} {self.unit}, short by {gap:,.6g} {self.unit}; {self.remedy}"
        )


@dataclass
class InfeasibleError(ChipletsimError):
    """The network does not fit the package: a result, with its numbers."""

    shortfalls: list[Shortfall] = field(default_factory=list)
    exit_code = 4

    def __str__(self) -> str:
        return "\n".join(str(shortfall) for shortfall in self.shortfalls)


class DeadlockError(ChipletsimError):
    """Packets wait for one another for ever: a result, with the channels that they hold.

    Attributes:
        channels: Virtual channels, each held by a packet that waits for the next, the last for the
            first; empty where these were not found.
    """

    exit_code = 4

    def __init__(self, message: str, channels: tuple[str, ...] = ()) -> None:
        self.channels = channels
        super().__init__(message)
