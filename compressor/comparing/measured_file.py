"""Reads a bare model file to compare and, with data, measures how good and how fast it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from compressor.base.errors import CompressorError, ModelError
from compressor.base.file_limits import content_of
from compressor.base.sizes import gzip_size
from compressor.comparing.compared_run import ComparedRun, letter
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.report_rows import MetricRow, StageRow
from compressor.data.split import Split
from compressor.measure.evaluation import Measurement, measure
from compressor.measure.input_checks import shapes_of
from compressor.measure.kept_scores import kept_scores
from compressor.measure.statistics import score
from compressor.models.files.as_litert import shipped_bytes
from compressor.models.files.missing_file import refuse_missing
from compressor.models.litert.reading.contents import Anatomy, dissect
from compressor.models.packing.package import is_package, unpacked
from compressor.report.layer_rows import layer_rows
from compressor.report.stored_report import NAME as REPORT
from compressor.run.run_folder import RESULTS

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
_SUFFIXES = (".tflite", ".tfpack", *KERAS_SUFFIXES)


def is_model_file(path: Path) -> bool:
    """Tell whether a path names a model rather than a run or a report; if nothing is there, by its suffix."""
    if path.suffix in _SUFFIXES:
        return True
    return path.is_dir() and (path / "saved_model.pb").is_file()


def model_of(path: Path) -> Path:
    """Find the model file of a run's folder or report; a model file stands for itself.

    Raises:
        ModelError: there is none.
    """
    if is_model_file(path):
        refuse_missing(path)
        return path
    folder = path if path.is_dir() else path.parent
    found = [folder / name for name in reversed(RESULTS) if (folder / name).is_file()]
    if not found or not (folder / REPORT).is_file():
        raise ModelError(f"there is no model beside {path}", "name a run's folder, or a model file")
    return found[0]


def file_at(
    path: Path,
    place: int,
    trusted: bool = False,
    test: Split | None = None,
    metrics: Sequence[ConfiguredMetric] = (),
    on: str = "",
) -> tuple[ComparedRun, bytes]:
    """Read a file, measure it if there is data, and return its `.tflite` content too; a Keras model is converted.

    Args:
        path: of the model.
        place: among all that is compared.
        trusted: the user vouches for the file, so code in it may run.
        test: the split to measure on.
        metrics: to measure by.
        on: the data's name.

    Raises:
        CompressorError: the file or a metric is at fault.
    """
    file = model_of(path)
    content = shipped_bytes(file, trusted, of_data=shapes_of(test) if test else None)
    shipped = _as_it_ships(file, content)
    title = (
        f"{file.name} measured on {on}" if test else "as it would ship" if file.suffix in KERAS_SUFFIXES else "a file"
    )
    if test is None:
        return ComparedRun(letter(place), str(path), title, _row(file, shipped, dissect(content))), content
    measured = measure(content, test, metrics)
    rows = {configured.name: _metric_row(configured, measured) for configured in metrics}
    row = _row(file, shipped, measured.anatomy, rows, measured)
    kept = kept_scores(measured.scores, metrics, test.fingerprint, test.size)
    return ComparedRun(letter(place), str(path), title, row, fingerprints={"test": kept.test}, scores=kept), content


def _as_it_ships(file: Path, content: bytes) -> bytes:
    if file.is_dir() or file.suffix in KERAS_SUFFIXES:
        return content
    try:
        return content_of(file)
    except OSError as error:
        raise CompressorError(f"{file} cannot be read ({error.strerror})", "check the file") from None


def _metric_row(configured: ConfiguredMetric, measured: Measurement) -> MetricRow:
    with configured.running():
        own = score(measured.scores[configured.name], configured.metric)
    return MetricRow(
        value=own.value,
        low=own.low,
        high=own.high,
        higher_is_better=configured.metric.higher_is_better,
        share=configured.share,
        keras=None,
        from_baseline=None,
        from_previous=None,
    )


def _row(
    file: Path,
    shipped: bytes,
    anatomy: Anatomy,
    metrics: dict[str, MetricRow] | None = None,
    measured: Measurement | None = None,
) -> StageRow:
    """Make a row like that of a stage from what is known of a file; a latency that was not measured is NaN."""
    packed = is_package(shipped)
    return StageRow(
        id=file.name,
        uses="",
        provider="",
        state="",
        file=str(file),
        bytes=len(shipped),
        gzip_bytes=gzip_size(shipped) if packed else anatomy.gzip_bytes,
        unpacked_bytes=len(unpacked(shipped)) if packed else None,
        parameters=anatomy.parameters,
        sparsity=anatomy.sparsity,
        unique=anatomy.unique,
        weight_bits=anatomy.weight_bits,
        metrics=metrics or {},
        latency_p50=measured.latency.p50 if measured else math.nan,
        latency_p90=measured.latency.p90 if measured else math.nan,
        inputs=[],
        outputs=[],
        agreement=None,
        seconds=0,
        measure_seconds=measured.seconds if measured else 0,
        cached=False,
        notes=[],
        left_alone={},
        teacher="",
        layers=layer_rows(anatomy),
        float_operators=anatomy.float_operators,
        macs=anatomy.multiplications,
    )
