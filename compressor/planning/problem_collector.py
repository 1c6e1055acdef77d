"""Collects what is wrong with a recipe and with the plugins that it uses, so that all of it is told at once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from compressor.base.errors import CompressorError, PluginError, StepError
from compressor.recipe.problems import Problem, RecipeError, refuse_errors
from compressor.recipe.tree import Node


@dataclass(kw_only=True)
class ProblemCollector:
    """Problems of a recipe, and errors of plugins, which are no mistakes in the recipe."""

    problems: list[Problem] = field(default_factory=list)
    faults: list[CompressorError] = field(default_factory=list)

    def report(self, message: str, node: Node | None) -> None:
        """Add a problem at a place in the recipe."""
        self.problems.append(Problem(message, node.origin if node else None))

    def blame(self, fault: CompressorError, node: Node | None) -> None:
        """Add the error of a plugin that the recipe names at this place."""
        self.faults.append(fault)
        self.report(str(fault), node)

    def collecting(self, node: Node | None) -> AbstractContextManager[None, bool]:
        """Add the problems that the block raises; an error of a plugin is one at this place."""
        return _Collecting(self, node)

    def refuse_errors(self, strict: bool = False) -> tuple[Problem, ...]:
        """The problems in the order of the text, if there is no error among them.

        Args:
            strict: whether warnings are errors.

        Raises:
            RecipeError: with all of them, if the recipe has mistakes.
            PluginError: a plugin is at fault, and nothing else is wrong.
            StepError: a strategy's `plan` is at fault, and nothing else is wrong.
        """
        errors = {problem for problem in self.problems if problem.severity == "error"}
        if self.faults and errors == {problem for problem in errors if problem.message in map(_text, self.faults)}:
            raise self.faults[0]
        return refuse_errors(self.problems, strict)


@dataclass(frozen=True)
class _Collecting(AbstractContextManager[None, bool]):
    """The block ends at the first problem, and what follows it goes on."""

    collector: ProblemCollector
    node: Node | None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, RecipeError):
            self.collector.problems += error.problems
        elif isinstance(error, PluginError | StepError):
            self.collector.blame(error, self.node)
        else:
            return False
        return True


def _text(fault: CompressorError) -> str:
    return Problem(str(fault)).message
