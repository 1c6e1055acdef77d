"""Where a model is found that is to be looked at."""

import pytest

from compressor.base.errors import ModelError
from compressor.scaffolding.known_model import origin_of


def test_a_folder_that_is_named_as_a_registered_model_is_told_how_to_name_it(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net").mkdir()
    with pytest.raises(ModelError) as error:
        origin_of("net", registry)
    assert str(error.value) == "there is no model 'net'; write './net' for the file or folder"
