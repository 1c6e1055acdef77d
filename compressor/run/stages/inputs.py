"""Loads the data and the model that a run starts from; its errors name who is at fault."""

from __future__ import annotations

from pathlib import Path

from compressor.base.errors import ModelError
from compressor.base.path_or_function import Reference
from compressor.base.plugin_errors import fenced
from compressor.base.process_state import seed_random_numbers
from compressor.contracts.execution_plan import Plan
from compressor.data.data_errors import about
from compressor.data.from_source import dataset_splits, load_splits
from compressor.data.prepared_splits import RunData, run_data
from compressor.models.files.loading import Built, build_model
from compressor.models.files.model_checks import refuse_open_sizes, refuse_unusable
from compressor.run.stages.saved_model import describe_origin


def load_data(plan: Plan, cache: Path) -> RunData:
    """Load the splits of a plan's data; data that can only be read in order is spooled into the cache folder.

    Raises:
        DataError: the data cannot be loaded.
    """
    seed_random_numbers(plan.seed)
    if isinstance(plan.data, Reference):
        splits = load_splits(plan.data, cache)
    else:
        splits = dataset_splits(plan.data, f"the data set '{plan.data.name}' ({plan.origins['data']})", cache)
    with about(plan.data.name):
        return run_data(plan.data.name, splits, plan.recipe.data, plan.seed, plan.smoke)


def build_source(plan: Plan) -> Built:
    """Load or build the model that a plan starts from, which may leave sizes of its inputs open.

    Raises:
        ModelError: the model cannot be loaded or built, or is of a kind that cannot be compressed.
    """
    source = plan.model
    if isinstance(source, Reference):
        built = build_model(source, plan.trust_model, plan.recipe.model.custom_objects)
    else:
        with fenced(f"the model '{source.name}' ({plan.origins['model']})", ModelError):
            built = Built(source.build())
    who = describe_origin(plan, ())
    if isinstance(built.model, bytes):
        refuse_open_sizes(built.model, who)
    else:
        refuse_unusable(built.model, who, sizes_follow=True)
    return built
