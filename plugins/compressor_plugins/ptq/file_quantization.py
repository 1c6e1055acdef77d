"""Runs litert-quantizer on a float file, each operator by its own storage, and keeps what it prints off the screen."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays, StepError
from compressor.models.litert import (
    LiteRTModel,
    Operator,
    TensorType,
    operator_of,
    read_model,
    takes_many,
    type_of,
    write_model,
)
from compressor_plugins.ptq.weight_quantization import IN_FLOAT, Algorithm, Storage
from compressor_plugins.ptq.weighted_operators import WeightedOperator, kernel_of
from compressor_plugins.shared.precision import BITS, ActivationType

IODtype = Literal["float32", "int8", "uint8", "int16"]
Samples = Sequence[Arrays]  # each of shape (1, ...), by name where the file has several inputs

_KEYS: Mapping[Algorithm, str] = {
    "min_max": "min_max_uniform_quantize", "octav": "OCTAV", "mse": "MSE", "gptq": "GPTQ",
    "hadamard": "DECOMPOSED_HADAMARD_ROTATION", "oscar": "OSCAR", "recovery": "dequantized_weight_recovery",
}  # fmt: skip
_NAMES = {Operator.TRANSPOSE_CONV: "CONV_2D_TRANSPOSE"}  # where litert-quantizer has another than the schema
_QUANTIZED_TYPES = (TensorType.INT8, TensorType.INT4, TensorType.INT2)
_SEES_SAMPLES = {"gptq", "oscar"}
_BATCH_BYTES = 200_000_000  # of activations, all of which are kept while calibrating
_MOST_A_BATCH = 64


def quantized(
    content: bytes,
    storages: Mapping[WeightedOperator, Storage],
    activations: ActivationType,
    io_dtype: IODtype,
    samples: Samples,
) -> bytes:
    """The file with its weights stored so, and, for int8 and int16 `activations`, all else computed in them.

    Args:
        content: a float file.
        storages: of the operators that are quantized.
        activations: what operators without weights compute with, where they can.
        io_dtype: of the file's inputs and outputs; other than float32 with int8 or int16 activations only.
        samples: that the ranges of activations, and some algorithms, are taken from.

    Raises:
        StepError: litert-quantizer cannot, or the file that it writes gives no finite numbers.
    """
    plain, names = _prepared(content)
    _refuse_off_grid(plain, storages)
    with _quiet():
        from litert_quantizer.quantizer import Quantizer

        recipe = _Recipe(Quantizer(plain), read_model(plain))
        if activations in ("int8", "int16"):
            recipe.compute_in(activations, io_dtype)
        for operator, storage in storages.items():
            recipe.store(operator, storage)
        try:
            seen = _calibrated(plain, recipe.quantizer, samples) if activations in ("int8", "int16") else {}
            sees = {operator: storage for operator, storage in storages.items() if storage.algorithm in _SEES_SAMPLES}
            if sees:  # by themselves, since a tensor is looked at for the first operator that has it only
                alone = _Recipe(Quantizer(plain), read_model(plain))
                for operator, storage in sees.items():
                    alone.store(operator, storage)
                more = _calibrated(plain, alone.quantizer, samples)
                seen = {name: {**more.get(name, {}), **seen.get(name, {})} for name in {*seen, *more}}
                _hand_up(seen, read_model(plain), sees)
            made = recipe.quantizer.quantize(seen or None, enable_progress_report=False)
        except (ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            what = f"litert-quantizer cannot quantize the file ({reason})"
            raise StepError(what, "choose another algorithm or precision") from error
    result = _renamed(bytes(made.quantized_model), names)
    _refuse_broken(result, samples[:4])
    return result


class _Recipe:
    """Tells litert-quantizer what to do with which operator, by the name of its output."""

    def __init__(self, quantizer: Any, file: Any) -> None:
        from litert_quantizer import qtyping

        self.quantizer = quantizer
        self._graph = file.subgraphs[0]
        self._types = qtyping

    def compute_in(self, activations: ActivationType, io_dtype: IODtype) -> None:
        """Let every operator that can compute in integers."""
        bits = 16 if activations == "int16" else 8
        self.quantizer.add_static_config(".*", "*", bits, 8)
        types = self._types
        for end in (types.TFLOperationName.INPUT, types.TFLOperationName.OUTPUT):
            if io_dtype == "float32":
                self.quantizer.update_quantization_recipe(".*", end, None, "no_quantize")
            elif io_dtype == "uint8":
                tensor = types.TensorQuantizationConfig(8, symmetric=False, dtype=types.TensorDataType.UINT)
                config = types.OpQuantizationConfig(tensor, self._weights(8), types.ComputePrecision.INTEGER)
                self.quantizer.update_quantization_recipe(".*", end, config)

    def store(self, operator: WeightedOperator, storage: Storage) -> None:
        """Quantize an operator, or keep it in float."""
        if storage == IN_FLOAT:
            self.quantizer.update_quantization_recipe(*self._scope(operator), None, "no_quantize")
            return
        types = self._types
        precision, key = types.ComputePrecision, _KEYS[storage.algorithm]
        weights = self._weights(BITS[storage.weights], storage.granularity)
        activations = None
        if storage.weights == "float16":
            key = "float_casting"
            weights = types.TensorQuantizationConfig(16, dtype=types.TensorDataType.FLOAT)
        elif storage.activations in ("int8", "int16"):
            bits = 16 if storage.activations == "int16" else 8
            activations = types.TensorQuantizationConfig(bits, symmetric=bits == 16)
        in_float = storage.activations == "float32"
        config = types.OpQuantizationConfig(
            activations,
            weights,
            precision.FLOAT if in_float else precision.INTEGER,
            explicit_dequantize=in_float,
            skip_checks=storage.weights != "float16",  # its checks know fewer combinations than LiteRT runs
        )
        self.quantizer.update_quantization_recipe(*self._scope(operator), config, key)

    def _scope(self, operator: WeightedOperator) -> tuple[str, Any]:
        output = self._graph.tensors[self._graph.operators[operator.index].outputs[0]]
        return f"^{output.name.decode()};", self._types.TFLOperationName[_NAMES.get(operator.kind, operator.kind.name)]

    def _weights(self, bits: int, granularity: str = "channel") -> Any:
        types = self._types
        grain = {"channel": "CHANNELWISE", "tensor": "TENSORWISE"}.get(granularity)
        grain = grain or granularity.upper().replace("BLOCK", "BLOCKWISE")
        return types.TensorQuantizationConfig(bits, symmetric=True, granularity=types.QuantGranularity[grain])


def _calibrated(content: bytes, quantizer: Any, samples: Samples) -> Any:
    """What the activations were over all samples, many a call.

    litert-quantizer's own way, sample by sample with a moving average, forgets all but the last few: the ranges were
    ten times worse than those of all samples, and took 25 times as long.
    """
    from litert_quantizer.calibrator import CalibrationMode, Calibrator

    calibrator = Calibrator(
        content,
        num_threads=1,
        mode=CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        qsv_update_func=_together,
    )
    key = read_model(content).signatureDefs[0].signatureKey.decode()
    for batch in _batches(samples, content, _samples_a_batch(content, samples)):
        # a call for each, after which an LSTM's state is reset
        calibrator.calibrate({key: [batch]}, quantizer._recipe_manager)
    return calibrator.get_model_qsvs()


def _hand_up(seen: dict[str, dict[str, Any]], file: Any, sees: Mapping[WeightedOperator, Storage]) -> None:
    """Let the tensors that others are made of have what was seen of these, for operators that only move values.

    litert-quantizer puts what it knows of a Reshape's input in place of what it knows of the output.
    """
    graph = file.subgraphs[0]
    makers = {operator.outputs[0]: operator for operator in graph.operators}
    for operator in sees:
        tensor = graph.operators[operator.index].inputs[0]
        own = seen.get(graph.tensors[tensor].name.decode(), {})
        extra = {key: value for key, value in own.items() if key in ("hessian", "mu2")}
        while (maker := makers.get(tensor)) is not None and len(maker.inputs):
            tensor = maker.inputs[0]
            above = seen.get(graph.tensors[tensor].name.decode())
            if above is None or not extra.keys().isdisjoint(above):
                break
            above.update(extra)


def _together(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was seen of a tensor in two batches: the range of both, and means by the number of samples."""
    if not old or not new:
        return old or new
    merged = {"min": np.minimum(old["min"], new["min"]), "max": np.maximum(old["max"], new["max"])}
    counts = [one.get("num_samples", 0) for one in (old, new)]
    for name in ("hessian", "mu2"):
        if name in old and name in new:
            merged[name] = (old[name] * counts[0] + new[name] * counts[1]) / max(1, sum(counts))
    if any(counts):
        merged["num_samples"] = sum(counts)
    return merged


def _samples_a_batch(content: bytes, samples: Samples) -> int:
    if len(samples) > 1 and not takes_many(content, next(_batches(samples, content, 2))):
        return 1
    file = read_model(content)
    sizes = [int(np.prod(tensor.shape)) for tensor in file.subgraphs[0].tensors if tensor.shape is not None]
    return max(1, min(_MOST_A_BATCH, _BATCH_BYTES // max(1, 4 * sum(sizes))))


def _batches(samples: Samples, content: bytes, size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """So many samples in one call, by the names of the signature's inputs and with their dtypes."""
    file, ends = read_model(content), LiteRTModel(content).inputs
    names = {entry.tensorIndex: entry.name.decode() for entry in file.signatureDefs[0].inputs}
    for start in range(0, len(samples), size):
        parts = [by_names(sample, [end.name for end in ends]) for sample in samples[start : start + size]]
        yield {
            names[index]: np.concatenate([part[place] for part in parts]).astype(end.dtype)
            for place, (index, end) in enumerate(zip(file.subgraphs[0].inputs, ends, strict=True))
        }


def by_names(sample: Arrays, names: Sequence[str]) -> list[NDArray[Any]]:
    """A sample's arrays in the order of a file's inputs."""
    if not isinstance(sample, Mapping):
        return [sample]
    return [sample[name] for name in names] if len(names) > 1 else list(sample.values())


def _prepared(content: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The file as litert-quantizer needs it, with a signature and different names of tensors, and the names before."""
    file = read_model(content)
    names: dict[bytes, bytes] = {}
    for number, graph in enumerate(file.subgraphs):
        outer = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in outer or not tensor.name:
                name = f"tensor_{number}_{index}".encode()
                names[name], tensor.name = tensor.name or b"", name
    for code in file.operatorCodes:  # of which 'slim' leaves one
        code.builtinCode = operator_of(code)
    if not file.signatureDefs:
        file.signatureDefs = [_signature(file.subgraphs[0])]
    return write_model(file), names


def _signature(graph: Any) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    def entries(indices: Sequence[int]) -> list[Any]:
        found = []
        for index in indices:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = graph.tensors[index].name, int(index)
            found.append(entry)
        return found

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = entries(graph.inputs), entries(graph.outputs)
    return signature


def _renamed(content: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """The file with the names that its tensors had; those put in are named after the one that they stand beside."""
    file = read_model(content)
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            own = re.match(rb"tensor_\d+_\d+", tensor.name)
            if own is not None and own[0] in names:
                tensor.name = names[own[0]] + tensor.name[len(own[0]) :]
    return write_model(file)


def _refuse_broken(content: bytes, samples: Samples) -> None:
    file = read_model(content)
    for tensor in file.subgraphs[0].tensors:
        data, type_ = file.buffers[tensor.buffer].data, type_of(tensor)
        if type_ not in _QUANTIZED_TYPES or data is None or not len(data):
            continue
        if len(data) != -(-int(np.prod(tensor.shape)) * type_.bits // 8):
            name = tensor.name.decode(errors="replace")
            raise StepError(f"litert-quantizer left '{name}' half quantized", "choose another algorithm")
    model = LiteRTModel(content)
    for sample in samples:
        found = model.run(sample)
        for values in found.values() if isinstance(found, Mapping) else [found]:
            if not np.isfinite(values).all():
                what = "LiteRT gives no finite numbers for the quantized file"
                raise StepError(what, "choose float32 activations, or another precision")


def _refuse_off_grid(content: bytes, storages: Mapping[WeightedOperator, Storage]) -> None:
    """Refuse 'recovery' for weights that are not whole multiples of a step, of which there are few enough."""
    file = read_model(content)
    for operator, storage in storages.items():
        if storage.algorithm != "recovery":
            continue
        most = 2 ** (BITS[storage.weights] - 1) - 1
        for channel in np.abs(kernel_of(file, operator)).reshape(operator.shape[0], -1):
            levels = np.unique(np.append(channel, 0))
            steps = np.diff(levels)
            step = steps[steps > 1e-9].min(initial=np.inf)
            multiples = levels / step
            if multiples.max() > most + 0.5 or np.abs(multiples - multiples.round()).max() > 1e-2:
                what = f"the weights of '{operator.layer}' are on no grid of {most} steps a side to recover"
                raise StepError(what, "use 'min_max' or 'octav', or train with quantization first")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and absl's warnings, which say what the tables here have settled."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
