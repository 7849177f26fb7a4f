"""EfficientNet-B0 to B7 by compound scaling.

Source: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural
networks" (ICML 2019), table 1 for B0 and the released factors for B1 to B7; layer names and
native image sizes follow torchvision 0.29.2. Widths are scaled and rounded to a multiple
of 8 that is not below 90 % of the scaled width; repeats are rounded up.

One block (expansion e, c to o channels, kernel k, input r x r, output r' x r', x = e c,
q = max(1, c // 4)) takes, without its bias and norms,
``[e > 1] c x r^2 + k^2 x r'^2 + 2 x q + x o r'^2`` MACs.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from chipletsim.errors import UsageError
from chipletsim.models.builder import Builder
from chipletsim.models.model import Model


class Stage(NamedTuple):
    """Blocks of one shape: expansion, kernel, stride of the first, output width, repeats."""

    expansion: int
    kernel: int
    stride: int
    width: int
    repeats: int


@dataclass(frozen=True)
class EfficientNetSize:
    """Factors of compound scaling, as text so that they are exact, and the native image.

    Attributes:
        width: Factor of all widths.
        depth: Factor of all repeats.
        image: Height and width of the input.
    """

    width: str
    depth: str
    image: int


STEM_WIDTH, HEAD_FACTOR = 32, 4
B0_STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
EFFICIENTNET_SIZES = {
    "efficientnet_b0": EfficientNetSize("1.0", "1.0", 224),
    "efficientnet_b1": EfficientNetSize("1.0", "1.1", 240),
    "efficientnet_b2": EfficientNetSize("1.1", "1.2", 260),
    "efficientnet_b3": EfficientNetSize("1.2", "1.4", 300),
    "efficientnet_b4": EfficientNetSize("1.4", "1.8", 380),
    "efficientnet_b5": EfficientNetSize("1.6", "2.2", 456),
    "efficientnet_b6": EfficientNetSize("1.8", "2.6", 528),
    "efficientnet_b7": EfficientNetSize("2.0", "3.1", 600),
}


def scaled_width(width: int, factor: Fraction) -> int:
    """Return a scaled width, rounded to a multiple of 8 and not below 90 % of it.

    Example:
        >>> scaled_width(40, Fraction("1.1"))
        48
    """
    scaled = width * factor
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < Fraction(9, 10) * scaled else rounded


def stages_of(size: EfficientNetSize) -> tuple[Stage, ...]:
    """Return the scaled stages.

    Raises:
        UsageError: A factor is no positive number.
    """
    width, depth = (_factor(text) for text in (size.width, size.depth))
    return tuple(
        stage._replace(width=scaled_width(stage.width, width), repeats=ceil(stage.repeats * depth))
        for stage in B0_STAGES
    )


def efficientnet(
    size: EfficientNetSize, name: str = "efficientnet", channels: int = 3, classes: int = 1000
) -> Model:
    """Return an EfficientNet for images of ``channels`` x image x image."""
    stages = stages_of(size)
    builder = Builder(name, "efficientnet")
    x = builder.input((channels, size.image, size.image))
    x = _unit(builder, "features.0", x, scaled_width(STEM_WIDTH, _factor(size.width)), 3, stride=2)
    for number, stage in enumerate(stages, 1):
        for repeat in range(stage.repeats):
            builder.block = f"features.{number}.{repeat}"
            x = _block(builder, x, stage, stage.stride if repeat == 0 else 1)
    builder.block = "head"
    x = _unit(builder, "features.8", x, HEAD_FACTOR * stages[-1].width, 1)
    x = builder.reduce("avgpool", x, builder.shape(x)[:1])
    builder.linear("classifier.1", x, classes)
    return builder.model()


def _factor(text: str) -> Fraction:
    try:
        factor = Fraction(text)
    except ValueError:
        factor = Fraction(0)
    if factor <= 0:
        raise UsageError(f"EfficientNet scales by positive numbers such as '1.1', not {text!r}")
    return factor


def _unit(
    builder: Builder,
    name: str,
    x: str,
    width: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
) -> str:
    """Add a convolution ``name.0`` and its norm ``name.1``."""
    x = builder.convolution(f"{name}.0", x, width, kernel, stride, groups=groups)
    return builder.norm(f"{name}.1", x)


def _block(builder: Builder, x: str, stage: Stage, stride: int) -> str:
    """Add one inverted bottleneck with squeeze and excitation; return its output."""
    prefix, shortcut = f"{builder.block}.block", x
    inputs = builder.shape(x)
    wide, number = stage.expansion * inputs[0], 0
    if stage.expansion > 1:
        x = _unit(builder, f"{prefix}.0", x, wide, 1)
        number = 1
    x = _unit(builder, f"{prefix}.{number}", x, wide, stage.kernel, stride=stride, groups=wide)
    x = _squeeze(builder, f"{prefix}.{number + 1}", x, max(1, inputs[0] // 4))
    x = _unit(builder, f"{prefix}.{number + 2}", x, stage.width, 1)
    if builder.shape(x) != inputs:
        return x
    return builder.add(f"{builder.block}.add", x, shortcut)


def _squeeze(builder: Builder, prefix: str, x: str, squeezed: int) -> str:
    """Add the two 1 x 1 convolutions on the mean image, and the product with ``x``."""
    wide = builder.shape(x)[0]
    y = builder.reduce(f"{prefix}.avgpool", x, (wide, 1, 1))
    y = builder.convolution(f"{prefix}.fc1", y, squeezed, 1, bias=True)
    y = builder.convolution(f"{prefix}.fc2", y, wide, 1, bias=True)
    return builder.gate(f"{prefix}.scale", x, y)
