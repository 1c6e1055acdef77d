"""The record of a Keras layer class: what the steps and the bridge to Keras 3 need to know of it, as plain data."""

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
    """A weight of a layer with an axis for the channels that go in, and one for those that come out.

    Attributes:
        attribute: its name in the Keras layer.
        takes: the axis of the channels that go in.
        makes: the axis of those that come out. A depthwise kernel has two: the channels that go in, and how many it
            makes of each.
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
    """How a layer for sequences is replaced by one that does the same to images of one row.

    Attributes:
        layer: the class that replaces it; "" where it is the same class.
        options: how the value x of an option is written there; options that are not listed stay as they are.
        place: "start" for a convolution, whose input is reshaped to an image; "within" for a layer that is replaced
            where its input is an image already; "end" for one that gives out the same for the image as for the
            sequence, so that no reshape back is needed.
    """

    layer: str = ""
    options: Mapping[str, RowOption] = field(default_factory=dict)
    place: Literal["start", "within", "end"] = "within"


@dataclass(frozen=True)
class Quantization:
    """How quantization-aware training quantizes a layer.

    Attributes:
        weights: one scale for each channel of its kernel, or one for the whole tensor. None for a layer whose kernel
            stays in float, or that has none.
        fewest_bits: the fewest that LiteRT can run its weights with.
        output: which range its output is quantized in: one of its "own"; that of its "input", for which LiteRT uses
            one scale for both, so that a second range would only round again; one that is "known" without looking, as
            that of a softmax; or the one that its "activation" asks for. None for a layer that stays in float. It says
            nothing of a layer with `weights`, which goes by its option `activation`.
        joins_range: whether its output can have the range of a concatenation that takes it.
        shares_range: whether LiteRT demands one range of all that it takes and makes, so that what one of them has,
            such as the known range of a tanh, would cut off the others.
        is_preprocessing: whether it prepares the model's input, and so stays in float without being reported.
    """

    weights: Literal["channel", "tensor"] | None = None
    fewest_bits: Literal[4, 8] = 4
    output: OutputRange | None = None
    joins_range: bool = False
    shares_range: bool = False
    is_preprocessing: bool = False


@dataclass(frozen=True)
class OptionChanges:
    """Changes to a layer's options when it is converted from one Keras to the other.

    Attributes:
        renamed: options that the other Keras has under another name.
        dropped: options that the other Keras lacks, each with the values at which leaving it out changes nothing, or
            "any". At other values the layer is refused.
        unnamed: options that the other Keras takes although its signature does not name them.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, Dropped] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bridge:
    """How the options of a layer that both Keras have differ, on the way `inward` to Keras 2 and `outward` to 3."""

    inward: OptionChanges = OptionChanges()
    outward: OptionChanges = OptionChanges()


@dataclass(frozen=True)
class KerasLayer:
    """What is known of a Keras layer class. The defaults say that both Keras have it, and no more.

    Channels are the last axis of a layer's input and output.

    Attributes:
        kernels: those of its weights, in their order; a bias may follow them.
        channel_option: the option that sets how many channels its kernels make, for a layer that makes new ones.
        channels: what any other layer does with the channels of its input. It has weights for each of them ("scaled"),
            hands them on ("kept"), combines those of all inputs one by one ("merged"), puts them side by side
            ("concatenated"), uses all of them for each value ("mixed"), or moves them to another shape ("reshaped").
            None where that is not known: channels that pass through such a layer are never removed.
        equalization: "weights" for a layer whose kernel can be evened out with that of the next one, channel by
            channel; "between" for a layer that may stand between the two, as it treats each channel by itself and
            doubles its output when its input doubles.
        fused_relu: how a ReLU behind it is made part of it: as its option "activation", or by the "converter" alone.
        folded_batch_norm: how a BatchNormalization behind it is folded into its kernel: "weights" before training
            alone, "converter" before training or by the converter afterwards. None if it is not. The layer needs the
            option `use_bias` for it.
        is_batch_norm: whether it is a BatchNormalization: one factor and one offset for each channel at inference.
        is_recurrent: whether it takes states beside its input.
        row_image: how it is replaced where sequences become images of one row.
        quantization: what quantization-aware training does with it.
        bridge: how its options go from one Keras to the other; None for a class that only one of them has.
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
