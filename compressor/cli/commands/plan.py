"""`compressor plan`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.standard_output import say_json
from compressor.cli.offers import RECIPE
from compressor.cli.options import json_option, plugin_option, seed_option, set_option, traceback_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan, PlannedStep
    from compressor.run.forecast import Forecast


@click.command("plan", cls=OwnCommand)
@click.argument("recipe", type=RECIPE)
@set_option
@plugin_option
@seed_option
@json_option
@traceback_option
def command(recipe: str, overrides: tuple[str, ...], plugins: tuple[Path, ...], seed: int, as_json: bool) -> None:
    """Show what RECIPE would run: each step, what it does to the model, and where each value comes from."""
    from compressor.base.cache_folder import default_folder
    from compressor.planning.planner import prepare
    from compressor.recipe.search_syntax import OpenRecipeError
    from compressor.run.cache.store import Cache
    from compressor.run.forecast import forecast

    try:
        plan = prepare(recipe, overrides, seed=seed, plugins=plugins, need_files=True)
    except OpenRecipeError:
        _plan_search(recipe, overrides, plugins, as_json)
        return
    forecasts = {step.step_id: step for step in forecast(plan, Cache(default_folder()))}
    if as_json:
        say_json(_as_data(plan, forecasts))
    else:
        _show(plan, forecasts)


def _show(plan: Plan, forecasts: Mapping[str, Forecast]) -> None:
    from compressor.models.files.devices import runtime_text
    from compressor.report.screen import Screen

    screen = Screen()
    about = f" · {plan.model.name} on {plan.data.name} · seed {plan.seed}"
    screen.show((plan.recipe.name, "bold"), about, wrap=False)
    for line in filter(None, plan.recipe.description.split("\n")):
        screen.show(f" {line}", wrap=False)
    if trained := runtime_text(plan.runtime):
        screen.show(f" trains {trained}", wrap=False)
    for code in plan.runs_code:
        screen.show((f" runs code of its own: {code}", "yellow"), wrap=False)
    if plan.baseline is None:
        screen.show()
        screen.show(" ", ("baseline", "bold"), "  the model as it comes")
    for step in plan.stages:
        screen.show()
        screen.show(" ", (step.id, "bold"), f"  {step.uses} from {step.provider}", wrap=False)
        screen.show(f"   {step.before}  ->  {step.after}", wrap=False)
        if step.teacher:
            screen.show(f"   learns from {step.teacher.name}", wrap=False)
        status = forecasts[step.id]
        screen.show(("   cached", "green") if status.cached else f"   to run: {status.reason}", wrap=False)
        params = step.strategy.params.model_dump(by_alias=True, mode="json")
        if params:
            screen.show("   " + "  ".join(f"{key}={json.dumps(value)}" for key, value in params.items()), wrap=False)
    screen.show()
    screen.show(" ", ("values and where they come from", "bold"), wrap=False)
    for route, node in plan.recipe.tree.leaves():
        name = ".".join(str(part) for part in route)
        value = "{}" if node.value == {} else "[]" if node.value == () else json.dumps(node.plain(), ensure_ascii=False)
        screen.show(f"   {name} = {value}   ", (str(node.origin or "default"), "dim"), wrap=False)


def _plan_search(recipe: str, overrides: tuple[str, ...], plugins: tuple[Path, ...], as_json: bool) -> None:
    """Show what a search would try, or raise for the first branch that is wrong."""
    from compressor.planning.open_recipe import planned_space
    from compressor.planning.planner import resolve
    from compressor.report.space_screen import show_space, space_as_data
    from compressor.search.held_steps import HeldSteps

    opened, registry = planned_space(recipe, overrides, plugins)
    cuts = HeldSteps(opened.space, lambda assignment: resolve(opened.drawn(assignment), registry)).cuts
    if as_json:
        held = [{"steps": list(cut.steps), "share": cut.share, "trials": cut.trials} for cut in cuts]
        say_json({**space_as_data(opened), "held": held})
    else:
        show_space(opened, recipe, list(map(str, cuts)))


def _as_data(plan: Plan, forecasts: Mapping[str, Forecast]) -> dict[str, Any]:
    from compressor.models.files.devices import runtime_text

    return {
        "recipe": plan.recipe.tree.plain(),
        "model": plan.model.name,
        "data": plan.data.name,
        "seed": plan.seed,
        "trains": runtime_text(plan.runtime),
        "runs_code": list(plan.runs_code),
        "stages": [_step_as_data(step, forecasts[step.id]) for step in plan.stages],
    }


def _step_as_data(step: PlannedStep, status: Forecast) -> dict[str, Any]:
    return {
        "id": step.id,
        "uses": step.uses,
        "cached": status.cached,
        "why": status.reason,
        "provider": str(step.provider),
        "before": str(step.before),
        "after": str(step.after),
        "teacher": step.teacher.name if step.teacher else None,
        "with": step.strategy.params.model_dump(by_alias=True, mode="json"),
    }
