"""Resolves a recipe against the registry, and finds every problem that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compressor.base.errors import PluginError
from compressor.base.import_path import names_function
from compressor.base.path_or_function import Reference, is_there, real_path
from compressor.base.plugin_errors import fenced
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.execution_plan import BASELINE, Plan, PlannedStep, PlannedTeacher, Provider, start_of
from compressor.contracts.model_state import ModelState
from compressor.contracts.sources import ModelSource
from compressor.data.kinds import options_of
from compressor.planning.constraint_checks import constraint_problems, objectives_at_fault, package_problems
from compressor.planning.device_targets import device_problems, target_of
from compressor.planning.local_plugins import NO_NAMES, LocalNames, names_brought_by, plugin_files
from compressor.planning.named_paths import missing_code, missing_sources
from compressor.planning.plugin_checks import Kind
from compressor.planning.plugin_instances import instance_of, problems_with
from compressor.planning.problem_collector import ProblemCollector
from compressor.planning.recipe_parts import RecipeParts
from compressor.planning.registry import Entry, NotRun, Registry
from compressor.planning.requirements import unmet_requirements
from compressor.planning.runtime_checks import runtime_problems
from compressor.planning.source_text import reference
from compressor.planning.step_names import repeated_ids
from compressor.planning.step_order import FaultyStepError, ImpossibleError, chained
from compressor.planning.strict_checks import strict_problems
from compressor.planning.teachers import (
    own_chain,
    read_recipe,
    recipe_around,
    recipe_file,
    teaching_part,
    without_baseline,
)
from compressor.planning.unknown_steps import impossible_anyway
from compressor.recipe.extends import first_free, merge, step_ids
from compressor.recipe.problems import Problem
from compressor.recipe.sections import MetricSection, Recipe
from compressor.recipe.training_params import Teacher, TrainingDefaults
from compressor.recipe.tree import Node, Route, folder_of, from_data, mapping


@dataclass
class Resolver(ProblemCollector):
    """Resolves one recipe; its problems are collected, and raised all at once."""

    recipe: Recipe
    registry: Registry
    local_names: LocalNames = NO_NAMES  # what may come from plugin files that have not been run
    teaches: bool = False  # whether the recipe only wraps a trained model, to teach
    chain: tuple[Path, ...] = ()  # the recipes that this one is to teach, outermost first
    teachers: dict[str, PlannedTeacher] = field(default_factory=dict)
    original_form: str = ""  # what the model is before it is read, if that says more than its format
    origins: dict[str, Provider] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.installed = self.registry
        self.chain = self.chain or own_chain(self.recipe)

    def plan(self, seed: int, smoke: bool) -> Plan:
        """Make the plan; runs the recipe's plugin files."""
        files = self._plugin_files()
        self.runs_plugins = True
        for path, node in files:
            if self.installed.has_file(path):
                continue
            try:
                self.registry = self.registry.with_file(path)
            except PluginError as error:
                self.report(f"the plugin file '{path}' cannot be loaded: {error}", node)
                self.local_names = LocalNames(unreadable=True)
        parts = self._parts()
        return Plan(
            recipe=self.recipe,
            model=parts.model,
            data=parts.data,
            metrics=parts.metrics,
            baseline=parts.baseline,
            steps=parts.steps,
            origins=self.origins,
            plugin_files=tuple(path for path, _ in files),
            seed=seed,
            smoke=smoke,
            threads=self.recipe.threads,
            runtime=self.recipe.runtime,
            device=parts.device,
        )

    def check(self, strict: bool = False) -> tuple[Problem, ...]:
        """Find problems without running the recipe's plugin files; returned are warnings and what was not checked.

        Raises:
            RecipeError: with every problem found, if one of them is an error.
        """
        unseen = [names_brought_by(path) for path, _ in self._plugin_files() if not self.installed.has_file(path)]
        self.runs_plugins = False
        self.local_names = self.local_names.together_with(*unseen)
        self.registry = self.registry.with_names(entry for names in unseen for entry in names.brought)
        self.problems += missing_sources(self.recipe, "error" if strict else "warning")
        parts = self._parts()
        if strict:
            self.problems += strict_problems(self.recipe, parts.model, parts.stages, self.origins)
        return self.refuse_errors(strict)

    def _parts(self) -> RecipeParts:
        """Resolve every section of the recipe.

        Raises:
            RecipeError: with every problem found.
        """
        model, data = self._source("model"), self._source("data set")
        self.original_form = model.original_form if isinstance(model, Reference) else ""
        metrics = self._metrics()
        start = start_of(model)
        baseline = self._baseline(model, start)
        steps = self._steps(baseline.after if baseline else start)
        device, problems = target_of(self.recipe, self.registry)
        if device and len(steps) == len(self.recipe.steps):
            self.problems += device_problems(self.recipe, device, model, steps, start)
        self.problems += [*problems, *package_problems(self.recipe, steps)]
        self.problems += [*missing_code(self.recipe), *unmet_requirements(self.recipe)]
        self.problems += runtime_problems(self.recipe, ([baseline] if baseline else []) + steps)
        self.refuse_errors()
        return RecipeParts(model, data, tuple(metrics), baseline, tuple(steps), device)

    def _plugin_files(self) -> list[tuple[Path, Node | None]]:
        """The recipe's plugin files; a missing one is a problem."""
        files, problems = plugin_files(self.recipe)
        self.problems += problems
        if problems:
            self.local_names = LocalNames(unreadable=True)
        return files

    def _source(self, kind: Kind) -> Any:
        section = "model" if kind == "model" else "data"
        spec = getattr(self.recipe, section)
        node = self.recipe.tree.find((section, "source"))
        values = self.recipe.tree.find((section, "with"))
        source = reference(spec.source, folder_of(node), spec.with_)
        if source and not self.local_names.is_qualified(kind, spec.source, self.registry):
            options = options_of(source) if kind == "data set" else None
            if options is not None and options.model_fields:
                self.problems += problems_with(options, values or mapping({}, like=node))
            elif source.kind == "path" and spec.with_ and (options or kind == "model"):
                self.report(f"'{section}.with' has no effect for a file; remove it", values)
            return source
        if entry := self._entry(kind, spec.source, node):
            self.origins[section] = entry.provider
        return entry and self._instance(kind, entry, values or mapping({}, like=node))

    def _metrics(self) -> list[ConfiguredMetric]:
        specified = [self._metric(index, spec) for index, spec in enumerate(self.recipe.evaluation.metrics)]
        metrics: dict[str, ConfiguredMetric] = {}
        for index, configured in enumerate(specified):
            if configured and configured.name in metrics:
                message = f"two metrics are called '{configured.name}'; remove one, or give one another 'name'"
                self.report(message, self.recipe.tree.nearest(("evaluation", "metrics", index)))
            elif configured:
                metrics[configured.name] = configured
        self.problems += [*constraint_problems(self.recipe, specified), *objectives_at_fault(self.recipe, specified)]
        return list(metrics.values())

    def _metric(self, index: int, spec: MetricSection) -> ConfiguredMetric | None:
        route = ("evaluation", "metrics", index)
        place = self.recipe.tree.find((*route, "uses")) or self.recipe.tree.nearest(route)
        if names_function(spec.uses) and not self.local_names.is_qualified("metric", spec.uses, self.registry):
            function = FunctionMetric(spec.uses, spec.with_, spec.higher_is_better is not False)
            return ConfiguredMetric.of(function, spec.output, spec.name)
        if spec.higher_is_better is not None:
            message = f"'higher_is_better' is for functions only, and '{spec.uses}' is a registered metric; remove it"
            self.report(message, self.recipe.tree.nearest((*route, "higher_is_better")))
        entry = self._entry("metric", spec.uses, place)
        values = self.recipe.tree.find((*route, "with")) or mapping({}, like=place)
        if entry:
            self.origins[f"metric {spec.uses}"] = entry.provider
        metric = self._instance("metric", entry, values) if entry else None
        if entry is None or metric is None:
            return None
        with self.collecting(place), fenced(f"the metric '{spec.uses}' ({entry.provider})", PluginError):
            return ConfiguredMetric.of(metric, spec.output, spec.name, str(entry.provider))
        return None

    def _baseline(self, model: Any, start: ModelState) -> PlannedStep | None:
        section = self.recipe.model
        if section.train is not None:
            step = self._step(BASELINE, "train", ("model", "train"), start)
            chain = self._chained([step], start, complete=True) if step else []
            return chain[0] if chain else None
        if isinstance(model, ModelSource) and not model.trained:
            own = "add 'train: {epochs: 10}' under 'model'"
            remedy = "name a recipe that trains it as the teacher" if self.teaches else own
            place = self.recipe.tree.find(("model", "source"))
            self.report(f"the model '{section.source}' comes untrained; {remedy}", place)
        return None

    def _steps(self, start: ModelState) -> list[PlannedStep]:
        ids = step_ids(self.recipe.tree.find(("steps",)) or from_data([]))
        self.problems += repeated_ids(self.recipe, ids)
        steps = [
            self._step(id_, spec.uses, ("steps", index, "with"), start, spec.strict)
            for index, (id_, spec) in enumerate(zip(ids, self.recipe.steps, strict=True))
        ]
        if None in steps and self.local_names != NO_NAMES:
            if error := impossible_anyway(steps, start):
                self.report(error.message, self._place(error.step.route))
            steps = steps[: steps.index(None)]
        known = [step for step in steps if step]
        return self._chained(known, start, complete=len(known) == len(self.recipe.steps))

    def _step(self, id_: str, uses: str, route: Route, start: ModelState, strict: bool = False) -> PlannedStep | None:
        place = self._place(route)
        entry = self._entry("strategy", uses, place)
        if entry is None:
            return None
        values = self.recipe.tree.find(route) or mapping({}, like=place)
        defaults = self.recipe.tree.find(("training",))
        if defaults is not None and issubclass(entry.cls.Params, TrainingDefaults):
            values = merge(without_baseline(defaults) if id_ == BASELINE else defaults, values)
        strategy = self._instance("strategy", entry, values)
        if strategy is None:
            return None
        teacher = getattr(strategy.params, "teacher", None)
        planned = self._teacher(id_, teacher, values) if isinstance(teacher, Teacher) else None
        return PlannedStep(id_, strategy, entry.provider, start, start, route, strict, planned)

    def _teacher(self, id_: str, teacher: Teacher, values: Node) -> PlannedTeacher | None:
        place = values.find(("teacher", "source")) or values.child("teacher")
        if teacher.source == BASELINE:
            if id_ == BASELINE:
                self.report("the baseline cannot teach itself; name another teacher, or remove this", place)
            return PlannedTeacher(BASELINE)
        path = recipe_file(teacher.source, place)
        key = str(path or (folder_of(place), teacher.source, teacher.with_))
        if key not in self.teachers:
            with self.collecting(place):
                plan = self._teaching(teacher, path, place)
                stem = f"recipe {path.stem}" if path else Path(teacher.source).name
                self.teachers[key] = PlannedTeacher(first_free(stem, [it.name for it in self.teachers.values()]), plan)
        return self.teachers.get(key)

    def _teaching(self, teacher: Teacher, path: Path | None, place: Node | None) -> Plan | None:
        """The plan that makes a teacher; None if plugin files must not be run."""
        if path is None:
            recipe = recipe_around(teacher, place, self.recipe)
            nested = Resolver(recipe, self.registry, self.local_names, teaches=True, chain=self.chain)
        else:
            recipe = read_recipe(path, place, self.chain)
            nested = Resolver(recipe, self.installed, chain=(*self.chain, real_path(path)))
        if not self.runs_plugins:
            self.problems += nested.check()
            return None
        return teaching_part(nested.plan(0, False), place)

    def _chained(self, steps: Sequence[PlannedStep], start: ModelState, complete: bool) -> list[PlannedStep]:
        try:
            return chained(steps, start, complete, self.original_form)
        except ImpossibleError as error:
            self.report(error.message, self._place(error.step.route))
        except FaultyStepError as error:
            self.blame(error.fault, self._place(error.step.route))
        return []

    def _entry(self, kind: Kind, name: str, node: Node | None) -> Entry | None:
        try:
            entry = self.registry.get(kind, name)
        except PluginError as clash:
            self.report(str(clash), node)
            return None
        self.problems += self.local_names.problems_with(kind, name, entry, self.registry, node)
        if entry is not None:
            return None if entry.cls is NotRun else entry
        if not self.local_names.may_bring(name):
            is_path = kind in ("model", "data set") and is_there(folder_of(node) / name)
            hint = f"; write './{name}' for the file or folder" if is_path else self.registry.hint(kind, name)
            self.report(f"unknown {kind} '{name}'{hint}", node)
        return None

    def _instance(self, kind: Kind, entry: Entry, values: Node) -> Any | None:
        """An instance of a plugin's class with the recipe's parameters; None if there are problems with that."""
        with self.collecting(values):
            return instance_of(kind, entry, values)
        return None

    def _place(self, route: Route) -> Node:
        """The node that names the step whose parameters are at `route`."""
        return self.recipe.tree.find((*route[:-1], "uses")) or self.recipe.tree.nearest(route)
