"""Post-training quantization, by the LiteRT converter and by litert-quantizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from compressor import Arrays, Model, ModelError, ModelState, Refusal, StepContext, StepError, Strategy
from compressor.contracts.layer_targets import LayerPatterns
from compressor.contracts.sensitivity import WeightType
from compressor_plugins.graph.rewrites import listed
from compressor_plugins.ptq.input_columns import narrow_columns
from compressor_plugins.ptq.weight_quantization import Algorithm, Assignment, Granularity, Request
from compressor_plugins.ptq.weighted_operators import WeightedOperator
from compressor_plugins.shared.precision import MEANING, ActivationType, Precision

if TYPE_CHECKING:
    from compressor.models.litert import Weights

IO = Literal["float32", "int8", "uint8", "int16"]

_ENDS: dict[IO, ActivationType] = {"int8": "int8", "uint8": "int8", "int16": "int16"}
_CONVERTED: Mapping[tuple[WeightType, ActivationType], Weights] = {  # what the converter does
    ("int8", "int8"): "int8",
    ("int8", "int16"): "int16x8",
    ("int8", "dynamic"): "dynamic_int8",
    ("float16", "float32"): "float16",
}
_OTHER_WEIGHTS = ("hadamard", "oscar")  # they store other weights than the layer's, and make up for it elsewhere
_FEWEST = 1_024  # values of a tensor: the converter's own limit for weights with dynamic activations
_LOSES_ZEROS = ("gptq", "hadamard")  # they move weights that are zero
_LOSES_CLUSTERS = ("gptq", "hadamard", "oscar")


class PTQ(Strategy):
    """Quantize without training: weights alone, or weights and activations by the ranges that calibration sees.

    Jacob et al. 2018 (arXiv 1712.05877), section 3; ranges come from samples of the training split, or, after
    quantization-aware training, from the model itself. Scales of weights by other ways than their largest: OCTAV
    (Sakr et al. 2022, arXiv 2206.06501), least squares (mse), GPTQ (Frantar et al. 2022, arXiv 2210.17323), rotation by
    Hadamard matrices (Ashkboos et al. 2024, arXiv 2404.00456). A Keras model or a float `.tflite` file may be given;
    what the converter can do for a Keras model it does, and litert-quantizer the rest.
    """

    name = "ptq"

    class Params(LayerPatterns):
        """To what, how, and by how many samples."""

        by_layer: ClassVar[tuple[str, ...]] = ("per_layer",)

        precision: Precision = Field(
            "int8",
            description="of the weights: int8 (activations too), int16x8 (int8, and int16 activations), dynamic (int8, "
            "and activations in 8 bits at run time), float16, int4 or int2 (and float activations)",
        )
        activations: ActivationType | None = Field(
            None, description="what layers compute with, where that is to be other than what the precision says"
        )
        algorithm: Algorithm = Field(
            "min_max",
            description="how weights are rounded: by the largest, by the clipping (octav) or the scale (mse) of the "
            "least error, by calibration (gptq, oscar), rotated first (hadamard), or on the grid that they lie on "
            "already (recovery)",
        )
        granularity: Granularity = Field(
            "channel", description="weights that share a scale: those of a channel, of a tensor, or of so many inputs"
        )
        io: IO = Field("float32", description="dtype of the file's inputs and outputs")
        per_layer: dict[str, WeightType] = Field(
            {}, description="another type for the weights of some layers, by names, globs or types; the last one counts"
        )
        bias_correction: bool = Field(
            False, description="take the mean error that rounding brings to each layer's output off its bias"
        )
        calibration_samples: int = Field(
            300, ge=1, le=100_000, description="training samples that the ranges of activations are taken from"
        )

        @property
        def request(self) -> Request:
            """What is asked of every layer."""
            weights, activations = MEANING[self.precision]
            return Request(weights, self.activations or activations, self.algorithm, self.granularity, self.per_layer)

        @property
        def by_converter(self) -> bool:
            """Whether the LiteRT converter can do it all."""
            request = self.request
            plain = (self.algorithm, self.granularity) == ("min_max", "channel")
            named = (request.weights, request.activations) in _CONVERTED
            return plain and named and not self.per_layer and not self.bias_correction

        def follows(self, trained_for: str) -> bool:
            """Whether this is what training has prepared a model for, whose own ranges and bits are taken then."""
            plain = (self.algorithm, self.granularity, self.per_layer) == ("min_max", "channel", {})
            computes = "int16" if trained_for == "int16x8" else "int8"
            trained = self.precision == (trained_for or "int8") and self.activations in (None, computes)
            return plain and trained and not self.bias_correction

        @model_validator(mode="after")
        def _fits(self) -> PTQ.Params:
            request = self.request
            if (needed := _ENDS.get(self.io)) and request.activations != needed:
                raise ValueError(f"io {self.io} needs {needed} activations, not {request.activations}")
            if request.weights == "float16" and (
                request.activations != "float32" or (self.algorithm, self.granularity) != ("min_max", "channel")
            ):
                raise ValueError("float16 weights are cast: activations stay float32, and there is nothing to choose")
            if self.granularity.startswith("block") and request.activations != "dynamic":
                raise ValueError(f"weights in blocks need dynamic activations, not {request.activations}")
            if self.granularity.startswith("block") and self.algorithm in ("mse", "recovery", "hadamard"):
                raise ValueError(f"{self.algorithm} knows no weights in blocks")
            if self.bias_correction and (self.granularity.startswith("block") or self.algorithm in _OTHER_WEIGHTS):
                raise ValueError("bias_correction needs weights that are only rounded, without blocks")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model or a float file, and leaves a LiteRT file."""
        params = self.params
        if state.format != "litert":
            state.require(format="keras")
        state = state.require(lacks="quantized")
        trained = "quantization_aware" in state.traits
        if trained and not params.follows(state.trained_for):
            type_ = state.trained_for or "int8"
            if params.precision == type_:
                settled = "algorithm, granularity, activations, bias_correction and per_layer"
                raise Refusal(f"takes what the training has settled; leave out {settled}")
            what = f"with precision {params.precision} would waste the training for {type_}"
            raise Refusal(f"{what}; use precision {type_}")
        needs_quantizer = state.format == "litert" or not (trained or params.by_converter)
        if needs_quantizer and find_spec("litert_quantizer") is None:
            what = "needs litert-quantizer, which is not installed"
            raise Refusal(f"{what}; on Linux and macOS 'pip install litert-quantizer' gets it")
        for trait, losing in (("sparse", _LOSES_ZEROS), ("clustered", _LOSES_CLUSTERS)):
            if trait in state.traits and params.algorithm in losing:
                kept = "zeros" if trait == "sparse" else "clusters"
                raise Refusal(f"with algorithm {params.algorithm} loses {kept}; use octav, which keeps them")
        return state.to("litert").add("quantized")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the `.tflite` file."""
        if "quantization_aware" in context.state.traits:
            return self._as_trained(model, context)
        if isinstance(model, bytes) or not self.params.by_converter:
            return self._by_quantizer(model, context)
        return self._by_converter(model, context)

    def _as_trained(self, model: Model, context: StepContext) -> bytes:
        from compressor import Conversion, to_litert

        wide = self.params.precision == "int16x8"
        content = to_litert(model, Conversion("int16x8" if wide else "int8", self.params.io))
        _tell_wider(content, 8, context)
        _tell_ends(content, self.params.io, context)
        return content

    def _by_converter(self, model: Model, context: StepContext) -> bytes:
        from compressor import Conversion, to_litert

        params = self.params
        request = params.request
        calibrated = request.activations in ("int8", "int16")
        calibration = context.calibration(params.calibration_samples) if calibrated else None
        weights = _CONVERTED[request.weights, request.activations]
        content = to_litert(model, Conversion(weights, params.io, calibration))
        _refuse_unable(content, next(iter(context.calibration(1))))
        if request.activations == "dynamic":
            _tell_small(content, context)
        else:
            _tell_wider(content, 16 if request.weights == "float16" else 8, context)
        _tell_ends(content, params.io, context)
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
        _tell_others(content, operators, context)
        return result

    def _tell_columns(self, model: Model, context: StepContext) -> None:
        """Name the columns of a table that int8 makes next to nothing of, and that the model would have scaled up."""
        layers = [] if isinstance(model, bytes) else model._flatten_layers()
        if not any(type(layer).__name__ == "Normalization" for layer in layers):
            return
        for name, columns in narrow_columns(context.calibration(self.params.calibration_samples)).items():
            which = f"column{'s' if len(columns) > 1 else ''} {listed([str(column) for column in columns])}"
            which += f" of the input '{name}'" if name else " of the input"
            context.note(
                f"{which} got under 8 of the 256 steps that all columns share "
                "in int8; put qat before, which keeps the normalization in float, or take precision int16x8 or dynamic"
            )

    @staticmethod
    def _bias_corrected(
        content: bytes, assignment: Assignment, samples: Sequence[Arrays], context: StepContext
    ) -> bytes:
        from compressor_plugins.ptq.bias_correction import bias_corrected
        from compressor_plugins.ptq.rounded_weights import rounded

        corrected, left = bias_corrected(content, rounded(content, assignment.storages, samples), samples)
        for reason in dict.fromkeys(left.values()):
            context.note(f"{reason}: {listed([layer for layer, why in left.items() if why == reason])}")
        return corrected


def _refuse_unable(content: bytes, sample: Arrays) -> None:
    """Refuse a file that the converter wrote and LiteRT does not run, as an LSTM in 16 bits.

    Raises:
        StepError: LiteRT does not.
    """
    from compressor.models.litert import LiteRTModel

    try:
        LiteRTModel(content).run(sample)
    except ModelError as error:
        raise StepError(
            f"the converter wrote what LiteRT does not run: {error.what}", "take another precision"
        ) from None


def _tell_wider(content: bytes, bits: int, context: StepContext) -> None:
    """Name the weights that the converter kept wider than so many bits."""
    from compressor.models.litert import dissect

    for tensor in dissect(content).kernels:
        if tensor.bits > bits:
            context.leave_alone(tensor.name, f"the converter kept it in {tensor.dtype}")


def _tell_small(content: bytes, context: StepContext) -> None:
    """Name the weights that the converter kept in float for dynamic activations.

    Raises:
        StepError: all of them.
    """
    from compressor.models.litert import dissect

    kernels = dissect(content).kernels
    if kernels and all(tensor.size < _FEWEST for tensor in kernels):
        what = f"for dynamic activations the converter quantizes no weight tensor of fewer than {_FEWEST:,} values"
        raise StepError(f"{what}, and this model has none larger", "take precision int8")
    for tensor in kernels:
        if tensor.bits > 8:
            few = tensor.size < _FEWEST
            reason = f"it has fewer than {_FEWEST:,} values" if few else f"the converter kept it in {tensor.dtype}"
            context.leave_alone(tensor.name, reason)


def _tell_ends(content: bytes, io: IO, context: StepContext) -> None:
    """Name the inputs and outputs that are not what was asked for."""
    from compressor.models.litert import LiteRTModel

    file = LiteRTModel(content)
    for side, ends in (("input", file.inputs), ("output", file.outputs)):
        for end in ends:
            if io != "float32" and end.dtype != io:
                context.note(f"the {side} '{end.name}' stays {end.dtype}: the layer there is not quantized")


def _tell_others(content: bytes, operators: Sequence[WeightedOperator], context: StepContext) -> None:
    """Name the weights of a float file that no operator has which can be quantized."""
    from compressor.models.litert import dissect, read_model

    tensors = read_model(content).subgraphs[0].tensors
    known = {(tensors[operator.tensor].name or b"").decode(errors="replace") for operator in operators}
    for tensor in dissect(content).kernels:
        if tensor.name not in known and tensor.size > 1:
            context.leave_alone(tensor.name, "its operator is none that litert-quantizer gives quantized weights")
