"""The type of arguments that are a path on this machine or the address of storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.addresses import as_place, shown
from compressor.base.errors import CompressorError
from compressor.base.standard_output import tell
from compressor.cli.child_process import PUBLISHING

if TYPE_CHECKING:
    from compressor.run.published_run import Publication

    _Place = click.ParamType[Path | str]
else:
    _Place = click.ParamType  # which has no parameter before click 8.5


class _PlaceType(_Place):
    """A path as a `Path`, also one that is written as `file://`; an address such as `s3://bucket/runs` as text."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Tell the two apart."""
        return as_place(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Have the shell offer paths."""
        return click.Path().shell_complete(ctx, param, incomplete)


PLACE = _PlaceType()


@contextmanager
def local_run(place: Path | str) -> Iterator[Path]:
    """The path, or for an address a folder with the reports that are there, which goes when the block ends.

    Errors in the block that name the folder are raised with the address.
    """
    if isinstance(place, Path):
        yield place
        return
    from compressor.run.published_run import fetched_run

    with fetched_run(place) as folder:
        try:
            yield folder
        except CompressorError as error:
            what, remedy = (text.replace(str(folder), shown(place)) for text in (error.what, error.remedy))
            raise CompressorError(what, remedy) from None


@dataclass(frozen=True)
class SearchPlace:
    """Where a search is made, a folder on this machine, and where that is published when it ends, if anywhere."""

    folder: Path | None
    resume: bool
    address: str | None

    @classmethod
    def of(cls, output: Path | str | None, resume: Path | str | None) -> SearchPlace:
        """The place that `--output` and `--resume` name.

        Raises:
            click.UsageError: they do not fit together, or `--resume` is an address.
            StorageError: the address is none, or what it needs is not installed.
        """
        if isinstance(resume, str):
            what = "--resume takes the folder on this machine that the search was made in, which has its journal"
            raise click.UsageError(f"{what}, and not an address; with --output {resume}, it is published there as well")
        if isinstance(output, str):
            from compressor.storage.remote_folder import RemoteFolder

            RemoteFolder(output)  # that what it needs is installed, before anything takes time
            return cls(resume, resume is not None, output)
        if output is not None and resume is not None and output.resolve() != resume.resolve():
            raise click.UsageError("--output and --resume exclude each other; leave one out")
        return cls(resume or output, resume is not None, None)

    @property
    def resumed(self) -> Path | None:
        """The folder of a search that is to go on."""
        return self.folder if self.resume else None

    @contextmanager
    def published(self, silent: bool) -> Iterator[Publication]:
        """Publish what the block makes, if that is asked for; that this can be is tried before the block."""
        from compressor.run.published_run import published_at

        tell_doing = click.get_current_context().obj
        warn, publishing = (lambda text: tell(f"warning: {text}")), (lambda: tell_doing(PUBLISHING))
        with published_at(self.address, "search", warn, publishing) as publication:
            yield publication
        if not self.address or silent or not publication.files:
            return
        some = publication.published < publication.files
        what = f"{publication.published} of {publication.files} files are" if some else "the folder is"
        rest = f"; all of them are in {publication.folder}" if some else ""
        tell(f"{what} published at {shown(self.address)}{rest}")
