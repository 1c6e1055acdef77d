"""`compressor strategies`."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import click

from compressor.base.errors import PluginError
from compressor.cli.options import json_option, traceback_option

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from compressor.base.params import Params
    from compressor.planning.registry import Entry, Kind, Registry

_OTHERS: tuple[tuple[str, Kind], ...] = (("models", "model"), ("data sets", "data set"), ("metrics", "metric"))


@click.command("strategies")
@click.argument("name", required=False)
@json_option
@traceback_option
def command(name: str | None, as_json: bool) -> None:
    """List the installed strategies, or show the parameters of the one called NAME."""
    from rich.console import Console

    from compressor.planning.registry import Registry

    registry = Registry.installed()
    console = Console(highlight=False)
    if name is not None:
        entry = registry.get("strategy", name)
        if entry is None:
            raise PluginError(f"unknown strategy '{name}'", registry.hint("strategy", name).removeprefix("; "))
        if as_json:
            click.echo(json.dumps(_as_data(entry), indent=2))
        else:
            _show_strategy(entry, console)
    elif as_json:
        click.echo(json.dumps([_as_data(entry) for entry in _strategies(registry)], indent=2))
    else:
        _show_all(registry, console)


def _strategies(registry: Registry) -> list[Entry]:
    return [entry for name in registry.names("strategy") for entry in registry.entries["strategy"][name]]


def _show_all(registry: Registry, console: Console) -> None:
    from rich.markup import escape

    table = _table("strategy", "what it does", "from")
    for entry in _strategies(registry):
        table.add_row(*map(escape, (entry.cls.name, entry.summary, str(entry.provider))))
    console.print(table)
    for name, entries in sorted(registry.entries["strategy"].items()):
        if len(entries) > 1:
            clash = f"clash: two plugins bring '{name}'; rename or uninstall one of them"
            console.print(clash, style="red", markup=False, soft_wrap=True)
    for broken in registry.broken:
        console.print(f"broken: {broken}; {broken.remedy}", style="red", markup=False, soft_wrap=True)
    for title, kind in _OTHERS:
        console.print(f"{title}: {', '.join(registry.names(kind))}", markup=False, soft_wrap=True)


def _show_strategy(entry: Entry, console: Console) -> None:
    from rich.markup import escape

    console.print(f"[bold]{escape(entry.cls.name)}[/] from {escape(str(entry.provider))}", soft_wrap=True)
    console.print(f"\n{inspect.getdoc(entry.cls) or ''}\n", markup=False, soft_wrap=True)
    table = _table("parameter", "type", "default", "meaning")
    for parameter in parameters(entry.cls.Params):
        table.add_row(*(escape(parameter[key]) for key in ("name", "type", "default", "meaning")))
    console.print(table)


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # so that a long default is not cut
    return table


def parameters(params: type[Params]) -> list[dict[str, str]]:
    """Name, type with bounds, default and meaning of each parameter."""
    from compressor.planning.json_schema import params_schema

    schema = params_schema(params)
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
    if options := field.get("anyOf") or field.get("oneOf"):
        return " or ".join(_type(option, definitions) for option in options)
    if "$ref" in field:
        keys = ", ".join(definitions[field["$ref"].rpartition("/")[2]].get("properties", {}))
        return f"{{{keys}}}"
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'], definitions)}" if "items" in field else "list"
    if isinstance(values := field.get("additionalProperties"), dict):
        return f"mapping to {_type(values, definitions)}"
    bounds = [
        f"{sign} {field[key]:g}"
        for key, sign in (
            ("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="),
        )
        if key in field
    ]  # fmt: skip
    return " ".join([str(field.get("type", "value")), ", ".join(bounds)]).strip()


def _as_data(entry: Entry) -> dict[str, Any]:
    from compressor.planning.json_schema import params_schema

    return {
        "name": entry.cls.name,
        "summary": entry.summary,
        "distribution": entry.provider.distribution,
        "version": entry.provider.version,
        "parameters": params_schema(entry.cls.Params),
    }
