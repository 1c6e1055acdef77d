"""Tells litert-quantizer what to do with each operator of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from compressor.models.litert import Operator
from compressor_plugins.ptq.request import Algorithm
from compressor_plugins.ptq.weight_quantization import IN_FLOAT, Storage
from compressor_plugins.ptq.weighted_operators import WeightedOperator
from compressor_plugins.shared.precision import BITS, ActivationType

IODtype = Literal["float32", "int8", "uint8", "int16"]

_ALGORITHMS: Mapping[Algorithm, str] = {  # as litert-quantizer calls them
    "min_max": "min_max_uniform_quantize", "octav": "OCTAV", "mse": "MSE", "gptq": "GPTQ",
    "hadamard": "DECOMPOSED_HADAMARD_ROTATION", "oscar": "OSCAR", "recovery": "dequantized_weight_recovery",
}  # fmt: skip
_OPERATORS: Mapping[Operator, str] = {  # where litert-quantizer has another name than the schema
    Operator.TRANSPOSE_CONV: "CONV_2D_TRANSPOSE",
}


class QuantizerRecipe:
    """The recipe of a `Quantizer`, written operator by operator; each goes by the name of its output."""

    def __init__(self, quantizer: Any, file: Any) -> None:
        """Start a recipe.

        Args:
            quantizer: a `litert_quantizer.quantizer.Quantizer`.
            file: the `ModelT` of its file, whose tensors are called `tensor_{graph}_{tensor}`.
        """
        from litert_quantizer import qtyping

        self.quantizer = quantizer
        self._graph = file.subgraphs[0]
        apart = {signature.subgraphIndex for signature in file.signatureDefs} - {0}
        reached = [str(number) for number in range(len(file.subgraphs)) if number not in apart]
        self._all = f"^tensor_({'|'.join(reached)})_"  # what calibration runs
        self._types = qtyping

    def compute_in(self, activations: ActivationType, io_dtype: IODtype) -> None:
        """Let every operator that can compute in integers."""
        bits = 16 if activations == "int16" else 8
        self.quantizer.add_static_config(self._all, "*", bits, 8)
        types = self._types
        for end in (types.TFLOperationName.INPUT, types.TFLOperationName.OUTPUT):
            if io_dtype == "float32":
                self.quantizer.update_quantization_recipe(self._all, end, None, "no_quantize")
            elif io_dtype == "uint8":
                tensor = types.TensorQuantizationConfig(8, symmetric=False, dtype=types.TensorDataType.UINT)
                config = types.OpQuantizationConfig(tensor, self._weights(8), types.ComputePrecision.INTEGER)
                self.quantizer.update_quantization_recipe(self._all, end, config)

    def store(self, operator: WeightedOperator, storage: Storage) -> None:
        """Quantize an operator, or keep it in float."""
        if storage == IN_FLOAT:
            self.quantizer.update_quantization_recipe(*self._scope(operator), None, "no_quantize")
            return
        types = self._types
        precision, algorithm = types.ComputePrecision, _ALGORITHMS[storage.algorithm]
        weights = self._weights(BITS[storage.weights], storage.granularity)
        activations = None
        if storage.weights == "float16":
            algorithm = "float_casting"
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
        self.quantizer.update_quantization_recipe(*self._scope(operator), config, algorithm)

    def leave(self, index: int) -> None:
        """Keep the operator at this place, which has no weights, in float."""
        output = self._graph.tensors[self._graph.operators[index].outputs[0]]
        self.quantizer.update_quantization_recipe(f"^{output.name.decode()};", "*", None, "no_quantize")

    def _scope(self, operator: WeightedOperator) -> tuple[str, Any]:
        """The pattern and the kind by which litert-quantizer finds an operator."""
        output = self._graph.tensors[self._graph.operators[operator.index].outputs[0]]
        kind = _OPERATORS.get(operator.kind, operator.kind.name)
        return f"^{output.name.decode()};", self._types.TFLOperationName[kind]

    def _weights(self, bits: int, granularity: str = "channel") -> Any:
        types = self._types
        grain = {"channel": "CHANNELWISE", "tensor": "TENSORWISE"}.get(granularity)
        grain = grain or granularity.upper().replace("BLOCK", "BLOCKWISE")
        return types.TensorQuantizationConfig(bits, symmetric=True, granularity=types.QuantGranularity[grain])
