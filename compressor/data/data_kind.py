"""What a kind of data must say of itself: how its sources are recognised, which options they take, how they are read.

Planning reads all kinds to check a recipe, so a kind imports NumPy, TensorFlow and the code that reads its files only
when it reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base.errors import DataError
from compressor.base.params import Params

if TYPE_CHECKING:
    from compressor.data.split import Splits


@dataclass(frozen=True)
class Library:
    """A library that a kind of data is read with, and that is not installed along with this tool."""

    module: str
    distribution: str

    def require_for(self, source: str) -> None:
        """Check that the library is there to read a source.

        Raises:
            DataError: it is not installed.
        """
        try:
            import_module(self.module)
        except ImportError:
            what = f"'{source}' is read by {self.distribution}, which is not installed"
            raise DataError(what, f"pip install {self.distribution}") from None


class DataKind(ABC):
    """A kind of data that `data.source` can name. The class's docstring says in the docs what such a source holds.

    A source is of the kind whose suffix its file name ends with, or whose `word` is in the name; a folder is of the
    kind of the first such file in it. A name that begins with the `prefix` stands for data in a library.
    """

    name: ClassVar[str]  # as messages and the docs list it: ".csv tables"
    example: ClassVar[str]  # how the docs spell a source of this kind
    told_apart: ClassVar[str]  # for the docs: how training, validation and test data are
    suffixes: ClassVar[tuple[str, ...]] = ()  # in lower case; `data.source: NAME` with one of them is a path
    word: ClassVar[str] = ""  # in names of files whose suffixes vary, such as `train.tfrecord-00000-of-00002`
    prefix: ClassVar[str] = ""  # of names in a library: "tfds:"
    in_split_folders: ClassVar[bool] = False  # whether a source may be folders `train` and `test` of such files
    any_folder: ClassVar[bool] = False  # whether a folder in which no kind recognises a file is of this one
    library: ClassVar[Library | None] = None  # what has to be installed to read it
    path_options: ClassVar[tuple[str, ...]] = ()  # the options that are paths; they start where the tool is run
    Options: ClassVar[type[Params]] = Params  # what `data.with` may hold; nothing by default

    @abstractmethod
    def splits(self, target: str, options: Any, spool: Path) -> Splits:
        """Read the splits of a source, as they are stored.

        Args:
            target: its path, which need not exist, or its name in a library.
            options: what `data.with` holds, an instance of `Options`.
            spool: the folder for data that can only be read in order.

        Raises:
            DataError: there is no data, or it cannot be read.
        """
