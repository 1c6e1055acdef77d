"""What `compressor debug` asks of `ptq`: to keep single layers, to name them, and to tell how a file was quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compressor import Model
from compressor.contracts.kept_layers import QuantizesFiles


class KeepsLayersInFloat16(QuantizesFiles):
    """A strategy with `per_layer`, that keeps layers by weights in float16, with which they compute in float."""

    kept_in = "16 bits"

    def keeping(self, layers: Sequence[str]) -> Mapping[str, Any]:
        """The layers under `per_layer`."""
        return {"per_layer": {**self.params.per_layer, **dict.fromkeys(layers, "float16")}}

    @classmethod
    def operator_layers(cls, content: bytes, model: Model) -> Mapping[int, str]:
        """The layers as `per_layer` names them."""
        from compressor_plugins.ptq.weighted_operators import weighted_operators

        operators = weighted_operators(content, None if isinstance(model, bytes) else model)
        return {operator.index: operator.layer for operator in operators}

    @classmethod
    def parameters_of(cls, content: bytes) -> Mapping[str, Any] | None:
        """The precision, activations and io of a file."""
        from compressor_plugins.ptq.file_precision import parameters_of

        return parameters_of(content)
