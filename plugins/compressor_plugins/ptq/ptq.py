"""Post-training quantization, by the LiteRT converter and by litert-quantizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from compressor import Arrays, Model, ModelState, Refusal, StepContext
from compressor.contracts.layer_sensitivity import WeightType
from compressor.contracts.layer_targets import LayerPatterns
from compressor.contracts.param_fields import Search
from compressor_plugins.graph.rewrites import listed
from compressor_plugins.ptq.input_columns import narrow_columns
from compressor_plugins.ptq.input_scale import parse_scale, with_input_scale
from compressor_plugins.ptq.layer_keeping import KeepsLayersInFloat16
from compressor_plugins.ptq.remarks import IO, tell_ends, tell_others, tell_small, tell_wider
from compressor_plugins.ptq.weight_quantization import Algorithm, Assignment, Granularity, Request
from compressor_plugins.shared.float_parts import refuse_floats, tell_floats
from compressor_plugins.shared.precision import MEANING, ActivationType, Precision

if TYPE_CHECKING:
    from compressor.models.litert import Weights

_NEEDED_FOR_IO: dict[IO, ActivationType] = {"int8": "int8", "uint8": "int8", "int16": "int16"}
_CONVERTED: Mapping[tuple[WeightType, ActivationType], Weights] = {  # what the LiteRT converter supports
    ("int8", "int8"): "int8",
    ("int8", "int16"): "int16x8",
    ("int8", "dynamic"): "dynamic_int8",
    ("float16", "float32"): "float16",
}
_OTHER_WEIGHTS = ("hadamard", "oscar")  # they store other weights than the layer's, and compensate for it elsewhere
_LOSES_ZEROS = ("gptq", "hadamard")  # they change weights that are zero
_LOSES_CLUSTERS = ("gptq", "hadamard", "oscar", "recovery")


class PTQ(KeepsLayersInFloat16):
    """Quantize without training: weights alone, or weights and activations with ranges found by calibration.

    Jacob et al. 2018 (arXiv 1712.05877), section 3. Calibration runs samples of the training split; after
    quantization-aware training the ranges come from the model itself. Weights are scaled by the largest of them, or by
    OCTAV (Sakr et al. 2022, arXiv 2206.06501), least squares (mse), GPTQ (Frantar et al. 2022, arXiv 2210.17323) or
    rotation with Hadamard matrices (Ashkboos et al. 2024, arXiv 2404.00456). The model may be a Keras model or a float
    `.tflite` file. The LiteRT converter does what it can for a Keras model, and litert-quantizer does the rest. With
    `rate_weight`, int8 weights are chosen by the bits that `pack` needs for them, too: rate-distortion optimized
    quantization, as in DeepCABAC (Wiedemann et al. 2019, arXiv 1907.11900).
    """

    name = "ptq"
    changes_endpoints = ("types",)

    class Params(LayerPatterns):
        """Which types to quantize to, by which algorithm, and how to calibrate."""

        by_layer: ClassVar[tuple[str, ...]] = ("per_layer",)

        precision: Annotated[Precision, Search.of("int8", "dynamic", "int4", "float16")] = Field(
            "int8",
            description="types of weights and activations: int8 (both), int16x8 (int8 weights, int16 activations), "
            "dynamic (int8 weights, activations quantized at run time), or float16, int4 or int2 (weights alone)",
        )
        activations: ActivationType | None = Field(
            None, description="type that layers compute with; by default the one that `precision` stands for"
        )
        algorithm: Algorithm = Field(
            "min_max",
            description="how weights are rounded: scaled by the largest of them (min_max), by the clipping (octav) or "
            "the scale (mse) with the least error, to fit calibration samples (gptq, oscar), after a rotation "
            "(hadamard), or on the grid that they are on already (recovery)",
        )
        granularity: Granularity = Field(
            "channel",
            description="which weights share a scale: those of a channel, of a tensor, or of a block of inputs",
        )
        io: IO = Field("float32", description="dtype of the file's inputs and outputs")
        per_layer: dict[str, WeightType] = Field(
            {}, description="type of the weights of single layers, by name, glob or type; the last match counts"
        )
        input_scale: Annotated[float | None, BeforeValidator(parse_scale)] = Field(
            None,
            gt=0,
            description="with io uint8, what a byte of an input counts, so that raw bytes can be fed: 1/255 where the "
            "data is divided by 255, 1 where the model does that; by default the scale that calibration found",
        )
        integer_only: bool = Field(
            False,
            description="fail where an operator would compute in float, or an input or output is not of the type `io`",
        )
        bias_correction: bool = Field(
            False, description="subtract from each bias the mean error that rounding causes in its layer's output"
        )
        rate_weight: float = Field(
            0.0,
            ge=0,
            le=1,
            description="what a bit of a weight in the package counts against errors of the layers' outputs: above 0, "
            "int8 weights move to values that `pack` codes in fewer bits, and many to zero, without training; 0.003 to "
            "0.06 are of use, and 0 moves none",
        )
        calibration_samples: int = Field(
            300,
            ge=1,
            le=100_000,
            description="training samples on which ranges of activations, and inputs of weights, are measured",
        )

        @property
        def request(self) -> Request:
            """The types, algorithm and granularity asked for."""
            weights, activations = MEANING[self.precision]
            return Request(weights, self.activations or activations, self.algorithm, self.granularity, self.per_layer)

        @property
        def by_converter(self) -> bool:
            """Whether the LiteRT converter can do all that is asked for."""
            request = self.request
            plain = (self.algorithm, self.granularity) == ("min_max", "channel")
            named = (request.weights, request.activations) in _CONVERTED
            return plain and named and not self.per_layer and not self.bias_correction

        def follows(self, trained_for: str) -> bool:
            """Whether the parameters ask for what quantization-aware training prepared a model for."""
            plain = (self.algorithm, self.granularity, self.per_layer) == ("min_max", "channel", {})
            computes = "int16" if trained_for == "int16x8" else "int8"
            trained = self.precision == (trained_for or "int8") and self.activations in (None, computes)
            return plain and trained and not self.bias_correction

        @model_validator(mode="after")
        def _fits(self) -> PTQ.Params:
            request = self.request
            if (needed := _NEEDED_FOR_IO.get(self.io)) and request.activations != needed:
                raise ValueError(f"io {self.io} needs {needed} activations, not {request.activations}")
            if self.input_scale is not None and self.io != "uint8":
                raise ValueError(f"input_scale needs io uint8, not {self.io}")
            if self.integer_only and request.activations not in ("int8", "int16"):
                raise ValueError(f"integer_only needs int8 or int16 activations, not {request.activations}")
            if request.weights == "float16" and (
                request.activations != "float32" or (self.algorithm, self.granularity) != ("min_max", "channel")
            ):
                what = "float16 weights are only cast"
                raise ValueError(f"{what}: they need float32 activations, algorithm min_max and granularity channel")
            if self.granularity.startswith("block") and request.activations != "dynamic":
                raise ValueError(f"{self.granularity} needs dynamic activations, not {request.activations}")
            if self.granularity.startswith("block") and self.algorithm in ("mse", "recovery", "hadamard"):
                raise ValueError(f"algorithm {self.algorithm} does not support weights in blocks")
            if self.rate_weight and request.weights != "int8":
                raise ValueError(f"rate_weight needs int8 weights, not {request.weights}")
            if self.bias_correction and (self.granularity.startswith("block") or self.algorithm in _OTHER_WEIGHTS):
                raise ValueError("bias_correction supports neither weights in blocks nor algorithms hadamard and oscar")
            return self

    @property
    def weight_bits(self) -> int | None:
        """As coarse as int4, where weights are chosen by what they cost in a package."""
        return 4 if self.params.rate_weight else None

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model or a float LiteRT file, and makes a quantized LiteRT file."""
        params = self.params
        if state.format != "litert":
            state.require(format="keras")
        state = state.require(lacks="quantized")
        trained = "quantization_aware" in state.traits
        if trained and not params.follows(state.trained_for):
            type_ = state.trained_for or "int8"
            if params.precision == type_:
                fixed = "algorithm, granularity, activations, bias_correction and per_layer"
                raise Refusal(f"must quantize as the model was trained for; leave out {fixed}")
            what = f"with precision {params.precision} would waste the training for {type_}"
            raise Refusal(f"{what}; use precision {type_}")
        needs_quantizer = state.format == "litert" or not (trained or params.by_converter)
        if needs_quantizer and find_spec("litert_quantizer") is None:
            what = "needs litert-quantizer, which is not installed"
            raise Refusal(f"{what}; on Linux and macOS 'pip install litert-quantizer' installs it")
        for trait, losing in (("sparse", _LOSES_ZEROS), ("clustered", _LOSES_CLUSTERS)):
            if trait in state.traits and params.algorithm in losing:
                kept = "zeros" if trait == "sparse" else "clusters"
                raise Refusal(f"with algorithm {params.algorithm} loses {kept}; use octav, which keeps them")
        if "clustered" in state.traits and params.granularity.startswith("block"):
            raise Refusal(f"with granularity {params.granularity} loses clusters; use channel, which keeps them")
        return state.to("litert").add("quantized")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the `.tflite` file."""
        if "quantization_aware" in context.state.traits:
            content = self._as_trained(model, context)
        elif isinstance(model, bytes) or not self.params.by_converter:
            content = self._by_quantizer(model, context)
        else:
            content = self._by_converter(model, context)
        if self.params.rate_weight:
            content = self._with_cheaper_weights(content, context)
        if self.params.input_scale is not None:
            content = with_input_scale(content, self.params.input_scale)
        if self.params.integer_only:
            refuse_floats(content, self.params.io)
        return content

    def _with_cheaper_weights(self, content: bytes, context: StepContext) -> bytes:
        from compressor_plugins.ptq.cheaper_weights import with_cheaper_weights

        samples = list(context.calibration(self.params.calibration_samples))
        return with_cheaper_weights(content, self.params.rate_weight, samples, context)

    def _as_trained(self, model: Model, context: StepContext) -> bytes:
        from compressor import Conversion, to_litert

        wide = self.params.precision == "int16x8"
        samples = context.calibration(self.params.calibration_samples)
        conversion = Conversion("int16x8" if wide else "int8", self.params.io, samples, trained=True)
        content = to_litert(model, conversion, context.note)
        tell_floats(content, context)
        tell_wider(content, 8, context)
        tell_ends(content, self.params.io, context)
        return content

    def _by_converter(self, model: Model, context: StepContext) -> bytes:
        from compressor import Conversion, to_litert
        from compressor.models.litert import refuse_failing
        from compressor_plugins.ptq.tied_scales import with_clusters

        params = self.params
        request = params.request
        calibrated = request.activations in ("int8", "int16")
        calibration = context.calibration(params.calibration_samples) if calibrated else None
        weights = _CONVERTED[request.weights, request.activations]
        content = with_clusters(to_litert(model, Conversion(weights, params.io, calibration), context.note), model)
        refuse_failing(content, next(iter(context.calibration(1))), "the quantized model")
        if request.activations == "dynamic":
            tell_small(content, context)
        else:
            tell_wider(content, 16 if request.weights == "float16" else 8, context)
        tell_ends(content, params.io, context)
        if calibrated:
            tell_floats(content, context)
        if request.activations == "int8":
            self._tell_columns(model, context)
        return content

    def _by_quantizer(self, model: Model, context: StepContext) -> bytes:
        from compressor import to_litert
        from compressor_plugins.ptq.file_quantization import quantized
        from compressor_plugins.ptq.weight_quantization import assigned
        from compressor_plugins.ptq.weighted_operators import weighted_operators

        params, keras_model = self.params, None if isinstance(model, bytes) else model
        content = model if keras_model is None else to_litert(keras_model)
        operators = weighted_operators(content, keras_model)
        assignment = assigned(operators, params.request)
        samples = list(context.calibration(params.calibration_samples))
        if params.bias_correction:
            content = self._bias_corrected(content, assignment, samples, context)
        if params.request.activations == "int8":
            self._tell_columns(model, context)
        result = quantized(content, assignment.storages, params.request.activations, params.io, samples)
        for note in assignment.notes:
            context.note(note)
        for layer, reason in assignment.left.items():
            context.leave_alone(layer, reason)
        tell_others(content, operators, context)
        return result

    def _tell_columns(self, model: Model, context: StepContext) -> None:
        """Note the columns of a table that int8 hardly resolves, though the model would have scaled them up."""
        layers = [] if isinstance(model, bytes) else model._flatten_layers()
        if not any(type(layer).__name__ == "Normalization" for layer in layers):
            return
        for name, columns in narrow_columns(context.calibration(self.params.calibration_samples)).items():
            which = f"column{'s' if len(columns) > 1 else ''} {listed([str(column) for column in columns])}"
            which += f" of the input '{name}'" if name else " of the input"
            context.note(
                f"{which} span fewer than 8 of the 256 int8 steps that all columns share; "
                "put 'qat' first, which keeps the normalization in float, or use precision int16x8 or dynamic"
            )

    @staticmethod
    def _bias_corrected(
        content: bytes, assignment: Assignment, samples: Sequence[Arrays], context: StepContext
    ) -> bytes:
        from compressor_plugins.ptq.bias_correction import bias_corrected
        from compressor_plugins.ptq.rounded_weights import rounded

        corrected, uncorrected = bias_corrected(content, rounded(content, assignment.storages, samples), samples)
        for reason in dict.fromkeys(uncorrected.values()):
            context.note(f"{reason}: {listed([layer for layer, why in uncorrected.items() if why == reason])}")
        return corrected
