"""Measures what each operator of a quantized file adds to the error of the outputs, apart from what it inherits.

Every operator is run by itself, on the float model's values rounded as its inputs are stored, and so is the float
operator. The difference is the operator's own error. Added to the float model at that place alone, it shows what the
operator costs at the outputs; so do the error of its weights and that of storing its output, each alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.named_arrays import in_order
from compressor.base.types import Arrays
from compressor.debugging.operator_graph import Node, OperatorGraph
from compressor.debugging.rewired_files import disturbed, separated, with_all_outputs
from compressor.debugging.stored_values import StoredValuesFile
from compressor.debugging.stored_weights import stored_weights
from compressor.debugging.tensor_figures import Figures
from compressor.debugging.tensor_pairs import TensorPairs, paired
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.litert.running.interpreter import LiteRTModel, takes_many

_BATCH_BYTES = 40_000_000  # of float activations
_MOST_A_BATCH = 64
_MOST_THREADS = 8
_NEGLIGIBLE = 5e-5  # of the outputs: no use to tell weights and storing apart

Values = dict[int, NDArray[Any]]
"""Arrays by tensor."""


@dataclass
class OperatorError:
    """An operator of the quantized file, and its errors.

    Attributes:
        node: the operator.
        exact: the operator of the float file; None where that has another one, or none.
        tensor: its output.
        here: the output as it comes out in the file, against the float model's: own and inherited error.
        alone: the output of the operator alone, on exact inputs rounded as it takes them.
        cost: the change of each of the model's outputs when this operator alone is quantized.
        weights_cost: the same for its weights alone.
        storing_cost: the same for storing its output in fewer bits alone.
        reason: why the operator could not be run alone; empty if it was.
    """

    node: Node
    exact: Node | None
    tensor: int
    here: Figures = field(default_factory=Figures)
    alone: Figures = field(default_factory=Figures)
    cost: list[Figures] = field(default_factory=list)
    weights_cost: list[Figures] = field(default_factory=list)
    storing_cost: list[Figures] = field(default_factory=list)
    reason: str = ""


def worst(figures: Sequence[Figures]) -> float:
    """The largest of the outputs' changes, as a share of the output; 0 where nothing was added."""
    return max((each.share for each in figures), default=0.0)


@dataclass(frozen=True)
class Comparison:
    """A quantized file held against its float model: operators in the file's order, and each output's figures."""

    quantized: OperatorGraph
    exact: OperatorGraph
    pairs: TensorPairs
    operators: Sequence[OperatorError]
    outputs: Sequence[Figures]
    samples: int


def compared(
    quantized: bytes, exact: bytes, samples: Sequence[Arrays], progress: Callable[[float], None] = lambda _: None
) -> Comparison:
    """Hold a quantized file against the float file that it was made from.

    Args:
        quantized: the quantized file.
        exact: the float file.
        samples: inputs of shape (1, ...) each, by name where the model has several.
        progress: is told the share of the work that is done.

    Raises:
        ModelError: the files are of different models, or LiteRT cannot run them on the samples.
    """
    run = _Comparing(OperatorGraph(quantized), OperatorGraph(exact))
    size = run.samples_a_batch(samples)
    for start in range(0, len(samples), size):
        for done in run.add(samples[start : start + size]):
            progress((start + done) / len(samples))
    return Comparison(run.quantized, run.exact, run.pairs, run.rows, run.outputs, len(samples))


class _Comparing:
    """The files that a comparison takes, and the figures so far."""

    def __init__(self, quantized: OperatorGraph, exact: OperatorGraph) -> None:
        self.quantized, self.exact = quantized, exact
        self.pairs = paired(quantized, exact)
        self._names = [end.name for end in LiteRTModel(exact.content).inputs]
        threads = min(os.cpu_count() or 1, _MOST_THREADS)

        def opened(content: bytes) -> StoredValuesFile:
            return StoredValuesFile(content, threads)

        content, self._made = with_all_outputs(exact)
        self._exact_run = opened(content)
        content, self._quantized_made = with_all_outputs(quantized)
        self._quantized_run = opened(content)
        self._single = separated(quantized)
        self._single_run = opened(self._single.content)
        self._exact_single = separated(exact)
        self._exact_single_run = opened(self._exact_single.content)
        weights = stored_weights(quantized, exact, self.pairs)
        self._weights_run = opened(separated(exact, weights).content)
        self._changed_weights = {*weights}
        nodes = (*_storing_inputs(quantized), *quantized.nodes)
        self.rows = [self._row(node) for node in nodes if self._is_compared(node)]
        wanted = (self.pairs.tensors[row.tensor] for row in self.rows)
        self._places = {tensor: place for place, tensor in enumerate(dict.fromkeys(wanted)) if self._is_float(tensor)}
        self._disturbed_run = opened(disturbed(exact, list(self._places)))
        self.outputs = [Figures() for _ in exact.outputs]

    def samples_a_batch(self, samples: Sequence[Arrays]) -> int:
        """As many samples as memory allows, or one where a file takes no more."""
        if len(samples) > 1:
            two = _stacked(samples[:2], self._names)
            named: Arrays = two[0] if len(two) == 1 else dict(zip(self._names, two, strict=True))
            own = [end.name for end in LiteRTModel(self.quantized.content).inputs]
            places = self.pairs.inputs
            other: Arrays = (
                two[0] if len(two) == 1 else {name: two[place] for name, place in zip(own, places, strict=True)}
            )
            if not (takes_many(self.exact.content, named) and takes_many(self.quantized.content, other)):
                return 1
        sizes = sum(int(np.prod(self.exact.tensors[tensor].shape)) for tensor in self._made)
        return max(1, min(_MOST_A_BATCH, _BATCH_BYTES // max(1, 4 * sizes)))

    def add(self, samples: Sequence[Arrays]) -> Iterator[float]:
        """Compare on some more samples; yield how many of them are done, operator by operator."""
        exact = self._exact_values(samples)
        self._disturbed_run.fill(
            [
                *(exact[tensor] for tensor in self.exact.inputs),
                *(np.zeros_like(exact[tensor]) for tensor in self._places),
            ]
        )
        expected = self._disturbed_run.run()
        here = self._quantized_values(exact)
        alone, taken = self._alone(exact, here)
        rounded = self._on_rounded(exact, taken)
        by_weights = self._with_stored_weights(exact)
        for place, tensor in enumerate(self.quantized.outputs):
            other = self.pairs.outputs[place]
            self.outputs[other].add(here[tensor], exact[self.exact.outputs[other]])
        for count, row in enumerate(self.rows):
            yield len(samples) * count / len(self.rows)
            partner = self.pairs.tensors[row.tensor]
            values = exact[partner]
            row.here.add(here[row.tensor], values)
            if row.reason:
                continue
            found = here if row.node.index < 0 else alone
            reference = self._reference(row, exact, rounded, taken)
            own = found[row.tensor] - reference
            row.alone.add(values + own, values)
            if self._cost(row.cost, partner, own, expected) < _NEGLIGIBLE:
                continue
            if row.exact is not None and {*row.exact.inputs} & self._changed_weights:
                self._cost(row.weights_cost, partner, by_weights[partner] - values, expected)
            facts = self.quantized.tensors[row.tensor]
            if facts.quantized:
                self._cost(row.storing_cost, partner, facts.real(facts.stored(reference)) - reference, expected)

    def _cost(
        self, figures: list[Figures], tensor: int, error: NDArray[Any], expected: Sequence[NDArray[Any]]
    ) -> float:
        """Add an error to one tensor of the float model, and give the change of the outputs as a share of them."""
        if not figures:
            figures += [Figures() for _ in expected]
        found = expected
        if tensor in self._places and np.any(error):
            place = len(self.exact.inputs) + self._places[tensor]
            self._disturbed_run.put(place, error.astype(np.float32))
            found = self._disturbed_run.run()
            self._disturbed_run.put(place, np.zeros_like(error, np.float32))
        for each, output, other in zip(figures, found, expected, strict=True):
            each.add(output, other)
        return worst(figures)

    def _exact_values(self, samples: Sequence[Arrays]) -> Values:
        arrays = _stacked(samples, self._names)
        facts = [self.exact.tensors[tensor] for tensor in self.exact.inputs]
        inputs = [fact.stored(array) for fact, array in zip(facts, arrays, strict=True)]
        self._exact_run.fill(inputs)
        values = dict(zip(self._made, self._exact_run.run(), strict=True))
        return values | dict(zip(self.exact.inputs, inputs, strict=True))

    def _quantized_values(self, exact: Values) -> Values:
        """The real values of the quantized file's tensors, each with all the error that it inherits."""
        inputs = [exact[self.exact.inputs[place]] for place in self.pairs.inputs]
        facts = [self.quantized.tensors[tensor] for tensor in self.quantized.inputs]
        self._quantized_run.fill([fact.stored(array) for fact, array in zip(facts, inputs, strict=True)])
        stored = dict(zip(self._quantized_made, self._quantized_run.run(), strict=True))
        values = {tensor: self.quantized.tensors[tensor].real(array) for tensor, array in stored.items()}
        taken = [fact.real(fact.stored(array)) for fact, array in zip(facts, inputs, strict=True)]
        return values | dict(zip(self.quantized.inputs, taken, strict=True))

    def _alone(self, exact: Values, here: Values) -> tuple[Values, Values]:
        """Run each operator on exact inputs: its outputs and the rounded inputs, by the quantized file's tensors."""
        taken: Values = {}
        stored = []
        for _, tensor in self._single.places:
            facts = self.quantized.tensors[tensor]
            partner = self.pairs.tensors.get(tensor)
            array = facts.stored(here[tensor] if partner is None else exact[partner])
            taken[tensor] = facts.real(array)
            stored.append(array)
        self._single_run.fill(stored)
        made = zip(self._single.outputs, self._single_run.run(), strict=True)
        return {tensor: self.quantized.tensors[tensor].real(array) for tensor, array in made}, taken

    def _on_rounded(self, exact: Values, taken: Values) -> Values:
        """What each float operator gives on inputs that are rounded as the quantized one takes them."""
        rounded = {
            (other.index, self.pairs.tensors[tensor]): taken[tensor]
            for index, other in self.pairs.nodes.items()
            for tensor in self.quantized.computed_inputs(self.quantized.nodes[index])
            if tensor in self.pairs.tensors
        }
        inputs = []
        for index, tensor in self._exact_single.places:
            values = rounded.get((index, tensor), exact[tensor])
            inputs.append(values.astype(exact[tensor].dtype).reshape(exact[tensor].shape))
        self._exact_single_run.fill(inputs)
        return dict(zip(self._exact_single.outputs, self._exact_single_run.run(), strict=True))

    def _with_stored_weights(self, exact: Values) -> Values:
        """What each float operator gives on exact inputs with the weights that the quantized file holds."""
        self._weights_run.fill([exact[tensor] for _, tensor in self._exact_single.places])
        return dict(zip(self._exact_single.outputs, self._weights_run.run(), strict=True))

    def _reference(self, row: OperatorError, exact: Values, rounded: Values, taken: Values) -> NDArray[Any]:
        partner = self.pairs.tensors[row.tensor]
        if row.node.casts and row.node.index >= 0:
            return taken[row.node.inputs[0]]
        return rounded[partner] if row.exact is not None else exact[partner]

    def _row(self, node: Node) -> OperatorError:
        tensor = node.outputs[0]
        row = OperatorError(node, self.pairs.nodes.get(node.index), tensor)
        computed = self.quantized.computed_inputs(node) if node.index >= 0 else ()
        unknown = [own for own in computed if own not in self.pairs.tensors]
        if unknown:
            row.reason = f"its input '{self.quantized.tensors[unknown[0]].name}' has no counterpart in the float model"
        return row

    def _is_compared(self, node: Node) -> bool:
        tensor = node.outputs[0] if node.outputs and node.kind != Operator.DEQUANTIZE else -1
        return tensor in self.pairs.tensors and self._is_float(self.pairs.tensors[tensor])

    def _is_float(self, tensor: int) -> bool:
        return self.exact.tensors[tensor].type is TensorType.FLOAT32


def _storing_inputs(graph: OperatorGraph) -> list[Node]:
    """What the file's caller does: rounds the inputs that the file takes as scaled integers."""
    quantized = [tensor for tensor in graph.inputs if graph.tensors[tensor].quantized]
    return [Node(-1, Operator.QUANTIZE, (tensor,), (tensor,)) for tensor in quantized]


def _stacked(samples: Sequence[Arrays], names: Sequence[str]) -> list[NDArray[np.float32]]:
    """The samples as one array for each input, in the order of the names."""
    parts = [in_order(sample, names) for sample in samples]
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
