"""Tells trackers of a run as the engine would, without the run."""

import json
from pathlib import Path

from made_reports import made_report

import compressor
from compressor.planning.asked_trackers import made_trackers, with_trackers
from compressor.planning.registry import Registry
from compressor.report.data_formats import render_json
from compressor.run.plugin_observers import plugin_hooks

RECIPE = {
    "version": 1,
    "name": "made",
    "model": {"source": "mnist_cnn", "train": {"epochs": 5}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "prune", "with": {"final_sparsity": 0.8}}, {"uses": "ptq"}],
}


def tell(tracker: str, folder: Path, ending: str = "") -> tuple[dict, list[str]]:
    """Tell a tracker of a run with three stages: its `report.json`, and the warnings.

    With an ending, which is the text of an error, the run ends with it after the second stage.
    """
    from compressor.planning.recipe_paths import portable
    from compressor.recipe.document import dump

    folder.mkdir(parents=True, exist_ok=True)
    warnings: list[str] = []
    registry = Registry.installed()
    hooks = plugin_hooks(with_trackers(registry, made_trackers(registry, [tracker], folder)), folder, warnings.append)
    plan = compressor.plan(RECIPE, seed=3)
    report = made_report(resolved_recipe=dump(portable(plan.recipe)), seed=3)
    hooks.run_started(plan, {})
    for stage in report.stages[: 2 if ending else 3]:
        hooks.step_finished(stage)
    if ending:
        hooks.run_failed(plan, ending)
    else:
        (folder / "report.json").write_text(render_json(report))
        (folder / "model.tflite").write_bytes(b"a model")
        hooks.run_finished(report)
    return json.loads(render_json(report)), warnings
