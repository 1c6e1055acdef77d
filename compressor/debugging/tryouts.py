"""Tries what it gains to keep the layers that cost most in more bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import CompressorError, DataError
from compressor.base.named_arrays import by_name
from compressor.base.types import Arrays
from compressor.debugging.debug_subject import Subject
from compressor.debugging.kept_layers_tryout import Maker
from compressor.debugging.layer_errors import Comparison
from compressor.debugging.operator_graph import Node, OperatorGraph
from compressor.debugging.ranking import RankedOperator, weights_of
from compressor.debugging.tensor_figures import Figures
from compressor.measure.evaluation import score_of
from compressor.models.litert.running.interpreter import LiteRTModel, outputs_for

_LEAST_COST = 1e-3  # share of the outputs below which no layer is worth trying
_MOST_AROUND = 6  # layers kept together for one tensor
_LEAST_GAIN = 1.0  # dB by which the outputs must come nearer to the float model's


@dataclass(frozen=True)
class Tryout:
    """A file with some layers kept. `score` is None where there is no metric; `failure` says why it was not made."""

    layers: tuple[str, ...]
    score: float | None = None
    snr: float = -inf
    bytes: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Tryouts:
    """The file as it is, and what was tried. `best` is what to keep, if anything helps."""

    base: Tryout
    tried: Sequence[Tryout]
    best: Tryout | None
    notes: Sequence[str]


def tried(
    subject: Subject, comparison: Comparison, rows: Sequence[RankedOperator], samples: Sequence[Arrays], most: int
) -> Tryouts:
    """Keep the layers that cost most, one after another, and in the end all of them that helped.

    Where a layer costs by storing its output in few bits, the layers that take the output are kept with it, and so are
    those that a sum joins to it, or else it would be rounded in front of them.

    Args:
        subject: with a maker.
        comparison: of its two files.
        rows: the ranked operators.
        samples: on which the outputs are compared.
        most: how many sets of layers to try.

    Raises:
        ModelError: the quantized file cannot be run.
    """
    maker = subject.maker
    assert maker is not None
    scorer = _Scorer(subject, samples)
    base = scorer.measured((), subject.quantized, len(subject.quantized))
    found = []
    for layers in _candidates(comparison, rows, subject, maker)[:most]:
        found.append(_try(layers, maker, scorer))
    helping = [each for each in found if _helps(each, base, scorer.sign)]
    together = tuple(dict.fromkeys(layer for each in helping for layer in each.layers))
    if len(helping) > 1 and all({*together} != {*each.layers} for each in found):
        found.append(_try(together, maker, scorer))
    helping = [each for each in found if _helps(each, base, scorer.sign)]
    best = max(helping, key=lambda each: (_gain(each, base, scorer.sign), each.snr, -each.bytes), default=None)
    return Tryouts(base, found, best, scorer.notes)


def _try(layers: tuple[str, ...], maker: Maker, scorer: _Scorer) -> Tryout:
    try:
        return scorer.measured(layers, *maker.file(layers))
    except CompressorError as error:
        return Tryout(layers, failure=error.what)


def _helps(one: Tryout, base: Tryout, sign: int) -> bool:
    """Whether the outputs come nearer to the float model's, and the score is no worse.

    A better score alone may be chance.
    """
    return not one.failure and one.snr >= base.snr + _LEAST_GAIN and _gain(one, base, sign) >= 0


def _gain(one: Tryout, base: Tryout, sign: int) -> float:
    """What the score gains."""
    return 0.0 if one.score is None or base.score is None else sign * (one.score - base.score)


class _Scorer:
    def __init__(self, subject: Subject, samples: Sequence[Arrays]) -> None:
        self._subject = subject
        self._samples = samples
        self._metric = subject.metrics[0] if subject.metrics else None
        self._expected = _outputs(subject.exact, samples)
        self.sign = 1 if self._metric is None or self._metric.metric.higher_is_better else -1
        self.notes: list[str] = []

    def measured(self, layers: tuple[str, ...], content: bytes, size: int) -> Tryout:
        figures = [Figures() for _ in self._expected]
        found = _outputs(content, self._samples)
        names = list(self._expected if found.keys() == self._expected.keys() else found)
        for each, name, expected in zip(figures, names, self._expected.values(), strict=True):
            each.add(found[name], expected)
        return Tryout(layers, self._score(content), min(each.snr for each in figures), size)

    def _score(self, content: bytes) -> float | None:
        if self._metric is None:
            return None
        try:
            return score_of(content, self._subject.data.validation, self._metric)
        except DataError as error:
            self.notes.append(f"no score: {error.what}")
            self._metric = None
            return None


def _candidates(
    comparison: Comparison, rows: Sequence[RankedOperator], subject: Subject, maker: Maker
) -> list[tuple[str, ...]]:
    """Sets of layers to keep, the most costly first."""
    exact = {error.node.index: error.exact for error in comparison.operators}
    found: list[tuple[str, ...]] = []
    for row in rows:
        node = exact.get(row.index)
        if node is None or row.cost is None or row.cost < _LEAST_COST:
            continue
        nodes = [node] if weights_of(comparison.exact, node) or not maker.needs_weights else []
        if row.by_storing or not nodes:
            nodes += _around_output(comparison.exact, node)
        kept = tuple(dict.fromkeys(subject.names[each.index] for each in nodes))
        if kept and kept not in found:
            found.append(kept)
    return found


def _around_output(graph: OperatorGraph, node: Node) -> list[Node]:
    """The operators with weights that give or take a node's output, directly or through others without weights.

    All of them must be in float for nothing to be rounded there. Where they are too many, as around the sums of a long
    residual stage, those that take it.
    """
    taking = _reached(graph, node, lambda each: [user for tensor in each.outputs for user in graph.users(tensor)])
    around = _reached(graph, node, lambda each: _beside(graph, each), passing=not weights_of(graph, node))
    return around if len(around) <= _MOST_AROUND else taking


def _reached(
    graph: OperatorGraph, start: Node, neighbours: Callable[[Node], Sequence[Node]], passing: bool = True
) -> list[Node]:
    """The operators with weights that a walk comes to which goes on from those without."""
    first = neighbours(start) if passing else [user for tensor in start.outputs for user in graph.users(tensor)]
    found, seen, waiting = [], {start.index}, list(first)
    while waiting:
        node = waiting.pop(0)
        if node.index in seen:
            continue
        seen.add(node.index)
        if weights_of(graph, node):
            found.append(node)
        else:
            waiting += neighbours(node)
    return found


def _beside(graph: OperatorGraph, node: Node) -> list[Node]:
    """The operators that give what a node takes, and those that take what it gives or takes."""
    taken = graph.computed_inputs(node)
    makers = [graph.maker[tensor] for tensor in taken if tensor in graph.maker]
    return makers + [user for tensor in (*taken, *node.outputs) for user in graph.users(tensor)]


def _outputs(content: bytes, samples: Sequence[Arrays]) -> dict[str, NDArray[np.float32]]:
    """Each output for all samples, by its name."""
    found: dict[str, NDArray[np.float32]] = dict(
        by_name(outputs_for(content, samples), LiteRTModel(content).outputs[0].name)
    )
    return found
