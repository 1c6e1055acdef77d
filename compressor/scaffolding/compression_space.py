"""Writes the open recipe that `compressor compress` searches for a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compressor.base.sizes import format_size
from compressor.contracts.keras_layer_support import KERAS_LAYERS
from compressor.scaffolding.first_trials import (
    INT4,
    RATE,
    RATE_WEIGHTS,
    SHARES_OF_LIMIT,
    FirstTrial,
    first_trials,
)
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.learning_choices import Learning
from compressor.scaffolding.recipe_choices import ATTENTION, IN_FLOAT, LEAST_DYNAMIC, Limits
from compressor.scaffolding.recipe_draft import Line, constraint_lines, sections
from compressor.scaffolding.recipe_text import laid_out, yaml_text

_SMALL_KERNEL = 500  # weights of one that is not pruned, or a hundredth of all where that is less
_MOST_RATED = 500_000  # weights, which take minutes
_EMBEDDING = "Embedding"
_RECURRENT = ("ConvLSTM2D", "GRU", "LSTM", "RNN", "SimpleRNN")


@dataclass(frozen=True)
class Wanted:
    """The limits that a user asks for. Sizes are as a recipe writes them; one is in bytes as well, for estimates.

    Attributes:
        max_drop: largest drop of the metric of each output, as a share; None for the default.
        max_size: of the `.tflite` file.
        max_packed_size: of the package; with it, packages are what is made.
        packed_bytes: the same in bytes.
        max_arena: of memory for tensors on a microcontroller.
        max_latency_ratio: of the time of a call, as a share of the baseline's.
        target: the device.
        integers_only: whether that device does not compute in float.
    """

    max_drop: float | None = None
    max_size: str | None = None
    max_packed_size: str | None = None
    packed_bytes: int | None = None
    max_arena: str | None = None
    max_latency_ratio: float | None = None
    target: str | None = None
    integers_only: bool = False


@dataclass(frozen=True)
class CompressionSpace:
    """A recipe that leaves open how to make a model smaller.

    Attributes:
        text: of the recipe.
        first: what to try first, in this order.
        notes: what was decided, and why.
    """

    text: str
    first: tuple[FirstTrial, ...]
    notes: tuple[str, ...]


WHY: Final[Mapping[str, str]] = {
    "entropy": "trains for the bytes of the package themselves",
    "prune": "zeros cost next to nothing in a package",
    "cluster": "a package stores few different values in few bits",
    "prune_channels": "whole channels, which makes the file itself smaller, and faster",
    "qat": "trains on with few bits simulated, so that the weights learn to live with it",
    "ptq": "fewer bits for each weight",
    "slim": "names and metadata weigh much in a small file",
    "pack": "the package is what ships",
}
"""Why a step is taken, for the comments beside it."""


def space_for(
    model: KnownModel, source: str, data: Sequence[Line], learning: Learning, wanted: Wanted, name: str
) -> CompressionSpace:
    """Write the recipe that leaves open how to make a model smaller.

    Whole channels and fewer bits make the file itself smaller. Zeros and clusters make a package smaller, so they are
    tried where packages are asked for.

    Args:
        model: the model.
        source: its source, as the recipe has it.
        data: lines of the section `data`.
        learning: losses and metrics.
        wanted: the limits.
        name: of the recipe.
    """
    trains = model.trainable > 0
    simulated = trains and model.simulated >= 0.5
    packs = wanted.max_packed_size is not None
    precisions = ("int8",) if wanted.integers_only else _precisions(model)
    before = list(_smaller(model, wanted)) if trains else []
    steps = [line for _, lines in before for line in lines]
    rated = packs and _rates(model, precisions)
    if not model.quantized:
        steps += _quantizing(precisions, simulated, rated)
    steps.append(("  - uses: slim", WHY["slim"]))
    if packs:
        steps.append(("  - uses: pack", WHY["pack"]))
    limits = Limits(max_size=wanted.max_size, max_drop=wanted.max_drop)
    training = [uses for uses, _ in before] + ["qat"] * simulated
    lines = sections(
        model,
        source,
        data,
        learning,
        description="As small as its limits allow, by a search.",
        trains=training,
        steps=steps,
        constraints=[*constraint_lines(learning, limits), *_further(wanted)],
    )
    head = [("version: 1", ""), (f"name: {yaml_text(name)}", "")]
    target = [(f"target: {yaml_text(wanted.target)}", "what the file must fit")] if wanted.target else []
    text = laid_out([*head, *lines[1:], *target, *_objectives(learning, packs)])
    ways, can = [uses for uses, _ in before], {"simulated": simulated, "packs": packs, "rated": rated}
    first = first_trials(model, wanted.packed_bytes, ways, precisions, **can)
    return CompressionSpace(text, tuple(first), tuple(_notes(model, trains, simulated, packs)))


def _further(wanted: Wanted) -> Iterator[Line]:
    if wanted.max_packed_size is not None:
        yield f"  max_packed_size: {wanted.max_packed_size}", "of the package that ships"
    if wanted.max_arena is not None:
        yield f"  max_arena: {wanted.max_arena}", "of memory for tensors"
    if wanted.max_latency_ratio is not None:
        yield f"  max_latency_ratio: {wanted.max_latency_ratio:g}", "of the time that the baseline takes"


def _objectives(learning: Learning, packs: bool) -> list[Line]:
    metric = _name_of_first(learning)
    better = "maximize" if learning.first_is_share else "minimize"
    size = "packed_size" if packs else "size"
    return [
        ("objectives:", "what the search makes small or large"),
        (f"  - minimize: {size}", ""),
        (f"  - {better}: {yaml_text(metric)}", ""),
    ]


def _name_of_first(learning: Learning) -> str:
    output, (metric, _) = next(iter(learning.metrics.items()))
    return metric if len(learning.metrics) == 1 else f"{metric} of {output}"


def _smaller(model: KnownModel, wanted: Wanted) -> Iterator[tuple[str, list[Line]]]:
    """The steps before quantization that may be taken, by their names."""
    if wanted.max_packed_size is None:
        if _has_channels(model):
            yield (
                "prune_channels",
                [
                    ("  - uses: prune_channels", WHY["prune_channels"]),
                    ("    optional: true", "also try without it"),
                    ("    with: {channels: {search: {low: 0.3, high: 0.9}}, epochs: 6}", ""),
                ],
            )
        return
    prune, values = _pruning(model), "number_of_clusters: {search: [12, 16, 32]}, centroids: density, epochs: 2"
    sizes = ", ".join(str(round(share * (wanted.packed_bytes or 0))) for share in SHARES_OF_LIMIT)
    yield (
        "entropy",
        [
            ("  - optional: true", "also try without any of these"),
            ("    one_of:", ""),
            ("      - uses: entropy", WHY["entropy"]),
            ("        with:", ""),
            (f"          max_size: {{search: [{sizes}]}}", "the limit, and less"),
            ("          learning_rate: {search: [4e-3, 1e-3, 8e-3]}", ""),
            ("          decay: cosine", ""),
            ("          epochs: 12", ""),
            (f"      - {prune}", WHY["prune"]),
            (f"      - [{prune},", ""),
            (f"         {{uses: cluster, with: {{{values}}}}}]", WHY["cluster"]),
        ],
    )


def _pruning(model: KnownModel) -> str:
    """One threshold for all layers, which prunes more where it costs less; half of the training recovers accuracy."""
    small = min(_SMALL_KERNEL, max(1, model.kernels // 100))  # smaller kernels save nothing, and cost accuracy
    spared = 'except: ["type:Embedding"], ' if _EMBEDDING in model.kinds else ""  # rows of rare words would go first
    return (
        "{uses: prune, with: {final_sparsity: {search: {low: 0.5, high: 0.95}}, scope: global, "
        f"{spared}min_weights: {small}, ramp: 0.5, epochs: 6}}}}"
    )


def _rates(model: KnownModel, precisions: Sequence[str]) -> bool:
    """Whether weights may be chosen by what they cost in a package, which takes int8, and time for many of them."""
    return "int8" in precisions and model.kernels <= _MOST_RATED


def _quantizing(precisions: Sequence[str], simulated: bool, rated: bool) -> list[Line]:
    listed = ", ".join(precisions)
    value = f"{{search: [{listed}]}}" if len(precisions) > 1 else listed
    alone = f"{{uses: ptq, with: {{precision: {value}}}}}"
    if not simulated and not rated:
        return [(f"  - {alone}", "")]
    lines = [("  - one_of:", "one of these lines"), (f"      - {alone}", "without training")]
    if rated:
        cheaper = f"{RATE}: {{search: [{', '.join(map(str, RATE_WEIGHTS))}]}}"
        lines.append((f"      - {{uses: ptq, with: {{precision: int8, {cheaper}}}}}", "for cheap weights in a package"))
    if not simulated:
        return lines
    gently = "epochs: 3, learning_rate: 3e-4"
    int4 = f"[{{uses: qat, with: {{weights: int4, {gently}}}}}, {{uses: ptq, with: {{precision: int4}}}}]"
    return [
        *lines,
        (f"      - [{{uses: qat, with: {{{gently}}}}}, {{uses: ptq}}]", "train for int8"),
        *([(f"      - {int4}", "or for 4 bits")] if INT4 in precisions else []),
    ]


def _precisions(model: KnownModel) -> tuple[str, ...]:
    """The types that may be tried without training, the one to begin with first."""
    kinds = {kind for _, kind in model.layers}
    if kinds & {*IN_FLOAT}:
        return ("float16",)
    if kinds & {*ATTENTION} and model.largest >= LEAST_DYNAMIC:
        return ("dynamic", "int8", "int4")  # attention has outliers
    if 0 < model.largest < LEAST_DYNAMIC:  # of a file it is not known
        return ("int8", "int4")
    return ("int8", "dynamic", "int4")


def _has_channels(model: KnownModel) -> bool:
    """Whether whole channels can be removed from some layer with a kernel, by what is known of layer classes."""
    kinds = {kind for _, kind in model.layers}
    if kinds & {*ATTENTION, *_RECURRENT, "Bidirectional"}:
        return False
    return any(kind in KERAS_LAYERS and KERAS_LAYERS[kind].kernels for kind in model.kinds)


def _notes(model: KnownModel, trains: bool, simulated: bool, packs: bool) -> Iterator[str]:
    if model.quantized:
        yield "it is quantized already, so what is left is to remove what no output depends on"
    elif model.format == "litert":
        yield f"it is a file of {format_size(model.bytes)}, which no step can train; name the Keras model to try more"
    elif not trains:
        frozen = "all layers with kernels are frozen" if model.kernels else "it has no layer with a kernel"
        yield f"no step trains, since {frozen}"
    elif not simulated:
        yield f"no qat: it cannot simulate int8 within {', '.join(model.unsimulated)}, where most weights are"
    if trains and not packs:
        yield "zeros and clusters make packages smaller, not this file; --max-packed-size has them tried"
