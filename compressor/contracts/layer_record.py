"""The form in which `keras_layers` tells what is known of a Keras layer class. It is data alone, and reads no layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

ChannelFlow: TypeAlias = Literal["scaled", "kept", "merged", "concatenated", "mixed", "reshaped"]
OutputRange: TypeAlias = Literal["own", "input", "known", "activation"]
Dropped: TypeAlias = tuple[Any, ...] | Literal["any"]
RowOption: TypeAlias = Literal["(1, x)", "(0, x)", "(x, x)", "((0, 0), x)", "axis + 1"]


@dataclass(frozen=True)
class Kernel:
    """A weight that holds a number for each channel that goes in and each that comes out.

    Attributes:
        attribute: its name in the Keras layer.
        takes: the axis of the channels that go in.
        makes: the axis of those that come out. They stand along two in a depthwise kernel, which makes several of
            each channel that it takes.
    """

    attribute: str = "kernel"
    takes: int = -2
    makes: tuple[int, ...] = (-1,)

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel that comes out is made of one that goes in."""
        return len(self.makes) > 1

    @property
    def is_transposed(self) -> bool:
        """Whether the channels that come out stand before those that go in."""
        return self.makes == (-2,)


@dataclass(frozen=True)
class RowImage:
    """How a layer that works on sequences does the same to images of one row.

    Attributes:
        layer: the two-dimensional class that stands for it; "" where it is this class itself.
        options: the form that an option's value x has in the other class, which counts axes from 0; options that are
            not named stay as they are.
        place: "start" for a convolution, which sequences are made images for; "within" for a layer that is given
            images and makes images; "end" for one that makes of an image what it makes of the sequence.
    """

    layer: str = ""
    options: Mapping[str, RowOption] = field(default_factory=dict)
    place: Literal["start", "within", "end"] = "within"


@dataclass(frozen=True)
class Quantization:
    """How quantization-aware training gives a layer few bits.

    Attributes:
        weights: whether its one kernel has a scale for each channel or for the whole tensor; None, where it stays in
            float or there is none.
        fewest_bits: that LiteRT runs its weights with.
        output: where the range of what it gives out comes from: one of its "own", that of its "input" (LiteRT has both
            in one scale, and would round twice otherwise), one that is "known" beforehand, or what its "activation"
            says. None, where it stays in float; a layer with `weights` goes by its activation anyway.
        joins_range: whether it can take the range of the concatenation that it is part of.
        in_16_bits: whether the converter writes it with 16-bit activations, and LiteRT runs that.
        is_preprocessing: whether it stays in float before the first quantized layer, and needs no range there.
    """

    weights: Literal["channel", "tensor"] | None = None
    fewest_bits: Literal[4, 8] = 4
    output: OutputRange | None = None
    joins_range: bool = False
    in_16_bits: bool = True
    is_preprocessing: bool = False


@dataclass(frozen=True)
class OptionChanges:
    """What becomes of a layer's options on the way from one Keras to the other.

    Attributes:
        renamed: those that have another name there.
        dropped: those that the other Keras lacks, with the values at which it does the same without them, or "any".
        unnamed: those that the other takes, although its signature does not name them.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, Dropped] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bridge:
    """That both Keras 2 and Keras 3 have a layer, and how its options differ: `inward` to Keras 2, `outward` to 3."""

    inward: OptionChanges = OptionChanges()
    outward: OptionChanges = OptionChanges()


@dataclass(frozen=True)
class KerasLayer:
    """What the steps and the bridge between Keras 2 and Keras 3 know of a layer class.

    Channels are the last axis of what a layer takes and gives out. The defaults say nothing of a class but that both
    Keras have it.

    Attributes:
        kernels: in the order of its weights; a bias may follow.
        channel_option: for a layer whose kernels make other channels of those that it takes, the option that counts
            them.
        channels: what another layer does with channels. It has weights for each ("scaled"), gives them out as they are
            ("kept"), makes one of those that meet ("merged"), puts them side by side ("concatenated"), looks at all of
            them at once ("mixed"), or lays them out anew ("reshaped"). None, where that is not known, and no channel
            that goes through it can be removed.
        equalization: "weights" of two such layers can be evened out, channel by channel. A layer can stand "between"
            them if it treats each channel by itself, and twice the input makes twice the output.
        fused_relu: a ReLU behind the layer can become its option "activation", or the "converter" alone makes the two
            one operator.
        folded_batch_norm: the factors of a BatchNormalization behind it can go into its "weights" before training, or
            the "converter" can multiply the quantized weights by them as well.
        is_batch_norm: whether it multiplies each channel by a factor and adds an offset, both fixed after training.
        is_recurrent: whether it takes states beside its input.
        row_image: how it works on images of one row instead of sequences.
        quantization: how it is trained in few bits.
        bridge: None for a class that one Keras alone has.
    """

    kernels: tuple[Kernel, ...] = ()
    channel_option: str = ""
    channels: ChannelFlow | None = None
    equalization: Literal["weights", "between"] | None = None
    fused_relu: Literal["activation", "converter"] | None = None
    folded_batch_norm: Literal["weights", "converter"] | None = None
    is_batch_norm: bool = False
    is_recurrent: bool = False
    row_image: RowImage | None = None
    quantization: Quantization = Quantization()
    bridge: Bridge | None = Bridge()
