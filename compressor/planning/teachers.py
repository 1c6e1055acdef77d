"""Finds the recipe that makes each teacher, and refuses what cannot teach before anything runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.base.path_or_function import Reference, is_there, path_in, real_path
from compressor.contracts.execution_plan import BASELINE
from compressor.planning.source_text import reference
from compressor.recipe import shipped
from compressor.recipe.load import load, validated
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.sections import Recipe
from compressor.recipe.training_params import Teacher
from compressor.recipe.tree import Node, Route, folder_of, from_data, mapping

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan

_RECIPE = "recipe:"
_SUFFIXES = (".yaml", ".yml")


def without_baseline(training: Node) -> Node:
    """The `training` section for the baseline itself, without `teacher: baseline`."""
    teacher = training.child("teacher")
    source = teacher and (teacher.child("source") or teacher)
    if source is None or source.value != BASELINE or not isinstance(training.value, dict):
        return training
    return mapping({key: node for key, node in training.value.items() if key != "teacher"}, like=training)


def teacher_routes(tree: Node) -> list[Route]:
    """The routes to the sources of all teachers in a recipe."""
    steps = tree.child("steps")
    count = len(steps.value) if steps and isinstance(steps.value, tuple) else 0
    sections: list[Route] = [("training",), ("model", "train"), *(("steps", index, "with") for index in range(count))]
    routes: list[Route] = []
    for section in sections:
        teacher = tree.find((*section, "teacher"))
        if teacher is not None and isinstance(teacher.value, str):
            routes.append((*section, "teacher"))
        elif teacher is not None and teacher.child("source"):
            routes.append((*section, "teacher", "source"))
    return routes


def recipe_file(source: str, place: Node | None) -> Path | None:
    """The recipe file that a teacher's source names, whether or not it exists; None if the source is not a recipe.

    A relative path starts from the folder of the recipe that names the teacher.
    """
    if not (source.startswith(_RECIPE) or source.endswith(_SUFFIXES)):
        return None
    name = source.removeprefix(_RECIPE)
    folder = folder_of(place)
    return shipped.find(name, folder) or path_in(folder, name)


def read_recipe(path: Path, place: Node | None, chain: tuple[Path, ...]) -> Recipe:
    """Read the recipe of a teacher.

    Args:
        path: its file.
        place: where the teacher is named, for errors.
        chain: the recipes that it is to teach, outermost first.

    Raises:
        RecipeError: the file does not exist, the recipe is invalid, or it is among those that it is to teach.
    """
    if not is_there(path):
        message = f"there is no recipe {path} to make the teacher{shipped.hint(path.name)}"
        raise _refusal(message, place)
    if real_path(path) in chain:
        circle = " -> ".join(recipe.name for recipe in (*chain, path))
        raise _refusal(f"the recipe would be its own teacher ({circle}); name another one", place)
    return load(path)


def recipe_around(teacher: Teacher, place: Node | None, student: Recipe) -> Recipe:
    """Wrap a trained model in a recipe, with the student's data and custom objects.

    Raises:
        RecipeError: the model does not exist, or cannot teach.
    """
    source = reference(teacher.source, folder_of(place), {})
    if source is not None and source.kind == "path":
        _refuse_file(source, place)
    if source is None and teacher.source in shipped.names():
        message = f"'{teacher.source}' is a recipe, not a trained model; write '{_RECIPE}{teacher.source}'"
        raise _refusal(message, place)
    custom_objects = student.tree.find(("model", "custom_objects"))
    model = {
        "source": Node(teacher.source, place.origin if place else None),
        "with": from_data(teacher.with_),
        **({"custom_objects": custom_objects} if custom_objects else {}),
    }
    sections = {"version": Node(1), "model": mapping(model), "data": student.tree.find(("data",)) or from_data({})}
    return validated(mapping(sections), "teacher")


def own_chain(recipe: Recipe) -> tuple[Path, ...]:
    """The start of a chain of teachers: the recipe's own file, if it has one."""
    origin = recipe.tree.origin
    return (real_path(Path(origin.source.name)),) if origin else ()


def teaching_part(plan: Plan, place: Node | None) -> Plan:
    """The plan up to its last Keras model.

    Raises:
        RecipeError: it makes no Keras model.
    """
    if plan.start.format != "keras":
        message = f"the recipe '{plan.recipe.name}' makes no Keras model, and a teacher must be one; name another"
        raise _refusal(message, place)
    steps = [step for step in plan.steps if step.after.format == "keras"]  # no step leads back from LiteRT
    return replace(plan, steps=tuple(steps))


def _refuse_file(model: Reference, place: Node | None) -> None:
    if not is_there(Path(model.target)):
        raise _refusal(f"there is no model at {model.target} to be the teacher; check the path", place)
    if model.format != "keras":
        message = f"{model.name} is not a Keras model, and a teacher must be one; name the file that it was made from"
        raise _refusal(message, place)


def _refusal(message: str, place: Node | None) -> RecipeError:
    return RecipeError([Problem(message, place.origin if place else None)])
