"""The checks, one module for each family; they are run in the order in which the modules are imported here."""

from compressor.testing.checks import (  # isort: skip  # the order counts
    declarations,
    parameter_declarations,
    planning_rules,
    kit_model_results,
    step_results,
    process_manners,
    earlier_structure,
    training_rules,
    metric_rules,
    dataset_rules,
    model_source_rules,
)

__all__ = [
    "dataset_rules", "declarations", "earlier_structure", "kit_model_results", "metric_rules", "model_source_rules",
    "parameter_declarations", "planning_rules", "process_manners", "step_results", "training_rules",
]  # fmt: skip
