"""A file of events for TensorBoard, without its own writer, which would import TensorFlow and start a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor_plugins.trackers.figures import Scalar

if TYPE_CHECKING:
    from compressor.contracts.report_rows import SpreadRow


class EventFile:
    """An open file of events, the only one in its folder."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{int(now)}.{os.getpid()}"  # by which TensorBoard knows and orders them
        self._records = RecordWriter((folder / name).open("wb"))
        self._records.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())

    def add_figures(self, step: int, figures: Mapping[str, float]) -> None:
        """Add a number for each name."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._add(step, [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()])

    def add_histogram(self, step: int, name: str, spread: SpreadRow) -> None:
        """Add the bins of a tensor's values. The sums are those of the bins' centers, and no plot shows them."""
        from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

        width = (spread.high - spread.low) / len(spread.counts)
        ends = [spread.low + width * place for place in range(1, len(spread.counts) + 1)]
        centers = [end - width / 2 for end in ends]
        histogram = HistogramProto(
            min=spread.low,
            max=spread.high,
            num=sum(spread.counts),
            sum=sum(count * center for count, center in zip(spread.counts, centers, strict=True)),
            sum_squares=sum(count * center**2 for count, center in zip(spread.counts, centers, strict=True)),
            bucket_limit=ends,
            bucket=spread.counts,
        )
        self._add(step, [Summary.Value(tag=name, histo=histogram)])

    def add_settings(self, values: Mapping[str, Scalar], name: str, began: float) -> None:
        """Add the hyperparameters of a session by the name of its group, and when it began, in seconds."""
        from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo

        start = SessionStartInfo(group_name=name, start_time_secs=began)
        for key, value in values.items():
            if isinstance(value, bool):
                start.hparams[key].bool_value = value
            elif isinstance(value, str):
                start.hparams[key].string_value = value
            else:
                start.hparams[key].number_value = value
        self._add_to_session(SESSION_START_INFO_TAG, session_start_info=start)

    def add_end(self, status: str) -> None:
        """Say how a session ended, as one of the names of `Status` there."""
        from tensorboard.plugins.hparams.api_pb2 import Status
        from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo

        end = SessionEndInfo(status=Status.Value(status), end_time_secs=time.time())
        self._add_to_session(SESSION_END_INFO_TAG, session_end_info=end)

    def flush(self) -> None:
        """Have a TensorBoard that is running see what was added."""
        self._records.flush()

    def close(self) -> None:
        """Close the file."""
        self._records.close()

    def _add_to_session(self, tag: str, **data: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        metadata = create_summary_metadata(HParamsPluginData(**data))
        self._add(0, [Summary.Value(tag=tag, metadata=metadata, tensor=NULL_TENSOR)])

    def _add(self, step: int, values: list[Any]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(step=step, wall_time=time.time(), summary=Summary(value=values))
        self._records.write(event.SerializeToString())
