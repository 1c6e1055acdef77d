"""Runs to compare, as `compressor apply` would leave them, with chosen figures: reports, scores and locks."""

import json

import numpy as np

from compressor.contracts.report_rows import MetricRow
from compressor.measure.kept_scores import KeptScores, scores_content
from compressor.measure.statistics import score
from compressor.report.report_model import FullReport, FullStageRow

TEST = "a" * 64


def stage(metrics, **figures):
    row = {
        "id": "ptq", "uses": "ptq", "provider": "compressor 0.1.0", "state": "litert, quantized",
        "file": "stages/1-ptq.tflite", "bytes": 23_336, "gzip_bytes": 7_260, "unpacked_bytes": None,
        "parameters": 20_410, "sparsity": 0.816, "unique": 255, "weight_bits": 8.0, "metrics": metrics,
        "latency_p50": 36e-6, "latency_p90": 40e-6, "inputs": [], "outputs": [], "agreement": None, "seconds": 1.0,
        "measure_seconds": 1.0, "cached": False, "notes": [], "left_alone": {}, "teacher": "", "layers": [],
        "float_operators": 0,
    }  # fmt: skip
    known = {name: value for name, value in (row | figures).items() if name in FullStageRow.model_fields}
    missing = {
        name: None for name, field in FullStageRow.model_fields.items() if name not in known and field.is_required()
    }
    return {**missing, **known, **{name: value for name, value in figures.items() if name not in known}}


def metric(rows=None, higher_is_better=True, share=True, **values):
    if rows is not None:
        own = score(np.asarray(rows, float))
        values = {"value": own.value, "low": own.low, "high": own.high} | values
    row = MetricRow(
        **values, higher_is_better=higher_is_better, share=share, keras=None, from_baseline=None, from_previous=None
    )
    return row.model_dump()


def right(count, samples=10_000, shift=0):
    """The first `count` of the samples are right, from a place on."""
    rows = np.zeros(samples, bool)
    rows[(np.arange(count) + shift) % samples] = True
    return rows


def write_run(
    folder,
    accuracy,
    *,
    scores=True,
    lock=True,
    test=TEST,
    train="b" * 64,
    kept=None,
    metrics=None,
    numpy="2.1",
    **changes,
):
    """Write the folder of a run; `accuracy` has a bit for each test sample, and `changes` go into its report."""
    folder.mkdir(parents=True)
    figures = {key: changes.pop(key) for key in list(changes) if key not in FullReport.model_fields}
    report = {
        "schema_version": 1,
        "recipe": "prune_qat", "description": "", "created": "2026-11-24T22:39:11+00:00", "seed": 0, "smoke": False,
        "model": "mnist_cnn", "data": "mnist", "expects": [], "constraints": [], "seconds": 60.0,
        "samples": {"train": 54_000, "validation": 6_000, "test": len(accuracy)},
        "versions": {"compressor": "0.1.0", "tensorflow": "2.21.0"}, "machine": "Linux x86_64", "threads": 2,
        "stages": [stage({"accuracy": metric(accuracy), **(metrics or {})}, **figures)],
    }  # fmt: skip
    report |= changes
    (folder / "report.json").write_text(json.dumps(report))
    if scores:
        every = KeptScores(test, len(accuracy), {"accuracy": np.asarray(accuracy, bool), **(kept or {})})
        (folder / "scores.npz").write_bytes(scores_content(every))
    if lock:
        (folder / "lock.yaml").write_text(
            f"version: 1\nrecipe: {{name: {json.dumps(report['recipe'])}}}\nseed: {report['seed']}\nsmoke: false\n"
            f"tool: 0.1.0\nplugins: {{}}\ncode: {{}}\nversions: {{numpy: '{numpy}'}}\n"
            f"fingerprints: {{model: m, train: '{train}', validation: v, test: '{test}'}}\n"
        )
    return folder
