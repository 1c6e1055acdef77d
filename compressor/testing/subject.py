"""The class that is checked, and what several checks ask of it; each answer is found once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic.fields import FieldInfo

from compressor.base.errors import CompressorError, PluginError
from compressor.base.params import Params
from compressor.base.plugin_errors import fenced
from compressor.contracts.execution_plan import IN_MEMORY, Provider
from compressor.planning.plugin_checks import Kind, refuse_malformed
from compressor.planning.plugin_instances import instance_of
from compressor.planning.registry import Entry
from compressor.recipe.problems import RecipeError
from compressor.recipe.tree import from_data
from compressor.testing.check_record import NotRun
from compressor.testing.fresh_process import Seen, seen_by_a_fresh_process

Found = TypeVar("Found")

UNDER_TEST = "under-test"  # what stands for the plugin's distribution
CONTRACT = "meets_the_contract"  # the check without which no other is run


class Subject:
    """A class under test, with the parameters that it is checked with. Use it in a `with` block."""

    def __init__(self, kind: Kind, cls: type[Any], values: Mapping[str, Any]) -> None:
        """Take a class.

        Args:
            kind: of plugin.
            cls: the class.
            values: its parameters, as in a recipe; examples stand for required ones that are missing.
        """
        self.kind = kind
        self.cls = cls
        self.name = str(getattr(cls, "name", getattr(cls, "__name__", cls)))
        self.entry = Entry(cls, Provider(UNDER_TEST, IN_MEMORY))
        self._given = dict(values)
        self._open = ExitStack()
        self._found: dict[str, Any] = {}

    def __enter__(self) -> Subject:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @cached_property
    def folder(self) -> Path:
        """A folder for files, which is removed at the end."""
        return Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="compressor-testing-")))

    def without_provider(self, text: str) -> str:
        """A message without what stands in it for the plugin's distribution."""
        provider = str(self.entry.provider)
        return text.replace(f" ({self.name}, {provider})", "").replace(f" ({provider})", "")

    @cached_property
    def malformed(self) -> str:
        """How the class fails its contract; empty if it does not."""
        try:
            refuse_malformed(self.kind, self.cls)
        except PluginError as error:
            return error.what
        return ""

    def refuse_malformed(self, check: str) -> None:
        """Leave out all checks but one, if the class fails its contract.

        Raises:
            NotRun: it does, and the check is another one.
        """
        if self.malformed and check != CONTRACT:
            raise NotRun("the class does not meet its contract")

    @cached_property
    def params(self) -> type[Params]:
        """The class of its parameters."""
        found: type[Params] = getattr(self.cls, "Params", Params)
        return found

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The parameters that it is checked with: those given, and examples of required ones."""
        examples = {name: field.examples[0] for name, field in self._required.items() if field.examples}
        return {**examples, **self._given}

    @property
    def missing(self) -> list[str]:
        """Required parameters that were not given and have no example."""
        return [name for name in self._required if name not in self.values]

    @cached_property
    def _required(self) -> Mapping[str, FieldInfo]:
        return {field.alias or name: field for name, field in self.params.model_fields.items() if field.is_required()}

    @cached_property
    def instance(self) -> Any:
        """An instance with these parameters.

        Raises:
            NotRun: none can be made.
        """
        fault, made = self._made
        if fault:
            raise NotRun(f"no instance can be made of it ({fault})")
        return made

    @property
    def fault_of_instance(self) -> str:
        """Why no instance can be made with these parameters; empty if one can."""
        return self._made[0]

    def instance_with(self, values: Mapping[str, Any]) -> Any:
        """Another instance, with these parameters.

        Raises:
            CompressorError: they are wrong.
        """
        return instance_of(self.kind, self.entry, from_data(dict(values)))

    @cached_property
    def seen_afresh(self) -> Seen:
        """What a process sees that imports the class's module and nothing else.

        Raises:
            NotRun: no other process can import it.
        """
        return seen_by_a_fresh_process(self.cls, self.kind, self.values, self.folder)

    def once(self, key: str, find: Callable[[], Found]) -> Found:
        """What a function finds, which is called the first time only, by a key."""
        if key not in self._found:
            self._found[key] = find()
        found: Found = self._found[key]
        return found

    @cached_property
    def _made(self) -> tuple[str, Any]:
        try:
            with fenced("making it", PluginError, (CompressorError,)):
                return "", self.instance_with(self.values)
        except RecipeError as error:
            return "; ".join(problem.message for problem in error.problems), None
        except CompressorError as error:
            return error.what, None
