"""Inputs that are events: recordings, constant values, and spikes of an earlier run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chipletsim.spec.base import Spec
from chipletsim.units import PositiveTime, Time


class EventFilesSpec(Spec):
    """Recordings in one file, or in the files of a folder."""

    file: str | None = Field(None, description="path of the file, relative to this one")
    folder: str | None = Field(
        None,
        description="instead of `file`: a folder with one recording in each file, read in the order"
        " of their names; a folder named by a whole number labels its files",
    )
    format: Literal["auto", "npz", "hdf5", "shd", "aedat4", "aedat3", "nmnist"] = Field(
        "auto",
        description="`shd` and `hdf5` are one; by the end of the name (.npz .h5 .hdf5 .aedat4 .bin"
        " .aedat) if `auto`",
    )
    time_unit: Literal["s", "ms", "us", "ns"] | None = Field(
        None,
        description="of times in .npz and HDF5 files; if left out, floats are seconds and integers"
        " microseconds",
    )
    size: tuple[Annotated[int, Field(ge=1, lt=2**31)], ...] | None = Field(
        None,
        description="[channels], or [height, width] of the sensor, where the file does not state"
        " it; needed to feed pixels into a flat population",
    )

    @model_validator(mode="after")
    def _one_place(self) -> EventFilesSpec:
        if (self.file is None) == (self.folder is None):
            raise ValueError("give one of `file` and `folder`")
        return self


class BinningSpec(Spec):
    """How events become spikes: one at time t falls into step floor((t - start) / step)."""

    step_s: PositiveTime | None = Field(
        None, alias="step", description="length of a step; the network's `dt` if left out"
    )
    start: Literal["zero", "first"] = Field(
        "zero", description="zero of the recording's clock, or its first event in the file"
    )
    offset_s: Time = Field(0.0, alias="offset", description="added to the start")
    outside: Literal["error", "count"] = Field(
        "error",
        description="events before the first or after the last step: `count` leaves them"
        " out, and the run says how many",
    )
    several: Literal["spike", "count", "error"] = Field(
        "spike",
        description="events of a channel in one step: one `spike` stands for all, and the run says"
        " how many it merged; or their `count` is fed as a value",
    )
    value_bits: int = Field(8, ge=1, le=24, description="bits of a count, which must suffice")
    polarity: Literal["both", "merge", "on", "off"] = Field(
        "both", description="a channel each (0 off, 1 on), or one for both, or one alone"
    )
    pool: int = Field(
        1, ge=1, description="so many channels, or rows and columns of pixels, become one"
    )
    cut: Literal["recording", "window"] = Field(
        "recording",
        description="a sample is a recording, or each window of `steps` steps of one, up to its"
        " last event",
    )


class EventInputsSpec(Spec):
    """Event recordings: of event cameras and cochleas, or any lists of spike times."""

    events: EventFilesSpec
    samples: int | None = Field(None, ge=1, description="the first so many; all if left out")
    steps: int = Field(ge=1, description="time steps per sample")
    binning: BinningSpec = BinningSpec()


class ConstantInputsSpec(Spec):
    """The same in every step: spikes (0 or 1), or values where `value_bits` is given."""

    constant: float | dict[str, float] = Field(
        description="fed to every channel, the same for all populations or by population; names may"
        " be patterns as in file names, and the last that fits counts"
    )
    value_bits: int | None = Field(
        None,
        ge=1,
        le=32,
        description="bits of a value on links; it is fed as float32, whatever its bits",
    )
    samples: int = Field(1, ge=1)
    steps: int = Field(ge=1)


class ReplayFileSpec(Spec):
    """Spikes that were kept: by `run --spikes`, `save_spikes` or `Activity.save`."""

    file: str = Field(description="path of the .npz file, relative to this one")
    populations: dict[str, str] = Field(
        {},
        description="input population to the population in the file whose spikes it is fed; the one"
        " of the same name if left out",
    )


class ReplayInputsSpec(Spec):
    """Spikes of an earlier run, fed into input populations."""

    replay: ReplayFileSpec
    value_bits: int | None = Field(
        None, ge=1, le=32, description="bits of a value on links, needed to feed graded events"
    )
    samples: int | None = Field(None, ge=1, description="the first so many; all if left out")
    steps: int = Field(ge=1, description="the first so many")
