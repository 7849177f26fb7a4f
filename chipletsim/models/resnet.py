"""ResNet and the spiking SEW-ResNet of the same shapes.

Sizes: He et al., "Deep residual learning for image recognition" (CVPR 2016), table 1; layer
names follow torchvision 0.29.2. SEW-ResNet: Fang et al., "Deep residual learning in spiking
neural networks" (NeurIPS 2021), as in imagenet/sew_resnet.py of
github.com/fangwei123456/Spike-Element-Wise-ResNet at cfc547c: its first convolution and
norm run once, its head once after the mean over time, all else in each step. Its residual
sums are small whole numbers (connection ADD).
"""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_positive, require_stages
from chipletsim.models.model import Model, Signal


@dataclass(frozen=True)
class ResNetSize:
    """Hyper-parameters of a ResNet.

    Attributes:
        blocks: Blocks of each stage; stages after the first halve the image.
        bottleneck: Whether a block is 1 x 1, 3 x 3, 1 x 1 with four times its width out,
            else two 3 x 3 convolutions.
        widths: Channels of each stage.
    """

    blocks: tuple[int, ...]
    bottleneck: bool = False
    widths: tuple[int, ...] = (64, 128, 256, 512)


RESNET_SIZES = {
    "resnet18": ResNetSize((2, 2, 2, 2)),
    "resnet34": ResNetSize((3, 4, 6, 3)),
    "resnet50": ResNetSize((3, 4, 6, 3), bottleneck=True),
}


def resnet(
    size: ResNetSize,
    name: str = "resnet",
    *,
    image: int = 224,
    channels: int = 3,
    classes: int = 1000,
) -> Model:
    """Return a dense ResNet for images of ``channels`` x ``image`` x ``image``."""
    require_stages(name, size.blocks, size.widths)
    builder = Builder(name, "resnet")
    x = builder.input((channels, image, image))
    x = builder.convolution("conv1", x, size.widths[0], 7, 2)
    x = builder.norm("bn1", x)
    x = builder.pool("maxpool", x, 3, 2, 1)
    x = _stages(builder, x, size, spiking=False)
    x = builder.reduce("avgpool", x, builder.shape(x)[:1])
    builder.linear("fc", x, classes)
    return builder.model()


def sew_resnet(
    size: ResNetSize,
    name: str = "sew_resnet",
    *,
    image: int = 224,
    channels: int = 3,
    classes: int = 1000,
    time_steps: int = 4,
) -> Model:
    """Return a SEW-ResNet for a still image of ``channels`` x ``image`` x ``image``."""
    require_stages(name, size.blocks, size.widths)
    builder = Builder(name, "sew_resnet", time_steps)
    x = builder.input((channels, image, image), each_step=False)
    x = builder.convolution("conv1", x, size.widths[0], 7, 2)
    x = builder.norm("bn1", x)
    x = builder.neuron("sn1", x)
    x = builder.pool("maxpool", x, 3, 2, 1)
    x = _stages(builder, x, size, spiking=True)
    x = builder.reduce("avgpool", x, builder.shape(x)[:1])
    x = builder.time_mean("time_mean", x)
    builder.linear("fc", x, classes)
    return builder.model()


def sew_gesture(
    name: str = "sew_dvsgesture",
    *,
    blocks: int = 7,
    width: int = 32,
    image: int = 128,
    classes: int = 11,
    time_steps: int = 16,
) -> Model:
    """Return the SEW-ResNet for DVS128-Gesture: ``blocks`` blocks, each with a 2 x 2 pooling.

    Source: dvsgesture/smodels.py of the same repository and commit. Every neuron layer
    learns one time constant, which counts as a parameter.
    """
    require_positive(name, blocks=blocks, width=width)
    builder = Builder(name, "sew_resnet", time_steps)
    x = builder.input((2, image, image), Signal.SPIKE_COUNTS)
    x = _gesture_unit(builder, "conv.0", x, width, 1)
    for block in range(blocks):
        builder.block = f"block{block}"
        prefix = f"conv.{2 * block + 1}"
        y = _gesture_unit(builder, f"{prefix}.conv.0", x, width, 3)
        y = _gesture_unit(builder, f"{prefix}.conv.1", y, width, 3)
        x = builder.add(f"{prefix}.add", y, x)
        x = builder.pool(f"conv.{2 * block + 2}", x, 2)
    builder.block = "head"
    x = builder.time_mean("time_mean", x)
    builder.linear("out", x, classes)
    return builder.model()


def _gesture_unit(builder: Builder, prefix: str, x: str, width: int, kernel: int) -> str:
    x = builder.convolution(f"{prefix}.0.module.0", x, width, kernel)
    x = builder.norm(f"{prefix}.0.module.1", x)
    return builder.neuron(f"{prefix}.1", x, parameters=1)


def _stages(builder: Builder, x: str, size: ResNetSize, spiking: bool) -> str:
    """Add all blocks and open the block of the head; return the last sum."""
    for stage, (count, width) in enumerate(zip(size.blocks, size.widths, strict=True)):
        for number in range(count):
            builder.block = f"layer{stage + 1}.{number}"
            stride = 2 if stage and not number else 1
            x = _block(builder, x, width, stride, bottleneck=size.bottleneck, spiking=spiking)
    builder.block = "head"
    return x


def _block(
    builder: Builder, x: str, width: int, stride: int, *, bottleneck: bool, spiking: bool
) -> str:
    """Add one residual block, named after the current block; return its sum.

    The 3 x 3 convolution of a bottleneck has the stride, as in torchvision.
    """
    plan = [(width, 3, stride), (width, 3, 1)]
    if bottleneck:
        plan = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
    prefix, y = builder.block, x
    for number, (channels, kernel, step) in enumerate(plan, 1):
        y = builder.convolution(f"{prefix}.conv{number}", y, channels, kernel, step)
        y = builder.norm(f"{prefix}.bn{number}", y)
        if spiking:
            y = builder.neuron(f"{prefix}.sn{number}", y)
    shortcut = x
    if builder.shape(x) != builder.shape(y):
        channels = builder.shape(y)[0]
        shortcut = builder.convolution(f"{prefix}.downsample.0", x, channels, 1, stride)
        shortcut = builder.norm(f"{prefix}.downsample.1", shortcut)
        if spiking:
            shortcut = builder.neuron(f"{prefix}.downsample.2", shortcut)
    return builder.add(f"{prefix}.add", y, shortcut)
