"""Two machines share their steps, and publish their runs, over a real S3 server."""

import json

import s3_server

import compressor
from compressor.report.stored_report import read_report
from compressor.run.published_run import fetched_run


def test_a_second_machine_takes_every_step_of_the_first_over_s3_and_makes_the_same_bytes(s3, tmp_path, monkeypatch):
    address, settings = s3
    reports, folders = [], []
    for machine in ("first", "second"):
        place = tmp_path / machine
        place.mkdir()
        monkeypatch.chdir(place)
        monkeypatch.setenv("COMPRESSOR_CACHE", str(place / "own"))
        how = {"cache": f"{address}/cache"} if machine == "first" else {"cache_from": [f"{address}/cache"]}
        report, folder = compressor.apply("ptq", smoke=True, output=f"{address}/{machine}", **how)
        reports.append(report)
        folders.append(place / folder)
    assert [[stage.cached for stage in report.stages] for report in reports] == [[False, False], [True, True]]
    assert reports[0].files == reports[1].files
    name = address.removeprefix("s3://team/")
    first, second = (s3_server.content(settings, f"{name}/{machine}/model.tflite") for machine in ("first", "second"))
    assert first == second == (folders[0] / "model.tflite").read_bytes()
    with fetched_run(f"{address}/second") as folder:
        assert read_report(folder).files == reports[1].files
    for machine, folder in zip(("first", "second"), folders, strict=True):
        note = json.loads(s3_server.content(settings, f"{name}/{machine}/published.json"))
        here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert set(note["files"]) == here
        assert {"model.tflite", "report.html", "stages/1-ptq.tflite"} <= here
