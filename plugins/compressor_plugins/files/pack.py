"""The `.tflite` file in an entropy-coded package."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy


class Pack(Strategy):
    """Put the LiteRT file into an entropy-coded package, which ships instead and is unpacked before it runs.

    As the last stage of Deep Compression (Han et al. 2016, arXiv 1510.00149), which codes pruned and clustered weights
    by their entropy; here the whole runnable file is coded, and `compressor unpack` gives it back bit by bit.
    """

    name = "pack"

    class Params(compressor.Params):
        """How to code."""

        coder: Literal["best", "model", "brotli", "zstd", "xz", "gzip"] = Field(
            "best",
            description="best tries all and takes what is smallest; model knows the format and takes only small or "
            "sparse files that 'slim' wrote; xz is raw LZMA1",
        )

    def plan(self, state: ModelState) -> ModelState:
        """Takes a LiteRT file and leaves a package, after which nothing but measuring comes."""
        return state.require(format="litert").to("package")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the package."""
        from compressor.models.packing import coder_of, pack

        package = pack(model, self.params.coder)
        context.note(f"packed by {coder_of(package)}; {len(model):,} bytes unpacked")
        return package
