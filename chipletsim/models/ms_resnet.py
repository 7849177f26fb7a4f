"""Spiking residual networks whose shortcuts carry membrane potentials, and ResNet-19.

MS-ResNet: Hu et al., "Advancing spiking neural networks toward deep residual learning"
(2021), as in models/MS_ResNet.py of github.com/Ariande1/MS-ResNet at cb5a1a7: the stem runs
in each step, the first stage has stride 2 and a projection instead of a pooling, and the
head runs once after the mean over time. ResNet-19: Zheng et al., "Going deeper with directly
trained larger spiking neural networks" (AAAI 2021); its details differ between codes, and
the layout here has 0.07 million parameters more than published.
"""

from __future__ import annotations

from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_stages
from chipletsim.models.model import Model

# Blocks of the four stages, from the source above.
MS_RESNET_BLOCKS = {"ms_resnet18": (2, 2, 2, 2), "ms_resnet34": (3, 4, 6, 3)}


def ms_resnet(
    blocks: tuple[int, ...],
    name: str = "ms_resnet",
    *,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    image: int = 224,
    channels: int = 3,
    classes: int = 1000,
    time_steps: int = 6,
) -> Model:
    """Return an MS-ResNet: neurons before each convolution, shortcuts of real values.

    Args:
        blocks: Blocks of each stage; each stage halves the image.
        name: Name of the model.
        widths: Channels of each stage.
        image: Height and width of the input.
        channels: Channels of the input.
        classes: Outputs.
        time_steps: Time steps.
    """
    require_stages(name, blocks, widths)
    builder = Builder(name, "ms_resnet", time_steps)
    x = builder.input((channels, image, image))
    x = builder.convolution("stem", x, widths[0], 7, 2)
    x = builder.norm("stem.bn", x)
    number = 0
    for count, width in zip(blocks, widths, strict=True):
        for place in range(count):
            builder.block = f"block{number}"
            x = _membrane_block(builder, x, width, 1 if place else 2)
            number += 1
    builder.block = "head"
    x = builder.neuron("lif", x)
    x = builder.reduce("avgpool", x, builder.shape(x)[:1])
    x = builder.time_mean("time_mean", x)
    builder.linear("fc", x, classes)
    return builder.model()


def spiking_resnet19(
    name: str = "spiking_resnet19",
    *,
    blocks: tuple[int, ...] = (3, 3, 2),
    widths: tuple[int, ...] = (128, 256, 512),
    hidden: int = 256,
    image: int = 32,
    classes: int = 10,
    time_steps: int = 4,
) -> Model:
    """Return the ResNet-19 of CIFAR-10: neurons after each norm and after each sum."""
    require_stages(name, blocks, widths)
    builder = Builder(name, "spiking_resnet", time_steps)
    x = builder.input((3, image, image))
    x = _unit(builder, "stem", x, widths[0], 3)
    x = builder.neuron("stem.lif", x)
    number = 0
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        for place in range(count):
            builder.block = f"block{number}"
            x = _spiking_block(builder, x, width, 2 if stage and not place else 1)
            number += 1
    builder.block = "head"
    x = builder.reduce("avgpool", x, builder.shape(x)[:1])
    x = builder.linear("fc", x, hidden)
    x = builder.neuron("fc.lif", x)
    builder.linear("fc2", x, classes)
    return builder.model()


def _unit(builder: Builder, name: str, x: str, width: int, kernel: int, *, stride: int = 1) -> str:
    """Add a convolution and its norm."""
    return builder.norm(f"{name}.bn", builder.convolution(name, x, width, kernel, stride))


def _shortcut(builder: Builder, x: str, width: int, stride: int) -> str:
    """Return ``x``, or its projection where the block changes the shape."""
    if stride == 1 and builder.shape(x)[0] == width:
        return x
    return _unit(builder, f"{builder.block}.shortcut", x, width, 1, stride=stride)


def _membrane_block(builder: Builder, x: str, width: int, stride: int) -> str:
    prefix, y = builder.block, x
    for number, step in ((1, stride), (2, 1)):
        y = builder.neuron(f"{prefix}.lif{number}", y)
        y = _unit(builder, f"{prefix}.conv{number}", y, width, 3, stride=step)
    return builder.add(f"{prefix}.add", y, _shortcut(builder, x, width, stride))


def _spiking_block(builder: Builder, x: str, width: int, stride: int) -> str:
    prefix = builder.block
    y = _unit(builder, f"{prefix}.conv1", x, width, 3, stride=stride)
    y = builder.neuron(f"{prefix}.lif1", y)
    y = _unit(builder, f"{prefix}.conv2", y, width, 3)
    y = builder.add(f"{prefix}.add", y, _shortcut(builder, x, width, stride))
    return builder.neuron(f"{prefix}.lif2", y)
