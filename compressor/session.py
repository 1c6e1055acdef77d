"""`Session`: runs a recipe step by step, for notebooks, with the same planner and engine as the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compressor.base.atomic_files import write_whole
from compressor.base.errors import CompressorError
from compressor.base.markup import element
from compressor.base.notebook import snippet
from compressor.base.outgoing import one_line
from compressor.base.types import Model
from compressor.contracts.execution_plan import IN_MEMORY, Plan, Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.observer import Observer, Observers
from compressor.contracts.report_rows import Report, StageRow
from compressor.contracts.sources import Dataset, ModelSource
from compressor.models.packing.package import unpacked
from compressor.planning.asked_trackers import MadeTracker, made_trackers, with_trackers
from compressor.planning.planner import resolve
from compressor.planning.registered import registered_plugins
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.report.notebook_views import report_view
from compressor.report.progress import watching
from compressor.report.screen import Screen
from compressor.report.summary import stage_row, summarise
from compressor.report.terminal import print_report
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.run.engine import Run, started
from compressor.run.plugin_observers import plugin_hooks

_IN_MEMORY = "given"  # the name of a model or data set that is passed as an object


class Session:
    """Compress a model one step at a time, and see what each step did.

    >>> s = Session(model="mnist_cnn", data="mnist")
    >>> s.train(epochs=10)
    >>> s.apply("prune", final_sparsity=0.8)
    >>> s.apply("qat")
    >>> s.apply("ptq", precision="int8")
    >>> s.report()

    A session is one run for plugins that watch runs. It ends when the session is closed, or with an error where a
    `with` block ends with one; a step that fails leaves it as it was. Hooks that are registered while it is open are
    called from the next step on.
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
        threads: int | None = None,
        runtime: Mapping[str, Any] | None = None,
        progress: bool = True,
        cache: str | Path | None = None,
        trust_model: bool = False,
        track: Sequence[str] = (),
        track_in: str | Path = ".",
    ) -> None:
        """Start from a model and data.

        Args:
            model: a name, a path or `package.module:function`, as in a recipe, or a trained tf_keras model.
            data: a name, a path or `package.module:function`, as in a recipe, or what such a function may return:
                `Splits`, arrays or data sets.
            training: defaults for every step that trains, as in a recipe's `training` section.
            metrics: the name of a metric, or of several; the first one is the main one.
            validation_split: share of the training samples used for validation, if the data has no validation split.
            seed: the random seed.
            smoke: run a few samples and training steps, to see that the steps work.
            threads: threads that TensorFlow splits an operation over, as in a recipe; where TensorFlow has computed
                before in this process, the number stays as it was, with a warning.
            runtime: several GPUs, and another precision, for trainings, as in a recipe's `runtime` section; where
                TensorFlow has computed before in this process, its devices stay as they are, and a processor that would
                have to be divided is refused.
            progress: show progress.
            cache: a folder, or an address such as `s3://bucket/cache` that machines share; by default
                `COMPRESSOR_CACHE`, or the user's own cache folder.
            trust_model: let code in the model's file run, such as Lambda layers.
            track: names of trackers that follow the session, such as `tensorboard`.
            track_in: the folder in which `trackers/NAME` is made for each of them.

        Raises:
            CompressorError: a tracker is not there, or what it needs is not installed.
        """
        self._given = _InMemoryPlugin(model, data)
        self._plugins: Registry | None = None
        self._trackers: Sequence[MadeTracker] = ()
        self._registered: Mapping[str, object] = {}
        self._recipe: dict[str, Any] = {
            "version": 1,
            "name": "session",
            "model": {"source": model if isinstance(model, str) else _IN_MEMORY},
            "data": {"source": data if isinstance(data, str) else _IN_MEMORY, "validation_split": validation_split},
            "training": dict(training or {}),
            "evaluation": {"metrics": [metrics] if isinstance(metrics, str) else list(metrics)},
            "steps": [],
            **({} if threads is None else {"threads": threads}),
            **({} if runtime is None else {"runtime": dict(runtime)}),
        }
        self._seed = seed
        self._smoke = smoke
        self._observer: Observer = watching(Screen.of_messages(), quiet=not progress)
        self._trust_model = trust_model
        self._trackers = made_trackers(self._registry(), track, Path(track_in).absolute())
        self._open = ExitStack()
        self._folder = Path(self._open.enter_context(TemporaryDirectory(prefix="compressor-session-")))
        self._hooks = plugin_hooks(self._tracked(), self._folder, self._observer.warned)
        self._cache = self._open.enter_context(opened(CachePlace.named(cache), self._observer.warned))
        self._run: Run | None = None
        self._plan: Plan | None = None
        self._begun: Plan | None = None  # what has begun and not ended, for plugins that watch runs

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._end(error)

    def close(self) -> None:
        """End the run, tell plugins that watch runs, and remove the stages' files; cached results stay."""
        self._end(None)

    def _end(self, error: BaseException | None) -> None:
        """Tell plugins how the run has ended, once, if one has begun."""
        plan, self._begun = self._begun, None
        try:
            if plan is not None and error is not None:
                self._hooks.run_failed(plan, str(error) or type(error).__name__)
            elif plan is not None and self._run is not None:
                self._hooks.run_finished(self._summary())
        finally:
            self._open.close()

    def train(self, **params: Any) -> StageRow:
        """Train the model: as the baseline if nothing has run yet, otherwise as a fine-tuning step.

        Raises:
            CompressorError: the parameters are wrong, or the training fails.
        """
        if self._run is not None:
            return self.apply("train", **params)
        return self._stage({**self._recipe, "model": {**self._recipe["model"], "train": params}})

    def apply(self, strategy: str, **params: Any) -> StageRow:
        """Apply a strategy with its parameters, as under `with` in a recipe.

        Raises:
            CompressorError: there is no such strategy, it does not fit here, or it fails; the session stays as it was.
        """
        step = {"uses": strategy, "with": params}
        return self._stage({**self._recipe, "steps": [*self._recipe["steps"], step]})

    def report(self) -> Report:
        """Print the report of all steps so far as a table, and return it.

        Raises:
            CompressorError: nothing has run yet.
        """
        if self._run is None:
            raise CompressorError("there is nothing to report yet", "call train() or apply() first")
        report = self._summary()
        print_report(report, Screen(), elsewhere="the report that is returned")
        return report

    def __repr__(self) -> str:
        if self._run is None:
            return one_line(f"<session with {self._subject}: nothing has run yet>")
        return one_line(f"<session with {self._subject}: {self._summary()!r}>")

    def _repr_html_(self) -> str:
        if self._run is not None:
            return report_view(self._summary())
        title = element("p", "session ", element("span", self._subject, class_="quiet"), class_="title")
        return snippet(title, element("p", "Nothing has run yet: call train() or apply()."))

    @property
    def _subject(self) -> str:
        sources = (self._recipe["model"]["source"], self._recipe["data"]["source"])
        model, data = (
            kind if source == _IN_MEMORY else source
            for kind, source in zip(("a model", "data of your own"), sources, strict=True)
        )
        return f"{model} on {data}"

    def _summary(self) -> Report:
        assert self._run is not None
        assert self._plan is not None
        return summarise(replace(self._run.result(), plan=self._plan))

    def save(self, path: str | Path) -> Path:
        """Write the model file that would ship now; a packed model is unpacked if the path ends in `.tflite`.

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
        """The steps so far, as a recipe."""
        return dict(self._recipe)

    def _registry(self) -> Registry:
        """The plugins, looked for anew if the notebook has registered others since."""
        if self._plugins is None or self._registered != registered_plugins():
            self._registered = registered_plugins()
            self._plugins = Registry.installed()
            self._plugins.add(self._given, _IN_MEMORY, Provider("session", IN_MEMORY))
        return self._plugins

    def _tracked(self) -> Registry:
        return with_trackers(self._registry(), self._trackers) if self._trackers else self._registry()

    def _stage(self, data: dict[str, Any]) -> StageRow:
        plan = resolve(load(data), self._registry(), seed=self._seed, smoke=self._smoke)
        plan = self._begun = replace(plan, trust_model=self._trust_model)
        self._hooks.registry = self._tracked()
        observer = Observers(self._observer, self._hooks)
        try:
            run = self._run or self._open.enter_context(started(plan, self._folder, self._cache, observer))
            run.stage(plan.stages[-1])
        finally:
            self._observer.paused()
        self._recipe, self._run, self._plan = data, run, plan
        result = run.result()
        return stage_row(result, len(result.stages) - 1)


class _InMemoryPlugin:
    """A plugin that brings a model and data that are passed as objects."""

    def __init__(self, model: str | Model, data: Any) -> None:
        self._model = model
        self._data = data

    @hookimpl
    def models(self) -> list[type[ModelSource]]:
        """The model, if it was passed as an object."""
        model = self._model
        if isinstance(model, str):
            return []

        class InMemoryModel(ModelSource):
            """A model from memory."""

            name = _IN_MEMORY
            trained = True
            repeatable = False

            def build(self) -> Model:
                return model

        return [InMemoryModel]

    @hookimpl
    def datasets(self) -> list[type[Dataset]]:
        """The data, if it was passed as an object."""
        if isinstance(self._data, str):
            return []
        data = self._data

        class InMemoryData(Dataset):
            """Data from memory."""

            name = _IN_MEMORY
            repeatable = False

            def load(self) -> Any:
                return data

        return [InMemoryData]
