"""The type of arguments that are a path on this machine or the address of storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.addresses import as_place, shown
from compressor.base.errors import CompressorError

if TYPE_CHECKING:
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


def kept_here(output: Path | str | None) -> Path | None:
    """The folder of a search.

    Raises:
        click.UsageError: it is an address.
    """
    if isinstance(output, str):
        what = "a search is kept in a folder on this machine; name one, and copy its front when it ends"
        raise click.UsageError(what)
    return output
