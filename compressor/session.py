"""`Session`: a recipe that is written step by step, for notebooks. It runs on the same planner and the same engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from compressor.base.atomic_files import write_whole
from compressor.base.cache_folder import default_folder
from compressor.base.errors import CompressorError
from compressor.base.types import Model
from compressor.contracts.execution_plan import Plan, Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.observer import Observer
from compressor.contracts.report_rows import Report, StageRow
from compressor.contracts.sources import Dataset, ModelSource
from compressor.models.packing.package import unpacked
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.report.progress import watching
from compressor.report.summary import stage_row, summarise
from compressor.report.terminal import print_report
from compressor.run.cache.store import usable
from compressor.run.engine import Run, started
from compressor.run.plugin_observers import with_plugins

_GIVEN = "given"


class Session:
    """Compress a model one step at a time, and see after each what it did.

    >>> s = Session(model="mnist_cnn", data="mnist")
    >>> s.train(epochs=10)
    >>> s.apply("prune", final_sparsity=0.8)
    >>> s.apply("qat")
    >>> s.apply("ptq", precision="int8")
    >>> s.report()
    """

    def __init__(
        self,
        model: str | Model,
        data: Any,
        *,
        training: Mapping[str, Any] | None = None,
        metrics: str | Sequence[str] = "accuracy",
        validation_split: float = 0.1,
        seed: int = 0,
        smoke: bool = False,
        progress: bool = True,
        cache: str | Path | None = None,
        trust_model: bool = False,
    ) -> None:
        """Begin with a model and data, each by name, path or `package.module:function`, or as it is.

        Args:
            model: or a tf_keras model, already trained.
            data: or `Splits`, arrays or data sets, as a function that `data.source` names may return them.
            training: defaults for every step that trains, as in a recipe's `training` section.
            metrics: the name of a metric, or of several; the first one decides.
            validation_split: share of the training samples kept for validation, where the data has none.
            seed: of everything random.
            smoke: a few samples and steps, to see that it works.
            progress: show it.
            cache: a folder; by default `COMPRESSOR_CACHE`, or the user's own cache folder.
            trust_model: let code in the model's file run, such as Lambda layers.
        """
        self._registry = Registry.installed()
        given = _Given(model, data)
        self._registry.add(given, _GIVEN, Provider("session", "in memory"))
        self._recipe: dict[str, Any] = {
            "version": 1,
            "name": "session",
            "model": {"source": model if isinstance(model, str) else _GIVEN},
            "data": {"source": data if isinstance(data, str) else _GIVEN, "validation_split": validation_split},
            "training": dict(training or {}),
            "evaluation": {"metrics": [metrics] if isinstance(metrics, str) else list(metrics)},
            "steps": [],
        }
        self._seed = seed
        self._smoke = smoke
        self._observer: Observer = watching(Console(stderr=True), quiet=not progress)
        self._trust_model = trust_model
        self._told = with_plugins(self._observer, self._registry)
        self._open = ExitStack()
        self._folder = Path(self._open.enter_context(TemporaryDirectory(prefix="compressor-session-")))
        self._cache = self._open.enter_context(
            usable(Path(cache) if cache else default_folder(), self._observer.warned)
        )
        self._run: Run | None = None
        self._plan: Plan | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the stages' files; what is cached stays."""
        self._open.close()

    def train(self, **params: Any) -> StageRow:
        """Train the model: the baseline, or, later, a step of fine-tuning.

        Raises:
            CompressorError: the parameters are wrong, or the training fails.
        """
        if self._run is not None:
            return self.apply("train", **params)
        return self._stage({**self._recipe, "model": {**self._recipe["model"], "train": params}})

    def apply(self, strategy: str, **params: Any) -> StageRow:
        """Take a step: the strategy's name and its parameters, as under `with` in a recipe.

        Raises:
            CompressorError: there is no such strategy, it does not fit here, or it fails. The session stays as it was.
        """
        step = {"uses": strategy, "with": params}
        return self._stage({**self._recipe, "steps": [*self._recipe["steps"], step]})

    def report(self) -> Report:
        """The report of all steps so far, shown as a table; it is also what this returns.

        Raises:
            CompressorError: nothing has run yet.
        """
        if self._run is None or self._plan is None:
            raise CompressorError("there is nothing to report yet", "call train() or apply() first")
        report = summarise(replace(self._run.result(), plan=self._plan))
        print_report(report, Console(highlight=False))
        return report

    def save(self, path: str | Path) -> Path:
        """Write the file that would ship now; under a name in `.tflite`, what is in a package.

        Raises:
            CompressorError: nothing has run yet.
        """
        if self._run is None:
            raise CompressorError("there is nothing to save yet", "call train() or apply() first")
        path = Path(path)
        content = self._run.result().stages[-1].content
        write_whole(path, unpacked(content) if path.suffix == ".tflite" else content)
        return path

    @property
    def recipe(self) -> dict[str, Any]:
        """What was done so far, as a recipe."""
        return dict(self._recipe)

    def _stage(self, data: dict[str, Any]) -> StageRow:
        plan = resolve(load(data), self._registry, seed=self._seed, smoke=self._smoke)
        plan = replace(plan, trust_model=self._trust_model)
        try:
            run = self._run or self._open.enter_context(started(plan, self._folder, self._cache, self._told))
            run.stage(plan.stages[-1])
        finally:
            self._observer.paused()
        self._recipe, self._run, self._plan = data, run, plan
        result = run.result()
        return stage_row(result, len(result.stages) - 1)


class _Given:
    """The plugin that brings what the session was given as it is."""

    def __init__(self, model: str | Model, data: Any) -> None:
        self._model = model
        self._data = data

    @hookimpl
    def models(self) -> list[type[ModelSource]]:
        """The model that was given, if one was."""
        model = self._model
        if isinstance(model, str):
            return []

        class GivenModel(ModelSource):
            """A model from memory."""

            name = _GIVEN
            trained = True
            repeatable = False

            def build(self) -> Model:
                return model

        return [GivenModel]

    @hookimpl
    def datasets(self) -> list[type[Dataset]]:
        """The data that was given, if it was."""
        if isinstance(self._data, str):
            return []
        data = self._data

        class GivenData(Dataset):
            """Data from memory."""

            name = _GIVEN
            repeatable = False

            def load(self) -> Any:
                return data

        return [GivenData]
