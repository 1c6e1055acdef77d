"""The compact writer's flatbuffers hold what the model held, and nothing twice."""

from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.flatbuffer_nodes import Table, Text, Vector
from compressor.models.litert.format.flatbuffer_writer import compact, laid_out


def written_out(model):
    """The model as nested plain values."""
    if hasattr(model, "__dict__"):
        return {name: written_out(value) for name, value in vars(model).items()}
    if hasattr(model, "tolist"):
        return model.tolist()
    return [written_out(one) for one in model] if isinstance(model, list) else model


def test_a_model_reads_back_as_it_was_and_writes_the_same_bytes_again(small_cnn):
    content = to_litert(small_cnn())
    small = compact(read_model(content))
    assert written_out(read_model(small)) == written_out(read_model(content))
    assert compact(read_model(small)) == small
    assert len(small) < len(content)


def test_contents_start_at_multiples_of_what_they_may_hold():
    texts = [Text(b"x" * length) for length in range(3)]
    nodes = [Vector(1, b"odd"), Vector(8, b"12345678"), Vector(1, b"sixteen bytes..."), *texts, Table(())]
    content = laid_out(nodes)
    assert content.index(b"12345678") % 8 == 0
    assert content.index(b"sixteen bytes...") % 8 == 0
    assert content.index(b"odd") % 4 == 0
