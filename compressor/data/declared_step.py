"""What all steps of preprocessing and augmentation have in common, and how a recipe spells them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from compressor.base.params import Params

Pixels = Annotated[int, Field(ge=1, le=16_384)]
Size = Annotated[list[Pixels], Field(min_length=2, max_length=2)]
Numbers = Annotated[
    list[float],
    BeforeValidator(
        lambda value: [value] if isinstance(value, int | float) and not isinstance(value, bool) else value,
        json_schema_input_type=float | list[float],
    ),
    Field(min_length=1, max_length=65_536),
]


class Operation(Params):
    """A step that changes values. `main` is the parameter whose value may stand for all: `resize: [96, 96]`."""

    main: ClassVar[str]

    only: str | None = Field(None, description="the one of several inputs (or labels) to work on; all when left out")

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {cls.main: value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        if "properties" in schema:
            whole = dict(schema)
            schema.clear()
            schema["anyOf"] = [whole, whole["properties"][cls.main]]
            schema["description"] = whole.get("description", "")
        return schema


class Choice(Params):
    """An entry of a list of steps: a mapping whose one key names the step."""

    @model_validator(mode="after")
    def _one_key(self) -> Choice:
        if len(self.model_fields_set) != 1 or self.operation is None:
            raise ValueError(f"name one step here: {', '.join(type(self).model_fields)}")
        return self

    @property
    def operation(self) -> Any:
        """The step that the entry holds."""
        return getattr(self, next(iter(self.model_fields_set)))


def image_axes(values: Any, name: str) -> tuple[Any, bool]:
    """Images as (n, height, width, channels), and whether the axis of channels had to be added.

    Raises:
        DataError: the values are not images.
    """
    rank = len(values.shape)
    if rank not in (3, 4):
        from compressor.base.errors import DataError

        shape = tuple(values.shape[1:])
        what = f"'{name}' takes images of shape (height, width) or (height, width, channels), not samples of {shape}"
        raise DataError(what, "remove it, or name the input that holds the images with 'only'")
    return (values[..., None], True) if rank == 3 else (values, False)
