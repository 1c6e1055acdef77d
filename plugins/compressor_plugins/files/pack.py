"""Puts the `.tflite` file into an entropy-coded package."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy


class Pack(Strategy):
    """Compress the LiteRT file into an entropy-coded package that ships in its place and is unpacked before it runs.

    The last stage of Deep Compression (Han et al. 2016, arXiv 1510.00149) entropy-codes pruned and clustered weights.
    Here the whole runnable file is coded, and `compressor unpack` restores it bit for bit.
    """

    name = "pack"

    class Params(compressor.Params):
        """Which coder to use."""

        coder: Literal["best", "device", "model", "mixed", "brotli", "zstd", "xz", "gzip"] = Field(
            "best",
            description="`best` tries all, or zstd, xz and model for 16 MiB and more, and keeps the smallest result; "
            "`model` knows the file format, but takes only files that `slim` wrote, and few weights in floats; `mixed` "
            "takes any file, and is decoded by microcontrollers in 8 to 32 kB of memory; `xz` is raw LZMA1; `device` "
            "tries mixed, xz and gzip, which the decoder in C for microcontrollers reads",
        )

    def plan(self, state: ModelState) -> ModelState:
        """Takes a LiteRT file and makes a package, which no other step takes."""
        return state.require(format="litert").to("package")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the package."""
        from compressor.models.packing import LARGE, coder_of, is_slim, pack, slow_because

        if self.params.coder in ("best", "device", "model", "mixed") and (slow := slow_because()):
            context.note("; ".join(slow))
        package = pack(model, self.params.coder)
        context.note(f"packed by {coder_of(package)}; {len(model):,} bytes unpacked")
        if self.params.coder == "best" and not is_slim(model):
            context.note(
                "the coder 'model', which makes the smallest packages, was not tried, since it takes only files that "
                "'slim' wrote; put 'uses: slim' before this step"
            )
        if len(model) >= LARGE and self.params.coder != "model":
            tried = (
                "brotli and gzip were not tried, and zstd and xz took"
                if self.params.coder == "best"
                else "the coder took"
            )
            context.note(f"the file has 16 MiB or more: {tried} faster settings")
        return package
