"""`compressor convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compressor.base.errors import ModelError, OutputError, StepError
from compressor.base.standard_output import say
from compressor.cli.options import debug_option, shape_option, trust_option
from compressor.cli.outputs import refuse_output, written
from compressor.cli.own_command import OwnCommand

_OUTPUTS = (".h5", ".keras", ".tflite")


@click.command("convert", cls=OwnCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace OUTPUT if it exists.")
@shape_option
@trust_option
@debug_option
def command(model: Path, output: Path, force: bool, input_shape: Any, trust_model: bool, debug: bool) -> None:
    """Convert a Keras MODEL to the format of OUTPUT's suffix, and check that both compute the same.

    \b
    .h5      Keras 2, from Keras 3
    .keras   Keras 3, from Keras 2
    .tflite  LiteRT with float weights, from either
    """
    from compressor.cli.native_output import native_output_dropped

    _refuse(model, output, force)
    if input_shape is not None and output.suffix != ".tflite":
        raise ModelError(f"{output} keeps sizes open that {model} leaves open", "leave out --input-shape")
    with native_output_dropped(debug):
        summary = _convert(model, output, trust_model, input_shape)
    say(f"{output}: {summary}")


def _refuse(model: Path, output: Path, force: bool) -> None:
    from compressor.models.files.loading import refuse_foreign
    from compressor.models.files.missing_file import refuse_missing

    refuse_foreign(model)
    refuse_missing(model)
    if model.suffix == ".tflite":
        raise ModelError(f"{model} is a LiteRT file already", "give the Keras model that it was made from")
    if output.suffix not in _OUTPUTS:
        raise OutputError(f"{output} has no suffix that can be written", f"use one of {', '.join(_OUTPUTS)}")
    refuse_output(output, force)


def _convert(model: Path, output: Path, trusted: bool, shape: Any) -> str:
    """Write the output, and return a line that says what was done."""
    from compressor.models.declared_sizes import refuse_huge_outputs, weights_within
    from compressor.models.files.keras_files import load_keras, save_keras
    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.models.files.untrusted import refuse_harmful_keras
    from compressor.models.keras3 import bridge, is_keras3, to_keras3

    refuse_harmful_keras(model, trusted)
    version = "Keras 3" if is_keras3(model) else "Keras 2"
    if (version, output.suffix) in (("Keras 3", ".keras"), ("Keras 2", ".h5")):
        other = ".h5" if output.suffix == ".keras" else ".keras"
        what = f"{model} is a {version} model already, and {output.suffix} would be the same"
        raise OutputError(what, f"end OUTPUT in {other} or .tflite")
    prepare_tensorflow(seed=0)
    if version == "Keras 3":
        with weights_within(model):
            bridged = bridge(model)
        loaded, checked = bridged.model, f"outputs within {bridged.difference:.1e} of Keras 3's"
        if output.suffix == ".h5":
            with written(output) as temporary:
                save_keras(loaded, temporary)
            return f"a Keras 2 model from Keras 3, {checked}"
        return f"{_write_litert(loaded, output, str(model), shape, trusted)} from Keras 3, its {checked}"
    with weights_within(model):
        loaded = load_keras(model, trusted=trusted)
    refuse_huge_outputs(loaded, str(model))
    if output.suffix == ".keras":
        return f"a Keras 3 model from Keras 2, outputs within {to_keras3(loaded, output):.1e}"
    return f"{_write_litert(loaded, output, str(model), shape, trusted)} from Keras 2"


def _write_litert(model: Any, output: Path, subject: str, shape: Any, trusted: bool) -> str:
    """Write a LiteRT file with float weights, and return what it is and how far it is from the Keras model."""
    import numpy as np

    from compressor.measure.float_file import refuse_other_outputs
    from compressor.models.files.as_litert import with_sizes
    from compressor.models.files.model_checks import refuse_unusable
    from compressor.models.keras3.random_inputs import random_inputs
    from compressor.models.keras3.verify import difference, outputs_of
    from compressor.models.litert.conversion.converter import to_litert
    from compressor.models.litert.conversion.endpoint_names import input_names
    from compressor.models.litert.running.interpreter import LiteRTModel

    refuse_unusable(model, subject, sizes_follow=True)
    model = with_sizes(model, subject, trusted, shape)
    try:
        content = to_litert(model)
    except StepError as error:
        raise ModelError(error.what, "pass --debug to see what the converter says") from error
    inputs = random_inputs(model)
    try:
        refuse_other_outputs(content, model, dict(zip(input_names(model), inputs.values(), strict=True)), subject)
    except StepError as error:
        raise ModelError(error.what, error.remedy) from error
    with written(output) as temporary:
        temporary.write_bytes(content)
    made = f"a LiteRT model of {len(content):,} bytes"
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return made
    (samples,), (expected,) = inputs.values(), outputs_of(model, inputs)
    file = LiteRTModel(content)
    actual = np.concatenate([np.asarray(file.run(sample[None])) for sample in samples])  # some files take one a call
    return f"{made}, outputs within {difference(expected, actual):.1e} of the Keras model's,"
