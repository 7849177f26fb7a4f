"""VGG-11 and VGG-16, dense or spiking.

Sizes: configurations A and D of Simonyan and Zisserman, "Very deep convolutional networks
for large-scale image recognition" (ICLR 2015). Layer names and the CIFAR-10 variants with
batch norm and spiking neurons follow torchvision 0.29.2 and spikingjelly 2.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence

from chipletsim.errors import UsageError
from chipletsim.models.builder import Builder
from chipletsim.models.model import Model

# Output channels of the 3 x 3 convolutions; "M" is a 2 x 2 maximum pooling.
VGG11 = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
VGG16 = (
    64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M",
)  # fmt: skip


def vgg(
    convolutions: Sequence[int | str],
    name: str = "vgg",
    *,
    image: int = 224,
    channels: int = 3,
    classes: int = 1000,
    hidden: Sequence[int] = (4096, 4096),
    batch_norm: bool = False,
) -> Model:
    """Return a dense VGG.

    Args:
        convolutions: Output channels, or "M" for pooling.
        name: Name of the model.
        image: Height and width of the input.
        channels: Channels of the input.
        classes: Outputs.
        hidden: Widths of the hidden linear layers, behind features pooled to 7 x 7.
        batch_norm: Whether each convolution has a norm.
    """
    builder = Builder(name, "vgg")
    x = builder.input((channels, image, image))
    x = _features(builder, x, convolutions, "features.", batch_norm=batch_norm, spiking=False)
    builder.block = "classifier"
    return _classifier(builder, x, hidden, classes, spiking=False)


def spiking_vgg(
    convolutions: Sequence[int | str],
    name: str = "spiking_vgg",
    *,
    image: int = 32,
    channels: int = 3,
    classes: int = 10,
    time_steps: int = 4,
    hidden: Sequence[int] = (),
    batch_norm: bool = True,
) -> Model:
    """Return a spiking VGG, all layers in each step.

    Args:
        convolutions: Output channels, or "M" for pooling.
        name: Name of the model.
        image: Height and width of the input.
        channels: Channels of the input.
        classes: Outputs.
        time_steps: Time steps; 4 to 6 are usual.
        hidden: Widths of hidden linear layers, behind features pooled to 7 x 7; with none,
            one linear layer takes the features as they are.
        batch_norm: Whether each convolution has a norm.
    """
    builder = Builder(name, "spiking_vgg", time_steps)
    x = builder.input((channels, image, image))
    x = _features(builder, x, convolutions, "0.", batch_norm=batch_norm, spiking=True)
    builder.block = "classifier"
    if hidden:
        return _classifier(builder, x, hidden, classes, spiking=True)
    builder.linear("2", x, classes)
    return builder.model()


def _features(
    builder: Builder,
    x: str,
    convolutions: Sequence[int | str],
    prefix: str,
    *,
    batch_norm: bool,
    spiking: bool,
) -> str:
    """Add convolutions and pools, numbered as modules of a sequence; return the last."""
    number, stage = 0, 0
    builder.block = "stage0"
    for width in convolutions:
        if width == "M":
            x = builder.pool(f"{prefix}{number}", x, 2)
            number, stage = number + 1, stage + 1
            builder.block = f"stage{stage}"
            continue
        if not isinstance(width, int):
            raise UsageError(f"{builder.name}: {width!r} is neither a width nor 'M' for pooling")
        x = builder.convolution(f"{prefix}{number}", x, width, 3, bias=True)
        if batch_norm:
            number += 1
            x = builder.norm(f"{prefix}{number}", x)
        number += 1
        if spiking:
            x = builder.neuron(f"{prefix}{number}", x)
        number += 1
    return x


def _classifier(
    builder: Builder, x: str, hidden: Sequence[int], classes: int, spiking: bool
) -> Model:
    """Add pooling to 7 x 7 and linear layers, three modules apart for activation and dropout."""
    channels, *size = builder.shape(x)
    if size != [7, 7]:
        x = builder.reduce("avgpool", x, (channels, 7, 7), sparse=True)
    for number, width in enumerate(hidden):
        x = builder.linear(f"classifier.{3 * number}", x, width)
        if spiking:
            x = builder.neuron(f"classifier.{3 * number + 1}", x)
    builder.linear(f"classifier.{3 * len(hidden)}", x, classes)
    return builder.model()
