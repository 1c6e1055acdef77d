"""How a run's stages fit their target, in every form of the report."""

import re
from types import SimpleNamespace

from made_reports import made_report

from compressor.contracts.device_profile import Device, DeviceProfile
from compressor.contracts.report_rows import ConstraintRow, DeviceRow
from compressor.report.data_formats import render_csv
from compressor.report.device_rows import device_lines, device_verdicts
from compressor.report.markdown import MOST_LINES, render_markdown
from compressor.report.page.html_page import render_html
from compressor.report.screen import Screen
from compressor.report.terminal import print_report

POOL = {
    "operator": "MAX_POOL_2D", "types": "int8", "version": 2, "calls": 1, "layers": ["pool/MaxPool"],
    "share_of_macs": 0.0,
}  # fmt: skip
CONVOLUTION = {**POOL, "operator": "CONV_2D", "types": "int16 x int8", "calls": 2, "share_of_macs": 0.25}
BOARD = Device(DeviceProfile.model_validate({"name": "board", "runtime": "tflm"}), {})
DENSE = "board has no kernel for FULLY_CONNECTED in int8 at 'dense'"


def row(flash, ram, **changes):
    facts = {
        "name": "board", "fits": True, "flash_bytes": flash, "flash_limit": 65_536, "ram_bytes": ram,
        "ram_limit": 16_384, "misses": [], "notes": [], "without_kernel": [], "in_float": [], "fallback": [],
    }  # fmt: skip
    return DeviceRow.model_validate(facts | changes)


def stages(*rows):
    return [
        SimpleNamespace(id=name, device=each) for name, each in zip(("baseline", "prune", "ptq"), rows, strict=False)
    ]


def test_a_run_without_a_target_has_no_verdicts_and_no_lines():
    (stage,) = stages(None)
    assert list(device_verdicts(None, [stage])) == []
    assert device_lines(stage) == []
    assert device_lines(made_report().stages[0]) == []


def test_memory_is_judged_as_a_limit_is_with_what_is_missing_and_which_step_spent_it():
    judged = list(device_verdicts(BOARD, stages(row(50_000, 8_000), row(70_000, 9_000), row(71_000, 9_000))))
    assert judged == [
        ConstraintRow(
            name="target.flash", limit="65.5 kB", actual="71.0 kB", met=False, number=65_536, missed_by="5.5 kB",
            spent_by="prune", spent="20.0 kB",
        ),
        ConstraintRow(name="target.ram", limit="16.4 kB", actual="9.0 kB", met=True, number=16_384),
        ConstraintRow(name="target.operators", limit="run on board", actual="all of them run", met=True),
    ]  # fmt: skip


def test_an_operator_that_does_not_run_misses_the_target():
    misses = [{"what": "operators", "text": DENSE}, {"what": "flash", "text": "needs more"}]
    last = row(1, 1, fits=False, misses=misses, flash_limit=None, ram_limit=None)
    assert list(device_verdicts(BOARD, stages(last))) == [
        ConstraintRow(name="target.operators", limit="run on board", actual=DENSE, met=False)
    ]


def report(**changes):
    made = made_report().model_dump(mode="json")
    made["stages"][-1]["device"] = row(37_000, 11_000, **changes).model_dump(mode="json")
    return made_report(stages=made["stages"])


FITS = "fits board: 37.0 kB of flash (65.5 kB there), 11.0 kB of RAM (16.4 kB there)"
LEFT = (
    "left to reference kernels or the CPU: 1 MAX_POOL_2D in int8, 2 CONV_2D in int16 x int8 (3 operators, 25.0% of the "
    "MACs)"
)


def test_the_terminal_and_markdown_say_what_fits_and_what_falls_back(capsys):
    made = report(fallback=[POOL, CONVOLUTION])
    print_report(made, Screen(width=200))
    printed = capsys.readouterr().out
    assert f" {FITS}\n {LEFT}\n" in printed
    told = render_markdown(made)
    assert f"{FITS}\n{LEFT}\n" in told.replace("\\_", "_")
    assert told.count("\n") <= MOST_LINES


def test_a_table_for_other_programs_has_the_flash_of_each_stage():
    header, *_, last = render_csv(report()).splitlines()
    assert "flash_bytes" in header.split(",") and "device" not in header.split(",")
    assert "board" not in last


def test_the_page_has_a_section_about_the_device():
    page = render_html(report(fits=False, misses=[{"what": "operators", "text": DENSE}], fallback=[CONVOLUTION]))
    assert '<h2 id="device-title">On the device</h2>' in page
    assert "does not fit board: 37.0 kB of flash" in page
    assert "board has no kernel for FULLY_CONNECTED in int8 at" in page
    cells = re.sub(r"<[^>]*>+", "|", page)
    assert re.search(r"\|CONV_2D\|+int16 x int8\|+reference kernel or CPU\|+2\|+25.0%\|", cells)
    assert "On the device" not in render_html(made_report())
