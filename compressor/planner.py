"""`resolve`: joins a recipe and the registry into a `Plan`, and makes every check that needs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compressor.errors import PluginError
from compressor.params import TrainingDefaults
from compressor.recipe.compose import first_free, merge, step_ids
from compressor.recipe.document import Node, Route, from_data, mapping
from compressor.recipe.explain import problems_of
from compressor.recipe.load import InvalidRecipeError, load, validate_as_json
from compressor.recipe.problems import Problem, RecipeError, did_you_mean
from compressor.recipe.schema import Recipe
from compressor.registry import Entry, Kind, Provider, Registry
from compressor.sources import Reference, reference
from compressor.state import FORMAT_NAMES, TRAIT_NAMES, Format, ModelState, Refusal, Trait
from compressor.strategy import Dataset, Metric, ModelSource, Strategy

BASELINE = "baseline"
_ORDERS_TRIED = 5_040  # all orders of seven steps


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that is ready to run: its strategy with its parameters, and the model's state before and after."""

    id: str
    strategy: Strategy
    provider: Provider
    before: ModelState
    after: ModelState
    route: Route = ()

    @property
    def uses(self) -> str:
        """The strategy's name."""
        return self.strategy.name


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs, checked; self-contained, and free of TensorFlow."""

    recipe: Recipe
    model: ModelSource | Reference
    data: Dataset | Reference
    metrics: tuple[Metric, ...]
    baseline: PlannedStep | None
    steps: tuple[PlannedStep, ...]
    seed: int = 0
    smoke: bool = False

    @property
    def stages(self) -> tuple[PlannedStep, ...]:
        """What runs, the training of the baseline first where there is one."""
        return (self.baseline, *self.steps) if self.baseline else self.steps


def prepare(
    source: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    run_local_plugins: bool = True,
    seed: int = 0,
    smoke: bool = False,
) -> Plan:
    """Load a recipe and resolve it, telling the problems of both at once.

    Raises:
        RecipeError: with every problem that can be found without a model.
        PluginError: plugins clash.
    """
    registry = registry or Registry.installed()
    try:
        recipe = load(source, overrides)
    except InvalidRecipeError as error:
        if error.salvaged is None:
            raise
        try:
            resolve(error.salvaged, registry, run_local_plugins=run_local_plugins)
        except RecipeError as further:
            raise RecipeError((*error.problems, *further.problems)) from None
        raise
    return resolve(recipe, registry, run_local_plugins=run_local_plugins, seed=seed, smoke=smoke)


def resolve(
    recipe: Recipe, registry: Registry, *, run_local_plugins: bool = True, seed: int = 0, smoke: bool = False
) -> Plan:
    """The plan of a recipe.

    Args:
        recipe: a valid recipe.
        registry: what the installed plugins bring.
        run_local_plugins: import the recipe's own plugin files, which runs code. Without it, names that no installed
            plugin brings are taken on trust, and steps after one are not checked.
        seed: of everything random.
        smoke: for a short run, to see that the chain works.

    Raises:
        RecipeError: with every problem found: unknown names, wrong parameters, an impossible order.
        PluginError: two plugins claim a name that the recipe uses.
    """
    local = [_from_folder(recipe, index, name) for index, name in enumerate(recipe.plugins)]
    if local and run_local_plugins:
        registry = registry.with_files(local)
        failed = {str(path) for path in local} & {broken.plugin for broken in registry.broken}
        if failed:
            reasons = [broken.reason for broken in registry.broken if broken.plugin in failed]
            raise PluginError(f"a plugin of the recipe cannot be loaded: {reasons[0]}", f"mend {sorted(failed)[0]}")
    resolver = _Resolver(recipe, registry, trusting=bool(local) and not run_local_plugins)
    return resolver.plan(seed, smoke)


def _from_folder(recipe: Recipe, index: int, name: str) -> Path:
    node = recipe.tree.find(("plugins", index))
    folder = node.origin.source.folder if node and node.origin else Path.cwd()
    return folder / name


@dataclass
class _Resolver:
    recipe: Recipe
    registry: Registry
    trusting: bool
    problems: list[Problem] = field(default_factory=list)

    def plan(self, seed: int, smoke: bool) -> Plan:
        recipe = self.recipe
        model: ModelSource | Reference | None = self._source("model")
        data: Dataset | Reference | None = self._source("data set")
        metrics = [self._metric(index, name) for index, name in enumerate(recipe.evaluation.metrics)]
        start = ModelState(model.format) if isinstance(model, Reference) else ModelState()
        baseline = self._baseline(model, start)
        steps = self._steps(baseline.after if baseline else start)
        if self.problems:
            raise RecipeError(self.problems)
        assert model is not None and data is not None, "a missing source is a problem"
        return Plan(recipe, model, data, tuple(m for m in metrics if m), baseline, tuple(steps), seed, smoke)

    def _source(self, kind: Kind) -> Any:
        section = "model" if kind == "model" else "data"
        spec = getattr(self.recipe, section)
        node = self.recipe.tree.find((section, "source"))
        if found := reference(spec.source, node, spec.with_):
            return found
        entry = self._entry(kind, spec.source, node)
        if entry is None:
            return None
        params = self._params(entry.cls.Params, self.recipe.tree.find((section, "with")))
        return entry.cls(params) if params is not None else None

    def _metric(self, index: int, name: str) -> Metric | None:
        entry = self._entry("metric", name, self.recipe.tree.find(("evaluation", "metrics", index)))
        return entry.cls() if entry else None

    def _baseline(self, model: Any, state: ModelState) -> PlannedStep | None:
        route: Route = ("model", "train")
        section = self.recipe.model
        if section.train is None:
            if isinstance(model, ModelSource) and not model.trained:
                node = self.recipe.tree.find(("model", "source"))
                message = f"the model '{section.source}' comes untrained; add 'train: {{epochs: 10}}' under 'model'"
                self.problems.append(Problem(message, node.origin if node else None))
            return None
        return self._step(BASELINE, "train", self.recipe.tree.find(route), route, state)

    def _steps(self, state: ModelState) -> list[PlannedStep]:
        nodes = self.recipe.tree.find(("steps",)) or from_data([])
        ids = step_ids(nodes) if self.recipe.steps else []
        self._refuse_repeated_ids(ids)
        steps: list[PlannedStep] = []
        known = True
        for index, (id_, spec) in enumerate(zip(ids, self.recipe.steps, strict=True)):
            route: Route = ("steps", index)
            node = self.recipe.tree.find((*route, "with"))
            step = self._step(id_, spec.uses, node, (*route, "with"), state, check=False)
            if step is None:
                known = False
                continue
            steps.append(step)
        return self._ordered(steps, state, known)

    def _step(
        self, id_: str, uses: str, node: Node | None, route: Route, state: ModelState, check: bool = True
    ) -> PlannedStep | None:
        uses_node = self.recipe.tree.find((*route[:-1], "uses"))
        entry = self._entry("strategy", uses, uses_node)
        if entry is None:
            return None
        values = node if node is not None else mapping({}, like=uses_node)
        if issubclass(entry.cls.Params, TrainingDefaults):
            values = self._with_training_defaults(values)
        params = self._params(entry.cls.Params, values)
        if params is None:
            return None
        step = PlannedStep(id_, entry.cls(params), entry.provider, state, state, route)
        return self._ordered([step], state, True)[0] if check else step

    def _with_training_defaults(self, values: Node) -> Node:
        defaults = self.recipe.tree.find(("training",))
        return values if defaults is None or values.value is None else merge(defaults, values)

    def _ordered(self, steps: list[PlannedStep], start: ModelState, known: bool) -> list[PlannedStep]:
        """The steps with the states between them, or a problem with the reason and an order that would work."""
        placed: list[PlannedStep] = []
        state = start
        for step in steps:
            try:
                after = step.strategy.plan(state)
            except Refusal as refusal:
                message = _refused(step, refusal, placed)
                better = _working_order(steps, start) if known else None
                message += f"; an order that works: {' -> '.join(better)}" if better else "; remove one of the two"
                node = self.recipe.tree.nearest((*step.route[:-1], "uses"))
                self.problems.append(Problem(message, node.origin))
                return steps
            placed.append(PlannedStep(step.id, step.strategy, step.provider, state, after, step.route))
            state = after
        return placed

    def _entry(self, kind: Kind, name: str, node: Node | None) -> Entry[Any] | None:
        entry = self.registry.get(kind, name)
        if entry is None and not self.trusting:
            hint = self.registry.hint_at_broken() or did_you_mean(name, self.registry.names(kind))
            self.problems.append(Problem(f"unknown {kind} '{name}'{hint}", node.origin if node else None))
        return entry

    def _params(self, cls: type[Any], node: Node | None) -> Any:
        node = node if node is not None else mapping({})
        try:
            return validate_as_json(cls, node)
        except ValidationError as error:
            self.problems += [problem for _, problem in problems_of(error, cls, node)]
            return None

    def _refuse_repeated_ids(self, ids: list[str]) -> None:
        for index, id_ in enumerate(ids):
            if id_ in ids[:index] or id_ == BASELINE:
                taken = "is the name of the stage before all steps" if id_ == BASELINE else "names two steps"
                node = self.recipe.tree.nearest(("steps", index, "id"))
                free = first_free(f"{id_}-2", ids)
                self.problems.append(Problem(f"the id '{id_}' {taken}; call this one '{free}'", node.origin))


def _refused(step: PlannedStep, refusal: Refusal, placed: Sequence[PlannedStep]) -> str:
    """The reason, with the step that is to blame where one is."""
    name = f"'{step.id}'"
    if refusal.format is not None:
        leaver = next((s for s in reversed(placed) if s.before.format != s.after.format), None)
        held: Format = placed[-1].after.format if placed else ("litert" if refusal.format == "keras" else "keras")
        if leaver is None:
            return f"{name} {refusal.reason}, and the model is {FORMAT_NAMES[held]} from the start"
        return f"'{leaver.id}' leaves {FORMAT_NAMES[held]}, and {name} {refusal.reason}"
    if refusal.trait is not None:
        trait: Trait = refusal.trait
        leaver = next((s for s in placed if trait in s.after.traits - s.before.traits), None)
        if leaver is not None:
            return f"'{leaver.id}' leaves {TRAIT_NAMES[trait]}, and {name} {refusal.reason}"
    return f"{name} {refusal.reason}"


def _working_order(steps: Sequence[PlannedStep], start: ModelState) -> list[str] | None:
    """The ids in the order nearest to the one given that every step accepts, or None."""
    best: tuple[int, list[str]] | None = None
    for tried, order in enumerate(permutations(range(len(steps)))):
        if tried >= _ORDERS_TRIED:
            break
        moved = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
        if (best is None or moved < best[0]) and _accepted([steps[i] for i in order], start):
            best = (moved, [steps[i].id for i in order])
    return best[1] if best else None


def _accepted(steps: Sequence[PlannedStep], state: ModelState) -> bool:
    try:
        for step in steps:
            state = step.strategy.plan(state)
    except Refusal:
        return False
    return True
