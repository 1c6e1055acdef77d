"""`compressor strategies`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from compressor.cli.options import json_option
from compressor.errors import PluginError

if TYPE_CHECKING:
    from rich.console import Console

    from compressor.registry import Registry


@click.command("strategies", short_help="List the strategies.")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the installed strategies, or show the parameters of the one called NAME."""
    from rich.console import Console

    from compressor.registry import Registry

    registry = Registry.installed()
    console = Console(highlight=False)
    if name is not None:
        _show_one(registry, name, as_json, console)
    elif as_json:
        click.echo(json.dumps([_as_data(registry, known) for known in registry.names("strategy")], indent=2))
    else:
        _show_all(registry, console)


def _show_all(registry: Registry, console: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("strategy", "what it does", "from"):
        table.add_column(heading)
    for name in registry.names("strategy"):
        for entry in registry.entries["strategy"][name]:
            table.add_row(escape(name), escape(entry.summary), escape(str(entry.provider)))
    console.print(table)
    for name in registry.names("strategy"):
        if len(registry.entries["strategy"][name]) > 1:
            console.print(f"[red]two plugins bring '{escape(name)}'; uninstall one of them[/]")
    for broken in registry.broken:
        console.print(
            f"[red]broken: {escape(broken.plugin)} ({escape(str(broken.provider))}): {escape(broken.reason)}[/]"
        )
    for title, kind in (("models", "model"), ("data sets", "data set"), ("metrics", "metric")):
        console.print(f"{title}: {', '.join(registry.names(kind))}", markup=False)  # type: ignore[arg-type]


def _show_one(registry: Registry, name: str, as_json: bool, console: Console) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from compressor.recipe.problems import did_you_mean

    entry = registry.get("strategy", name)
    if entry is None:
        hint = did_you_mean(name, registry.names("strategy")).removeprefix("; ")
        raise PluginError(f"there is no strategy '{name}'", hint)
    if as_json:
        click.echo(json.dumps(_as_data(registry, name), indent=2))
        return
    console.print(f"[bold]{escape(name)}[/] from {escape(str(entry.provider))}\n")
    import inspect

    console.print(inspect.getdoc(entry.cls) or "", markup=False)
    console.print()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in ("parameter", "type", "default", "meaning"):
        table.add_column(heading)
    for parameter in parameters(entry.cls.Params):
        table.add_row(*(escape(parameter[key]) for key in ("name", "type", "default", "meaning")))
    console.print(table)


def parameters(params: type[Any]) -> list[dict[str, str]]:
    """Name, type with bounds, default and meaning of each parameter."""
    schema = params.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "type": _type(field, definitions),
            "default": json.dumps(field["default"]) if "default" in field else "required",
            "meaning": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(option, definitions) for option in field["anyOf"])
    if "$ref" in field:
        keys = ", ".join(definitions[field["$ref"].rpartition("/")[2]].get("properties", {}))
        return f"{{{keys}}}"
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'], definitions)}" if "items" in field else "list"
    bounds = [
        f"{sign} {field[key]:g}"
        for key, sign in (
            ("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="),
        )
        if key in field
    ]  # fmt: skip
    return " ".join([str(field.get("type", "value")), ", ".join(bounds)]).strip()


def _as_data(registry: Registry, name: str) -> dict[str, Any]:
    entry = registry.entries["strategy"][name][0]
    return {
        "name": name,
        "summary": entry.summary,
        "distribution": entry.provider.distribution,
        "version": entry.provider.version,
        "parameters": entry.cls.Params.model_json_schema(by_alias=True),
    }
