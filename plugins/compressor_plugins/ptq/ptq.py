"""Post-training quantization, by the LiteRT converter and by litert-quantizer."""

from __future__ import annotations

from importlib.util import find_spec

from compressor import Model, ModelState, Refusal, StepContext
from compressor_plugins.ptq.layer_keeping import KeepsLayersInFloat16
from compressor_plugins.ptq.params import PTQParams

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

    Params = PTQParams

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
        from compressor_plugins.ptq.quantization import quantized_file

        return quantized_file(model, self.params, context)
