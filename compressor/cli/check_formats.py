"""The forms in which `validate` prints what it found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from compressor.base.event_log import log
from compressor.base.outgoing import github_annotation
from compressor.base.standard_output import say, say_command, say_json, say_xml
from compressor.recipe.problems import Problem, Severity

Checked: TypeAlias = Mapping[str, tuple[Problem, ...]]
"""The problems of each recipe, by its name on the command line."""

_GITHUB: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "not checked": "notice"}
_GITLAB: Final[Mapping[Severity, str]] = {"error": "major", "warning": "minor", "not checked": "info"}
_SARIF: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "not checked": "note"}
_RULES: Final[Mapping[Severity, tuple[str, str]]] = {
    "error": ("invalid-recipe", "The recipe cannot run."),
    "warning": ("doubtful-recipe", "The recipe may be unable to run here."),
    "not checked": ("not-checked", "Something in the recipe could not be checked without running code."),
}


def print_checked(checked: Checked, form: str) -> None:
    """Print what was found in one of the `FORMS`."""
    FORMS[form](checked)


def log_checked(checked: Checked) -> None:
    """Log each problem, where the log is JSON."""
    for recipe, problem in _pairs(checked):
        origin = problem.origin
        place = {"line": origin.line, "column": origin.column} if origin else {}
        event = "note" if problem.severity == "not checked" else problem.severity
        log(event, message=problem.message, file=_file(recipe, problem), **place)


def _print_text(checked: Checked) -> None:
    for problems in checked.values():
        for problem in problems:
            for line in problem.render().split("\n"):
                say(line)


def _print_github(checked: Checked) -> None:
    for recipe, problem in _pairs(checked):
        origin = problem.origin
        place = {"line": origin.line, "col": origin.column} if origin else {}
        say_command(
            github_annotation(problem.message, {"file": _file(recipe, problem), **place}, _GITHUB[problem.severity])
        )


def _print_json(checked: Checked) -> None:
    say_json({recipe: [_as_data(problem) for problem in problems] for recipe, problems in checked.items()})


def _print_gitlab(checked: Checked) -> None:
    say_json([_as_code_quality(recipe, problem) for recipe, problem in _pairs(checked)])


def _print_junit(checked: Checked) -> None:
    invalid = sum(map(is_invalid, checked.values()))
    suites = ElementTree.Element("testsuites", tests=str(len(checked)), failures=str(invalid), errors="0")
    suite = ElementTree.SubElement(
        suites, "testsuite", name="compressor validate", tests=str(len(checked)), failures=str(invalid), errors="0"
    )
    for recipe, problems in checked.items():
        case = ElementTree.SubElement(suite, "testcase", classname="recipes", name=recipe, file=recipe)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            failure = ElementTree.SubElement(case, "failure", message=errors[0].message, type="invalid-recipe")
            failure.text = "\n".join(problem.render() for problem in errors)
        if others := [problem.render() for problem in problems if problem.severity != "error"]:
            ElementTree.SubElement(case, "system-out").text = "\n".join(others)
    say_xml(suites)


def _print_sarif(checked: Checked) -> None:
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.values()]
    driver = {"name": "compressor", "version": version("compressor"), "rules": rules}
    results = [_as_result(recipe, problem) for recipe, problem in _pairs(checked)]
    say_json(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
        }
    )


FORMS: Final[Mapping[str, Callable[[Checked], None]]] = {
    "text": _print_text,
    "json": _print_json,
    "github": _print_github,
    "gitlab": _print_gitlab,
    "junit": _print_junit,
    "sarif": _print_sarif,
}


def _pairs(checked: Checked) -> list[tuple[str, Problem]]:
    return [(recipe, problem) for recipe, problems in checked.items() for problem in problems]


def is_invalid(problems: Sequence[Problem]) -> bool:
    """Whether one of the problems is an error."""
    return any(problem.severity == "error" for problem in problems)


def _file(recipe: str, problem: Problem) -> str:
    return problem.origin.source.name if problem.origin else recipe


def _relative(name: str) -> str:
    """A path as reports of a repository want it: from the working directory on, with slashes."""
    path = os.path.normpath(name)
    if os.path.isabs(path):  # noqa: PTH117
        inside = os.path.relpath(path)
        path = path if inside.startswith(os.pardir) else inside
    return path.replace(os.sep, "/")


def _as_data(problem: Problem) -> dict[str, object]:
    origin = problem.origin
    place = {"file": origin.source.name, "line": origin.line, "column": origin.column} if origin else {}
    return {"severity": problem.severity, "message": problem.message, **place}


def _as_code_quality(recipe: str, problem: Problem) -> dict[str, Any]:
    path = _relative(_file(recipe, problem))
    line = problem.origin.line if problem.origin else 1
    column = problem.origin.column if problem.origin else 1
    identity = f"{recipe}\0{path}\0{line}\0{column}\0{problem.message}"
    return {
        "description": problem.message,
        "check_name": _RULES[problem.severity][0],
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": _GITLAB[problem.severity],
        "location": {"path": path, "lines": {"begin": line}},
    }


def _as_result(recipe: str, problem: Problem) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(_relative(_file(recipe, problem)))}}
    if origin := problem.origin:
        end = origin.column + origin.width
        place["region"] = {"startLine": origin.line, "startColumn": origin.column, "endColumn": end}
    return {
        "ruleId": _RULES[problem.severity][0],
        "level": _SARIF[problem.severity],
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": place}],
    }
