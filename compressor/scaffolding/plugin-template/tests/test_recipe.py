"""The recipe is valid, and its steps do what they promise."""

from pathlib import Path

import compressor

RECIPE = Path(__file__).parents[1] / "recipe.yaml"


def test_the_steps_are_planned_in_this_order() -> None:
    plan = compressor.plan(RECIPE)
    assert [(step.uses, str(step.after)) for step in plan.steps] == [
        ("my_plugin_trim", "keras, sparse"),
        ("my_plugin_clip", "keras, sparse"),
        ("ptq", "litert, quantized, sparse"),
    ]


def test_half_of_the_weights_are_zero_in_every_file(tmp_path: Path) -> None:
    report, _ = compressor.apply(RECIPE, smoke=True, output=tmp_path / "run", cache=tmp_path / "cache")
    stages = {stage.id: stage for stage in report.stages}
    assert stages["baseline"].sparsity < 0.01
    assert stages["my_plugin_trim"].sparsity > 0.49
    assert stages["my_plugin_clip"].sparsity > 0.49
    assert stages["ptq"].sparsity > 0.49
