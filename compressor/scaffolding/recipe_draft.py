"""Drafts the recipe for a model: every line with the reason for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from compressor.base.sizes import format_size
from compressor.base.text import listing
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.learning_choices import Learning, is_share
from compressor.scaffolding.recipe_choices import Limits, Step, Steps, int8_bytes
from compressor.scaffolding.recipe_text import laid_out, yaml_text

Line = tuple[str, str]

DEFAULT_DROP = 0.01
"""The largest drop of a share, where none is given."""
DEFAULT_RISE = 0.05
"""The largest change of any other metric for the worse, as a share of what it was."""

_TRAIN = ("prune", "qat")

TRAINED_FIRST = ("  train: {epochs: 10}", "it comes untrained; the trained model is the baseline")
"""The line for a model that comes untrained."""


def draft(
    model: KnownModel, source: str, data: Sequence[Line], learning: Learning, steps: Steps, limits: Limits
) -> str:
    """The text of the recipe.

    Args:
        model: the model.
        source: the model's source, as the recipe's folder has it.
        data: lines of the section `data`.
        learning: losses and metrics.
        steps: the steps.
        limits: what the recipe is to keep to.
    """
    return laid_out(
        [
            *_head(model, steps),
            *sections(
                model,
                source,
                data,
                learning,
                description=_description(steps.steps),
                trains=[step.uses for step in steps.steps if step.uses in _TRAIN],
                steps=[line for step in steps.steps for line in _step(step)],
                constraints=list(constraint_lines(learning, limits)),
            ),
        ]
    )


def sections(
    model: KnownModel,
    source: str,
    data: Sequence[Line],
    learning: Learning,
    *,
    description: str,
    trains: Collection[str],
    steps: Sequence[Line],
    constraints: Sequence[Line],
) -> list[Line]:
    """The lines of a recipe, from its version to its constraints.

    Args:
        model: the model.
        source: the model's source, as the recipe's folder has it.
        data: lines of the section `data`.
        learning: losses and metrics.
        description: of the recipe.
        trains: the steps that train.
        steps: lines of the section `steps`.
        constraints: lines of the section `constraints`.
    """
    return [
        ("version: 1", ""),
        (f"description: {yaml_text(description)}", ""),
        ("", ""),
        ("model:", ""),
        (f"  source: {yaml_text(source)}", ""),
        *([] if model.comes_trained else [TRAINED_FIRST]),
        ("data:", ""),
        *data,
        *_targets(learning),
        *_training(model, learning, trains),
        ("evaluation:", ""),
        *_metrics(learning),
        ("steps:", "in this order; after each, the file that would ship is measured"),
        *steps,
        ("constraints:", "a run that misses one ends with exit code 3"),
        *constraints,
    ]


def _head(model: KnownModel, steps: Steps) -> Iterator[Line]:
    layers = f" in {listing(model.kinds, 6)}" if model.kinds else ""
    size = f"; about {format_size(int8_bytes(model))} in int8" if model.format == "keras" else ""
    yield "", f"For a model of {model.weights:,} weights{layers}{size}."
    for note in steps.notes:
        yield "", f"Note: {note}."
    if steps.warning:
        yield "", f"Warning: {steps.warning}."


def _description(steps: Sequence[Step]) -> str:
    verbs = {"prune": "prune", "qat": "train for int8", "ptq": "quantize", "slim": "slim", "pack": "pack"}
    words = [verbs[step.uses] for step in steps]
    text = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"{text.capitalize()}."


def _targets(learning: Learning) -> Iterator[Line]:
    if learning.targets_inputs:
        yield "  targets: inputs", "the model gives back its inputs; remove this if it is to learn labels"


def _training(model: KnownModel, learning: Learning, trains: Collection[str]) -> Iterator[Line]:
    """The section `training`; left out where nothing trains."""
    if not trains and model.comes_trained:
        return
    yield "training:", "for every step that trains"
    yield "  optimizer: adam", ""
    yield "  learning_rate: 1e-3", ""
    yield "  decay: cosine", "down to zero, so that the last epochs settle"
    yield "  batch_size: 64", ""
    if len(learning.losses) == 1:
        ((loss, why),) = learning.losses.values()
        yield f"  loss: {loss}", why
    else:
        yield "  loss:", "by output"
        yield from ((f"    {yaml_text(name)}: {loss}", why) for name, (loss, why) in learning.losses.items())
    if "prune" in trains and learning.is_classifier:
        yield "  teacher: baseline", "the model as it was teaches, beside the labels"


def _metrics(learning: Learning) -> Iterator[Line]:
    if len(learning.metrics) == 1:
        yield "  metrics:", "on the test split; constraints are about the first one"
        ((metric, why),) = learning.metrics.values()
        yield f"    - {metric}", why
        return
    yield "  metrics:", "on the test split"
    for name, (metric, why) in learning.metrics.items():
        label = yaml_text(f"{metric} of {name}")
        yield f"    - {{uses: {metric}, output: {yaml_text(name)}, name: {label}}}", why


def _step(step: Step) -> Iterator[Line]:
    yield f"  - uses: {step.uses}", step.why
    if step.params:
        yield "    with:", ""
        for name, (value, why) in step.params.items():
            yield f"      {name}: {value}", why


def _other_drops(learning: Learning, limits: Limits) -> Iterator[Line]:
    """The same for the metrics of the other outputs."""
    others = list(learning.metrics.items())[1:]
    if others:
        yield "  metric_drops:", "of the other outputs"
    for output, (metric, _) in others:
        default = DEFAULT_DROP if is_share(metric) else DEFAULT_RISE
        drop = default if limits.max_drop is None else limits.max_drop
        name = yaml_text(f"{metric} of {output}")
        if is_share(metric):
            yield f"    {name}: {drop:g}", f"in points: {drop * 100:g}"
        else:
            yield f"    {name}: {drop * 100:g}%", "of what it was"


def constraint_lines(learning: Learning, limits: Limits) -> Iterator[Line]:
    """The limits of the drop, by default a small one, and of the size where there is one."""
    default = DEFAULT_DROP if learning.first_is_share else DEFAULT_RISE
    drop = default if limits.max_drop is None else limits.max_drop
    chosen = "" if limits.max_drop is not None else "; set it to what you can bear"
    if learning.first_is_share:
        yield f"  max_accuracy_drop: {drop:g}", f"of the first metric, in points: {drop * 100:g}{chosen}"
    else:
        yield f"  max_relative_drop: {drop:g}", f"of the first metric: {drop * 100:g} % of what it was{chosen}"
    yield from _other_drops(learning, limits)
    if limits.max_size is not None:
        yield f"  max_size: {limits.max_size}", "of the file that ships"
