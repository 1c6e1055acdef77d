"""Rows of tensors: those of a file without names have the names of the file that it was made from."""

from dataclasses import dataclass
from types import SimpleNamespace

from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.reading.contents import dissect
from compressor.report.layer_rows import layer_rows, named_stage
from tests.small_litert_files import chain, dense


@dataclass(frozen=True)
class FileOfAStage:
    content: bytes

    @property
    def measurement(self):
        return SimpleNamespace(anatomy=dissect(self.content))


def names(*files):
    stage = named_stage([FileOfAStage(content) for content in files])
    return [row.name for row in layer_rows(stage.measurement.anatomy)]


def test_a_file_that_lost_its_names_has_those_of_the_latest_with_the_same_tensors():
    assert names(dense("INT8"), chain(), shrunk(chain()), shrunk(chain())) == ["kernel", "bias", "weights"]
    assert names(chain(), dense("INT8")) == ["w"]


def test_a_file_whose_tensors_no_other_has_stays_without_names():
    assert names(dense("INT8"), shrunk(chain())) == ["", "", ""]
    assert names(shrunk(chain())) == ["", "", ""]
