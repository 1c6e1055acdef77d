"""`compressor report`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from compressor.base.standard_output import say, say_document, tell
from compressor.cli.options import traceback_option
from compressor.cli.own_command import OwnCommand
from compressor.cli.places import PLACE

if TYPE_CHECKING:
    from compressor.contracts.report_rows import Report

_PAGE: Final = "report.html"
_LICENCE: Final = re.compile(r"([a-z0-9][a-z0-9.-]*)?")  # as the Hub has them
_FORMATS: Final = {  # and the suffixes of files that are written in each
    "terminal": (".txt",),
    "json": (".json",),
    "md": (".md",),
    "html": (".html", ".htm"),
    "csv": (".csv",),
    "junit": (".xml",),
    "card": (),  # its name on the Hub is README.md
}


@click.command("report", cls=OwnCommand)
@click.argument("run", metavar="RUN", type=PLACE)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_FORMATS)),
    help="The form of the report.  [default: that of the suffix of --output, else terminal]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write it to this file, not to standard output.")
@click.option("--force", is_flag=True, help="Replace that file if it exists.")
@click.option("--license", "licence", metavar="ID", default="", help="Of the model, such as apache-2.0, for its card.")
@click.option("--open", "opens", is_flag=True, help="Show the page in a browser; without --output, that of the run.")
@traceback_option
def command(run: Path | str, form: str | None, output: Path | None, force: bool, licence: str, opens: bool) -> None:
    """Show the report of a run that is done, in any of its forms.

    RUN is the folder of a run, its address, or a report.json. Every form has its figures from there, and nothing is
    measured again.
    """
    from compressor.cli.outputs import refuse_output, written
    from compressor.cli.places import local_run
    from compressor.report.stored_report import read_report

    suffix = output.suffix.lower() if output else ""
    form = form or next((name for name, known in _FORMATS.items() if suffix in known), None)
    if opens and form not in (None, "html"):
        raise click.UsageError(f"--open shows the report as html, and {form} is asked for; leave out one of them.")
    if output is not None and form is None and not opens:
        raise click.UsageError(f"{output} has no suffix that tells a form; give --format.")
    if licence and form != "card":
        raise click.UsageError("--license stands in a model card; give --format card, or leave it out.")
    if not _LICENCE.fullmatch(licence):
        what = f"'{licence}' is no identifier of a license; give one such as apache-2.0 or other."
        raise click.BadParameter(what, param_hint="--license")
    if isinstance(run, str) and opens and output is None:
        raise click.UsageError("a page at an address is shown from a file; give --output with --open.")
    with local_run(run) as local:
        report = read_report(local)
    if opens and output is None and isinstance(run, Path):
        output, force = (run if run.is_dir() else run.parent) / _PAGE, True
    form = "html" if opens else form or "terminal"
    if output is None:
        _print(report, form, licence)
        return
    refuse_output(output, force)
    text = _rendered(report, form, licence)
    with written(output) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    say(str(output))
    if opens:
        _open(output)


def _print(report: Report, form: str, licence: str) -> None:
    from compressor.report.screen import Screen
    from compressor.report.terminal import print_report

    if form == "terminal":
        print_report(report, Screen())
    else:
        say_document(_rendered(report, form, licence))


def _rendered(report: Report, form: str, licence: str) -> str:
    import io

    from compressor.base.outgoing import xml_text
    from compressor.report.data_formats import junit, render_csv, render_json
    from compressor.report.markdown import render_markdown
    from compressor.report.page.html_page import render_html
    from compressor.report.screen import Screen
    from compressor.report.terminal import print_report

    if form == "terminal":
        stream = io.StringIO()
        print_report(report, Screen(stream))
        return stream.getvalue()
    if form == "junit":
        return xml_text(junit(report)) + "\n"
    if form == "card":
        return _card(report, licence)
    return {"json": render_json, "md": render_markdown, "html": render_html, "csv": render_csv}[form](report)


def _card(report: Report, licence: str) -> str:
    from compressor.planning.registry import Registry
    from compressor.report.model_card import render_card
    from compressor.report.papers import papers_of

    return render_card(report, papers_of([stage.uses for stage in report.stages], Registry.installed()), licence)


def _open(page: Path) -> None:
    """Show a page in the browser, where there is one."""
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        tell(f"there is no browser to show {page} in; open the file yourself")
