"""Cuts each operator of a `.tflite` file out into a file of its own, with what it is given within the whole file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.base.types import Arrays
from compressor.models.library_errors import FLATBUFFER_ERRORS, INTERPRETER_ERRORS
from compressor.models.litert.format.flatbuffer import has_block_scales, read_model, write_model
from compressor.models.litert.reading.graph_contents import FileOperator, operators_in
from compressor.models.litert.running.interpreter import LiteRTModel


@dataclass(frozen=True)
class LoneOperator:
    """An operator in a file of its own.

    Attributes:
        operator: what it is.
        weights: the name of the largest constant that it takes; empty where it takes none.
        content: the file.
        inputs: what the file takes, as it is stored, in the file's order.
    """

    operator: FileOperator
    weights: str
    content: bytes
    inputs: tuple[NDArray[Any], ...]


def lone_operators(content: bytes, sample: Arrays) -> Iterator[LoneOperator | FileOperator]:
    """The operators of a file's main graph, in order; one that cannot be cut out comes as it is, without a file.

    Those that work on constants alone, as to unpack weights, are not cut out: LiteRT does their work when it opens the
    file, or once. They go into the file of the operator that takes what they make.

    Args:
        content: the file.
        sample: one sample, of shape (1, ...), by name where the file has several inputs.

    Raises:
        ModelError: the file cannot be read, or LiteRT's own kernels cannot run it.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    calls = list(graph.operators or [])
    values = _kept_tensors(content, sample)
    unpacked = _made_of_constants(model, graph)
    for call, operator in zip(calls, operators_in(model)[: len(calls)], strict=True):
        if any(index in unpacked for index in _indices(call.outputs)):
            yield operator
            continue
        try:
            yield _cut_out(model, call, operator, values, unpacked)
        except (*FLATBUFFER_ERRORS, *INTERPRETER_ERRORS):
            yield operator


def empty_file(content: bytes) -> bytes:
    """A file with the inputs of another that computes nothing, which takes as long as calling LiteRT does.

    Raises:
        ModelError: the file cannot be read.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    graph.tensors = [copy(graph.tensors[index]) for index in _indices(graph.inputs)[:1]]
    for tensor in graph.tensors:
        tensor.buffer, tensor.shape, tensor.shapeSignature = 0, [1], None
    graph.operators, graph.inputs, graph.outputs = [], [0] * len(graph.tensors), [0] * len(graph.tensors)
    model.buffers, model.subgraphs = model.buffers[:1], [graph]
    model.buffers[0].data, model.signatureDefs, model.metadata, model.metadataBuffer = None, None, None, None
    return write_model(model)


def _kept_tensors(content: bytes, sample: Arrays) -> Any:
    """An interpreter that has run the file on a sample and kept all tensors."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    stored, _ = LiteRTModel(content).run_stored(sample)
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_op_resolver_type=plain,
            experimental_preserve_all_tensors=True,
        )
        for details, array in zip(interpreter.get_input_details(), stored, strict=True):
            interpreter.resize_tensor_input(details["index"], array.shape)
        interpreter.allocate_tensors()
        for details, array in zip(interpreter.get_input_details(), stored, strict=True):
            interpreter.set_tensor(details["index"], array)
        interpreter.invoke()
    except INTERPRETER_ERRORS as error:
        raise ModelError(f"LiteRT's own kernels cannot run the file ({error})", "time the whole file alone") from None
    return interpreter


def _made_of_constants(model: Any, graph: Any) -> Mapping[int, Sequence[Any]]:
    """By the tensors that are made of constants alone, the calls that make them, in order."""
    made: dict[int, list[Any]] = {}
    for call in graph.operators or []:
        takes = [index for index in _indices(call.inputs) if index >= 0]
        if takes and all(index in made or _is_constant(model, graph.tensors[index]) for index in takes):
            before = [each for index in takes for each in made.get(index, ())]
            made |= {index: [*before, call] for index in _indices(call.outputs)}
    return made


def _cut_out(
    model: Any, call: Any, operator: FileOperator, values: Any, unpacked: Mapping[int, Sequence[Any]]
) -> LoneOperator:
    graph = model.subgraphs[0]
    calls: list[Any] = []
    for each in (*(one for index in _indices(call.inputs) for one in unpacked.get(index, ())), call):
        if all(each is not other for other in calls):
            calls.append(each)
    used = list(dict.fromkeys(index for each in calls for index in _tensors_of(each) if index >= 0))
    if any(has_block_scales(graph.tensors[index]) for index in used):
        raise ValueError("its weights name the tensor of their scales by its place in the whole file")
    made = {index for each in calls for index in _indices(each.outputs)}
    takes = [index for index in used if index not in made and not _is_held(model, graph.tensors[index])]
    takes = [index for index in takes if index in _indices(call.inputs)]
    arrays = tuple(values.get_tensor(index) for index in takes)
    constants = [index for index in used if _is_constant(model, graph.tensors[index])]
    largest = max(constants, key=lambda index: len(model.buffers[graph.tensors[index].buffer].data), default=None)
    places = {index: place for place, index in enumerate(used)}
    lone, cut, own = copy(model), copy(graph), len(model.subgraphs) == 1
    buffers = [model.buffers[0]] if own else list(model.buffers)
    cut.tensors = []
    for index in used:
        tensor = copy(graph.tensors[index])
        tensor.shapeSignature = None
        if index in takes:
            tensor.shape = list(arrays[takes.index(index)].shape)
        if own:
            tensor.buffer = len(buffers) if index in constants else 0
            buffers += [model.buffers[graph.tensors[index].buffer]] if index in constants else []
        cut.tensors.append(tensor)
    cut.operators = [_moved(each, places) for each in calls]
    cut.inputs, cut.outputs = [places[index] for index in takes], cut.operators[-1].outputs
    lone.subgraphs, lone.buffers = [cut, *model.subgraphs[1:]], buffers
    lone.signatureDefs = lone.metadata = lone.metadataBuffer = None
    name = "" if largest is None else (graph.tensors[largest].name or b"").decode(errors="replace")
    return LoneOperator(operator, name, write_model(lone), arrays)


def _moved(call: Any, places: Mapping[int, int]) -> Any:
    """A call that names its tensors by their places in another file."""
    moved = copy(call)
    for side in ("inputs", "outputs", "intermediates"):
        indices = _indices(getattr(call, side))
        setattr(moved, side, [places[index] if index >= 0 else -1 for index in indices])
    return moved


def _tensors_of(call: Any) -> list[int]:
    return [*_indices(call.inputs), *_indices(call.outputs), *_indices(call.intermediates)]


def _is_held(model: Any, tensor: Any) -> bool:
    """Whether a file brings a tensor's value itself, or keeps it from call to call."""
    return bool(tensor.isVariable) or _is_constant(model, tensor)


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _indices(numbers: Any) -> list[int]:
    return [] if numbers is None else [int(number) for number in numbers]
