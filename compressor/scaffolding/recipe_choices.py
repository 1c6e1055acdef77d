"""What a recipe for a model should hold: its metric and loss by what the model gives, its steps by its layers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.sizes import format_size, parse_size
from compressor.base.text import quoted
from compressor.scaffolding.known_model import KnownModel

_LADDER = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)  # shares of zeros to choose from
_BITS_LEFT = 7  # of an int8 weight that is not zero, in a package
_MARGIN = 1.15  # by which the estimate of a package may be wrong
_OVERHEAD, _OVERHEAD_PER_LAYER = 1_500, 250  # bytes of a file beside its weights
_SMALL_KERNEL = 500  # weights of one that is not pruned, or a hundredth of all where that is less
IN_FLOAT = ("AveragePooling3D", "CategoryEncoding", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "MaxPooling3D")
"""Layers that no file in int8 can have, as docs/layers.md says."""

LEAST_DYNAMIC = 1_024  # weights of a kernel that the converter quantizes where activations are dynamic
ATTENTION = ("AdditiveAttention", "Attention", "MultiHeadAttention")


class UsageError(CompressorError):
    """An option of the command line that will not do."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str) -> None:
        what, _, remedy = message.partition("; ")
        super().__init__(what, remedy)


@dataclass(frozen=True)
class Limits:
    """What a recipe is to keep to: the largest file as a recipe writes it, and the largest drop as a share."""

    max_size: str | None = None
    max_bytes: int | None = None
    max_drop: float | None = None


def limits_of(max_size: str | None, max_drop: str | None, option: str = "--max-size") -> Limits:
    """Read the limits, as people write them: `25kB`, and `0.5%` or `0.005`; `option` is what messages call the size.

    Raises:
        UsageError: one of them is not like that.
    """
    size = None
    if max_size is not None:
        try:
            size = int(str(parse_size(max_size)))
        except ValueError as error:
            raise UsageError(f"{option}: {error}") from None
        if size < 1:
            raise UsageError(f"{option}: {quoted(max_size, 40)} leaves no room for a file; give more")
    return Limits(_size_text(max_size), size, None if max_drop is None else _share(max_drop))


def _size_text(size: str | None) -> str | None:
    """The size as recipes mostly write it: `25 kB`."""
    return None if size is None else re.sub(r"^\s*([\d.]+)\s*(\w*)\s*$", r"\1 \2", size).strip()


def _share(text: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})\s*(%?)\s*", text)
    share = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    if not 0 <= share <= 1:
        message = f"--max-drop: {quoted(text, 40)} is no share from 0 to 1; write 0.5%, or 0.005"
        raise UsageError(message)
    return round(share, 12)


@dataclass(frozen=True)
class Step:
    """A step of a recipe, and why it is there; each parameter has its text and a comment."""

    uses: str
    why: str
    params: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """The steps for a model, with notes on what was decided; `warning` says what they will hardly reach."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    warning: str = ""


def int8_bytes(model: KnownModel) -> int:
    """About how large the file with int8 kernels is."""
    return round(model.kernels + 4 * model.others + _OVERHEAD + _OVERHEAD_PER_LAYER * len(model.layers))


def packed_bytes(model: KnownModel, zeros: float) -> int:
    """About how large a package of the file in int8 is, with this share of zeros in the kernels."""
    entropy = -sum(share * math.log2(share) for share in (zeros, 1 - zeros) if share > 0)
    weights = model.kernels * (entropy + (1 - zeros) * _BITS_LEFT) / 8
    return round(weights + 3.5 * model.others + (_OVERHEAD + _OVERHEAD_PER_LAYER * len(model.layers)) / 2)


def steps_for(model: KnownModel, max_bytes: int | None) -> Steps:
    """The steps that bring a model below a size, or to a quarter of its size where none is given."""
    if model.quantized:
        return _packing(model, max_bytes)
    steps, notes, warning = [], [], ""
    zeros, trains, alone = _zeros_for(model, max_bytes), model.trainable > 0, format_size(int8_bytes(model))
    if zeros is not None and max_bytes is not None:
        if trains:
            steps.append(_prune(model, zeros, f"int8 alone has about {alone}; zeros cost next to nothing in a package"))
        reached = packed_bytes(model, zeros if trains else 0.0)
        if reached > max_bytes:
            warning = f"by estimate, the steps reach {format_size(reached)}, and not {format_size(max_bytes)}"
    if trains and model.simulated >= 0.5:
        why = "trains on with int8 simulated, so that the weights learn to live with it"
        steps.append(Step("qat", why, {"epochs": ("3", ""), "learning_rate": ("3e-4", "gently: the model is trained")}))
    elif trains:
        notes.append(f"no `qat`: it cannot simulate int8 within {', '.join(model.unsimulated)}, where most weights are")
    elif model.format == "keras":
        notes.append("no step trains, since all layers with kernels are frozen")
    steps.append(_quantize(model))
    if zeros is not None:
        steps.append(Step("slim", "names and metadata weigh much in a small file"))
        steps.append(Step("pack", "the package is what ships; `prune_channels` if the device cannot unpack it"))
    return Steps(tuple(steps), tuple(notes), warning)


def _zeros_for(model: KnownModel, max_bytes: int | None) -> float | None:
    """The least share of zeros of the ladder with which a package is small enough; None where none are needed."""
    if max_bytes is None or int8_bytes(model) <= max_bytes:
        return None
    fitting = (zeros for zeros in _LADDER if packed_bytes(model, zeros) * _MARGIN <= max_bytes)
    return next(fitting, _LADDER[-1])


def _prune(model: KnownModel, zeros: float, why: str) -> Step:
    small = min(_SMALL_KERNEL, max(1, model.kernels // 100))
    return Step(
        "prune",
        why,
        {
            "final_sparsity": (f"{zeros:g}", "share of zeros, by estimate; more of them make a smaller package"),
            "scope": ("global", "one threshold, which prunes more where it costs less"),
            "min_weights": (f"{small}", "smaller kernels save nothing, and pruning them costs accuracy"),
            "ramp": ("0.5", "share of the training in which zeros are made; the rest recovers accuracy"),
            "epochs": ("8", ""),
        },
    )


def _quantize(model: KnownModel) -> Step:
    kinds = {kind for _, kind in model.layers}
    if floating := sorted(kinds & {*IN_FLOAT}):
        why = f"weights in half the bytes; int8 has no form of {', '.join(floating)}"
        return Step("ptq", why, {"precision": ("float16", "")})
    if kinds & {*ATTENTION} and model.largest >= LEAST_DYNAMIC:
        comment = "int8 weights, ranges found as it runs, since attention has outliers; `int8` for integers alone"
        return Step("ptq", "a quarter of the float size", {"precision": ("dynamic", comment)})
    comment = "weights and activations; `dynamic` if the drop is too large"
    return Step("ptq", "a quarter of the float size", {"precision": ("int8", comment)})


def _packing(model: KnownModel, max_bytes: int | None) -> Steps:
    """The steps for a file that is quantized already."""
    slim = Step("slim", "the file is quantized already: what is left is to remove what no output depends on")
    if max_bytes is None or model.bytes <= max_bytes:
        return Steps((slim,))
    return Steps((slim, Step("pack", "a package is smaller; it is unpacked before it runs")))
