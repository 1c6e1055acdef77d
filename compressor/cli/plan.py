"""`compressor plan`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from compressor.cli.options import json_option, seed_option, set_option, traceback_option

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan, PlannedStep
    from compressor.run.forecast import Forecast


@click.command("plan")
@click.argument("recipe")
@set_option
@seed_option
@json_option
@traceback_option
def command(recipe: str, overrides: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Show what RECIPE would run: each step, what it does to the model, and where each value comes from."""
    from compressor.base.cache_folder import default_folder
    from compressor.planning.planner import prepare
    from compressor.run.cache.store import Cache
    from compressor.run.forecast import forecast

    plan = prepare(recipe, overrides, seed=seed)
    forecasts = {step.step_id: step for step in forecast(plan, Cache(default_folder()))}
    if as_json:
        click.echo(json.dumps(_as_data(plan, forecasts), indent=2))
    else:
        _show(plan, forecasts)


def _show(plan: Plan, forecasts: Mapping[str, Forecast]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    what = escape(f"{plan.model.name} on {plan.data.name} · seed {plan.seed}")
    console.print(f"[bold]{escape(plan.recipe.name)}[/] · {what}")
    if plan.recipe.description:
        console.print(f" {escape(plan.recipe.description)}")
    for code in plan.runs_code:
        console.print(f" [yellow]runs code of its own: {escape(code)}[/]")
    if plan.baseline is None:
        console.print("\n [bold]baseline[/]  the model as it comes")
    for step in plan.stages:
        console.print(f"\n [bold]{escape(step.id)}[/]  {escape(step.uses)} from {escape(str(step.provider))}")
        console.print(f"   {step.before}  ->  {step.after}")
        if step.teacher:
            console.print(f"   learns from {escape(step.teacher.name)}")
        status = forecasts[step.id]
        console.print("   [green]cached[/]" if status.cached else f"   to run: {escape(status.reason)}")
        params = step.strategy.params.model_dump(by_alias=True, mode="json")
        console.print("   " + escape("  ".join(f"{key}={json.dumps(value)}" for key, value in params.items())))
    console.print("\n [bold]values and where they come from[/]")
    for route, node in plan.recipe.tree.leaves():
        name = ".".join(str(part) for part in route)
        value = "{}" if node.value == {} else "[]" if node.value == () else json.dumps(node.plain(), ensure_ascii=False)
        console.print(f"   {escape(name)} = {escape(value)}   [dim]{escape(str(node.origin or 'default'))}[/]")


def _as_data(plan: Plan, forecasts: Mapping[str, Forecast]) -> dict[str, Any]:
    return {
        "recipe": plan.recipe.tree.plain(),
        "model": plan.model.name,
        "data": plan.data.name,
        "seed": plan.seed,
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
