"""What `compressor inspect --json` prints of a model file, as plain data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from compressor.contracts.report_rows import LayerRow, OperatorTimeRow, SpreadRow


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class EndRow(_Row):
    """An input or output; real value = scale * (stored value - zero_point), where scale is not 0."""

    name: str = Field(description="the signature's name, or the tensor's where there is no signature")
    tensor: str
    shape: tuple[int | None, ...] = Field(description="with null for sizes that the caller may choose")
    dtype: str
    scale: float = Field(description="0 where it is not quantized")
    zero_point: int
    low: float | None = Field(description="the least real value that it can hold; null where it is not quantized")
    high: float | None = Field(description="the greatest one")


class SignatureRow(_Row):
    """A way to call the file."""

    name: str | None = Field(description="null where the main graph has no signature")
    inputs: list[EndRow]
    outputs: list[EndRow]


class OperatorTypeRow(_Row):
    """The operators of a type that compute in the same types."""

    operator: str
    computes_in: str
    arithmetic: Literal["float", "integer", "neither"] = Field(
        description="neither for what converts or unpacks values, and for what works on indices and conditions"
    )
    calls: int
    constant_bytes: int = Field(description="of the weights, biases and tables that they take")
    macs: int | None = Field(description="multiply-accumulates of one call of the file; null where a size is open")


class OperatorRow(_Row):
    """An operator that computes in float."""

    operator: str
    output: str = Field(description="the name of the first tensor that it makes")
    number: int = Field(description="its place among the operators of all graphs, from 1 on")
    constant_bytes: int
    macs: int | None


class NeighborRow(_Row):
    """What feeds a float island or takes what it makes."""

    operator: str | None = Field(description="null for an input or output of the model")
    output: str | None = Field(description="the name of the first tensor that the operator makes")
    number: int | None
    tensor: str = Field(description="the float tensor that passes between the two")
    bytes: int = Field(description="of that tensor")


class IslandRow(_Row):
    """Operators that compute in float and hand values to one another, in a file that also computes in integers."""

    operators: list[OperatorRow]
    between_integers: bool = Field(description="whether operators in integers stand before and behind it")
    fed_by: list[NeighborRow]
    taken_by: list[NeighborRow]
    conversions: int = Field(description="operators that only convert values on their way in and out")
    constant_bytes: int
    made_bytes: int = Field(description="of the tensors that its operators make")
    macs: int | None


class TensorRow(LayerRow):
    """A weight tensor."""

    # what the page draws, and a report alone can tell
    spread: SpreadRow | None = Field(None, exclude=True)
    difference: float | None = Field(None, exclude=True)


class OperatorMemoryRow(_Row):
    """What is in the arena while an operator runs, in bytes."""

    number: int
    name: str
    output: str
    bytes: int
    scratch_bytes: int
    reach: int


class ArenaRow(_Row):
    """The memory that LiteRT for Microcontrollers needs, in bytes."""

    bytes: int = Field(description="the least size of the arena")
    tensor_bytes: int = Field(description="of tensors and scratch buffers")
    persistent_bytes: int = Field(description="of what stays")
    temporary_bytes: int = Field(description="of what is needed while tensors are allocated")
    operators: list[OperatorMemoryRow]
    unplanned_graphs: int = Field(description="graphs besides the first one, whose tensors are not counted")


class MetadataRow(_Row):
    """An entry of the file's metadata."""

    name: str
    bytes: int
    text: str = Field(description="what it holds, where that is a short text; else empty")


class KerasLayerRow(_Row):
    """A layer of a Keras model, as the steps of a recipe get it: from Keras 3 by way of the bridge."""

    name: str = Field(description="after a slash, where the layer is within another one")
    type: str = Field(description="its class")
    output: str = Field(description="the shape of its output without the samples; `?` for an open size")
    parameters: int
    trainable_parameters: int
    trainable: bool = Field(description="whether training changes its weights; false for a frozen layer")
    activation: str = Field(description="empty where it has none, or computes it in another layer")
    steps: dict[str, str] = Field(
        description="by step: works, calibrated, float, refused, or - where there is nothing to do; empty for a class "
        "that docs/layers.md does not list"
    )
    left_in_float: str = Field(description="operators that stay in float in the int8 file of such a layer; else empty")


class TimeRow(_Row):
    """A median, in seconds, with its 95 % interval."""

    value: float
    low: float
    high: float


class LatencyRow(_Row):
    """One call of the file on random inputs."""

    seconds: TimeRow
    rounds: int = Field(description="in each of which the file was opened anew and timed")
    threads: int
    operators: list[OperatorTimeRow] = Field(description="each timed alone; empty where they could not be")
    fault: str = Field(description="why they could not be; else empty")


class ModelContents(_Row):
    """What is in a model file. Sizes are in bytes, shares from 0 to 1."""

    schema_version: Literal[1] = 1
    file: str = Field(description="its name, without its folder")
    kind: Literal["LiteRT file", "package", "Keras file", "SavedModel"]
    stored_bytes: int = Field(description="of the file or folder that was inspected")
    bytes: int = Field(
        description="of the .tflite file: the file itself, what the package holds, or the converted model"
    )
    gzip_bytes: int
    parameters: int
    sparsity: float = Field(description="share of zeros among the kernels' values")
    weight_bits: float = Field(description="mean bits of the kernels' values")
    operators: int
    macs: int | None = Field(description="multiply-accumulates of one call; null where a size is open, or for a loop")
    signatures: list[SignatureRow]
    operators_by_type: list[OperatorTypeRow] = Field(description="the most frequent first")
    float_operators: list[OperatorRow]
    float_islands: list[IslandRow] = Field(description="empty in a file that computes nothing in integers")
    tensors: list[TensorRow] = Field(description="the weights, in the order of the file")
    layers: list[KerasLayerRow] = Field(description="of a Keras model; else empty")
    description: str = Field(description="what the .tflite file says of itself")
    metadata: list[MetadataRow]
    arena: ArenaRow
    latency: LatencyRow | None = Field(None, description="with `--latency`")


def contents_schema() -> dict[str, Any]:
    """The JSON Schema of what `compressor inspect --json` prints.

    `schema_version` rises when a field goes or means something else; fields may be added within a version.
    """
    schema = ModelContents.model_json_schema(mode="serialization")
    title = "contents of a model file, compressor inspect 1"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
