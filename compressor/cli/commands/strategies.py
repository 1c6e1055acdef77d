"""`compressor strategies`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.errors import PluginError
from compressor.base.standard_output import say_json, tell
from compressor.cli.offers import STRATEGY
from compressor.cli.options import json_option, plugin_option, traceback_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from compressor.base.params import Params
    from compressor.planning.plugin_checks import Kind
    from compressor.planning.registry import Entry, Registry
    from compressor.report.screen import Screen

_OTHERS: tuple[tuple[str, Kind], ...] = (
    ("models", "model"), ("data sets", "data set"), ("metrics", "metric"), ("trackers", "tracker"),
)  # fmt: skip


@click.command("strategies", cls=OwnCommand)
@click.argument("name", type=STRATEGY, required=False)
@plugin_option
@json_option
@traceback_option
def command(name: str | None, plugins: tuple[Path, ...], as_json: bool) -> None:
    """List the installed strategies, or show the parameters of the one called NAME."""
    from compressor.cli.command_registry import registry_with
    from compressor.report.screen import Screen

    registry = registry_with(plugins)
    if name is not None:
        entry = registry.get("strategy", name)
        if entry is None:
            raise PluginError(f"unknown strategy '{name}'", registry.hint("strategy", name).removeprefix("; "))
        if as_json:
            say_json(_as_data(entry))
        else:
            _show_strategy(entry, Screen())
    elif as_json:
        say_json([_as_data(entry) for entry in _strategies(registry)])
        for line, _ in _troubles(registry):
            tell(line)
    else:
        _show_all(registry, Screen())


def _strategies(registry: Registry) -> list[Entry]:
    return [entry for name in registry.names("strategy") for entry in registry.entries["strategy"][name]]


def _show_all(registry: Registry, screen: Screen) -> None:
    rows = [[entry.cls.name, entry.summary, str(entry.provider)] for entry in _strategies(registry)]
    screen.print(screen.table([("strategy", "left"), ("what it does", "left"), ("from", "left")], rows))
    for line, style in _troubles(registry):
        screen.message(line, style)
    for title, kind in _OTHERS:
        screen.show(f"{title}: {', '.join(registry.names(kind))}", wrap=False)


def _troubles(registry: Registry) -> Iterator[tuple[str, str]]:
    """What is to be said of plugins, each with its style."""
    for what, remedy in registry.clashes():
        yield f"clash: {what}; {remedy}", "yellow"
    for broken in registry.broken:
        yield f"broken: {broken}; {broken.remedy}", "red"
    for outdated in registry.outdated:
        yield f"outdated: {outdated}", "yellow"
    for slow in registry.slow:
        yield f"slow: {slow}; {slow.remedy}", "yellow"


def _show_strategy(entry: Entry, screen: Screen) -> None:
    screen.show((entry.cls.name, "bold"), f" from {entry.provider}", wrap=False)
    screen.show()
    screen.show_lines(inspect.getdoc(entry.cls) or "")
    screen.show()
    keys = ("name", "type", "default", "meaning")
    rows = [[parameter[key] for key in keys] for parameter in parameters(entry.cls.Params)]
    screen.print(screen.table([("parameter", "left"), *((key, "left") for key in keys[1:])], rows))


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
