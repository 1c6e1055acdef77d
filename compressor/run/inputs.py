"""What a run starts from: its data and its model, loaded, or refused in words that name who is at fault."""

from __future__ import annotations

from pathlib import Path

from compressor.base.errors import ModelError
from compressor.base.plugin_errors import fenced
from compressor.contracts.execution_plan import Plan
from compressor.contracts.strategy import Model
from compressor.data.from_source import dataset_splits, load_splits
from compressor.data.run_data import RunData, run_data
from compressor.data.split_names import about
from compressor.models.files.ends import input_names
from compressor.models.files.loading import Built, Reference, build_model

_ELSE = "or export it as .tflite and start from that"


def load_data(plan: Plan, cache: Path) -> RunData:
    """The splits that a plan's run works with; what can only be read in order is spooled into the cache's folder.

    Raises:
        DataError: they cannot be had.
    """
    if isinstance(plan.data, Reference):
        splits = load_splits(plan.data, cache)
    else:
        splits = dataset_splits(plan.data, f"the data set '{plan.data.name}' ({plan.origins['data']})", cache)
    with about(plan.data.name):
        return run_data(plan.data.name, splits, plan.recipe.data, plan.seed, plan.smoke)


def build_source(plan: Plan) -> Built:
    """The model that a plan's run starts from.

    Raises:
        ModelError: it cannot be had, or is of a kind that cannot be compressed.
    """
    source = plan.model
    if isinstance(source, Reference):
        built = build_model(source, plan.trust_model, plan.recipe.model.custom_objects)
    else:
        with fenced(f"the model '{source.name}' ({plan.origins['model']})", ModelError):
            built = Built(source.build())
    if not isinstance(built.model, bytes):
        origin = plan.origins.get("model")
        refuse_unusable(built.model, f"the model '{source.name}'{f' ({origin})' if origin else ''}")
    return built


def refuse_unusable(model: Model, who: str) -> None:
    """Refuse what is no tf_keras model, or one that steps cannot work on and files cannot hold.

    Raises:
        ModelError: it is one of these; the message begins with `who`.
    """
    import tf_keras

    if not isinstance(model, tf_keras.Model):
        if any(base.__module__.startswith("keras.") for base in type(model).__mro__):
            remedy = "build it with tf_keras, which is Keras 2, or save it and give the file, which is brought over"
            raise ModelError(f"{who} is a Keras 3 model", remedy)
        raise ModelError(f"{who} is no model but {type(model).__name__}", "give a tf_keras model")
    if not model.built:
        remedy = "build it, as with model.build((None, 28, 28)) or an Input layer"
        raise ModelError(f"{who} has no weights yet, since it does not know its input's shape", remedy)
    if not getattr(model, "_is_graph_network", False):
        what = f"{who} is a subclass of tf_keras.Model, whose layers cannot be seen from outside"
        remedy = "make it a functional one, which shares its layers and weights, with "
        raise ModelError(what, f"{remedy}`x = tf_keras.Input(shape); tf_keras.Model(x, model.call(x))`, {_ELSE}")
    for name, tensor in zip(input_names(model), model.inputs, strict=True):
        if any(size is None for size in tensor.shape[1:]):
            sizes = ", ".join("any" if size is None else str(size) for size in tensor.shape[1:])
            what = f"{who} leaves a size of its input '{name}' open ({sizes}), and a file needs it"
            raise ModelError(what, "build it with a fixed size, such as Input((128,)), load its weights, and save that")
