"""What stands in the log of `--log-format json`: the model of a line, whose keys keep their meaning."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

EVENTS: Final = {
    "run_started": "a run begins, and its data and model are loaded",
    "rehearsed": "all steps can be taken on this model",
    "step_started": "a step begins, or the baseline",
    "waiting": "another run is making this step; its result will be used",
    "training_started": "a step begins to train",
    "training_resumed": "a training goes on after `epoch` epochs, where an earlier run was cut",
    "progress": "within an epoch, at most one a minute",
    "epoch_finished": "an epoch is done",
    "measuring": "the step is done, and its file is being exported and measured",
    "step_finished": "a stage is done and measured",
    "run_finished": "the run is over, and its results are in its folder",
    "run_failed": "the run ended with an error, or was interrupted",
    "recipe_tried": "`ci` is done with the recipe in `file`",
    "warning": "something is not as it should be, and the work goes on",
    "note": "anything else that is told",
    "output": "a line that a plugin or a library printed outside the steps, whose output is in `run.log`",
    "error": "why the command fails; of a recipe, one for each problem",
    "interrupted": "a signal ended the command",
    "ended": "the last line: the command has ended",
}
"""Every event, and what it means."""


class LogEvent(BaseModel):
    """A line of the log. Keys that say nothing of an event are left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str = Field(description="when, in ISO 8601 with the zone: `2026-11-29T19:20:01.123+00:00`")
    event: Literal[tuple(EVENTS)] = Field(description="what happened")  # type: ignore[valid-type]
    run: str | None = Field(None, description="the folder of the run")
    recipe: str | None = Field(None, description="the recipe's name")
    model: str | None = Field(None, description="name of the model")
    data: str | None = Field(None, description="name of the data")
    samples: dict[str, int] | None = Field(None, description="samples in each split")
    seed: int | None = Field(None, description="the random seed")
    smoke: bool | None = Field(None, description="whether it is a short run whose figures mean nothing")
    steps: list[str] | None = Field(None, description="the ids of all stages, in their order")
    step: str | None = Field(None, description="the step's id; `teacher NAME/STEP` for a stage of a teacher's run")
    epoch: int | None = Field(None, description="the epoch, from 1")
    epochs: int | None = Field(None, description="how many epochs the training makes at the most")
    batch: int | None = Field(None, description="the batch within the epoch, from 1")
    batches: int | None = Field(None, description="batches in an epoch")
    loss: float | None = Field(None, description="of the validation split, within an epoch of the training so far")
    metric: float | None = Field(
        None, description="the metric: of an epoch as `loss`, of a stage on the test split by its file"
    )
    metric_name: str | None = Field(None, description="its name")
    figures: dict[str, float | None] | None = Field(
        None, description="of an epoch, all figures by Keras' names; of a stage, all metrics by their names"
    )
    seconds: float | None = Field(None, description="what the epoch, the step or the run took")
    measure_seconds: float | None = Field(None, description="what exporting and measuring took")
    seconds_left: float | None = Field(None, description="what the training may still take, by its pace so far")
    run_seconds_left: float | None = Field(None, description="what all trainings ahead may take, by the pace so far")
    cached: bool | None = Field(None, description="whether the step was taken from the cache")
    bytes: int | None = Field(None, description="size of the file that ships")
    gzip_bytes: int | None = Field(None, description="its size after gzip -9")
    latency_p50: float | None = Field(None, description="seconds of a call with one sample, median")
    headline: str | None = Field(None, description="the run in one sentence")
    missed: list[str] | None = Field(None, description="the constraints that were not met")
    message: str | None = Field(None, description="a text for people")
    file: str | None = Field(None, description="the recipe that a problem is in, or that was tried")
    line: int | None = Field(None, description="its line, from 1")
    column: int | None = Field(None, description="its column, from 1")
    valid: bool | None = Field(None, description="whether the recipe that was tried is valid")
    changed: bool | None = Field(None, description="whether it is tried at all, since a change concerns it")
    plan_exit_code: int | None = Field(None, description="the exit code of planning it")
    run_exit_code: int | None = Field(None, description="the exit code of running it")
    exit_code: int | None = Field(None, description="the exit code of the command")


def log_schema() -> dict[str, Any]:
    """The JSON Schema of a line of the log. Keys and events may be added; those that are there keep their meaning."""
    schema = LogEvent.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "compressor log 1"}
