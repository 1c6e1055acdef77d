"""The model of `report.json`: what contracts promise of a report, with a field for every column about stages."""

from __future__ import annotations

from typing import Any

from pydantic import Field, create_model

from compressor.contracts.report_rows import Report, StageRow
from compressor.report.columns import value_columns
from compressor.report.notebook_views import ViewedReport, ViewedStage

_FIELDS: dict[str, Any] = {
    column.name: (column.type_, Field(column.default, description=column.meaning)) for column in value_columns()
}

# the module's name is theirs, too, so that a report can be pickled
FullStageRow = create_model(
    "FullStageRow", __base__=ViewedStage, __module__=__name__, __doc__=StageRow.__doc__, **_FIELDS
)
FullReport = create_model(
    "FullReport", __base__=ViewedReport, __module__=__name__, __doc__=Report.__doc__, stages=(list[FullStageRow], ...)
)


def report_schema() -> dict[str, Any]:
    """The JSON Schema of `report.json`.

    `schema_version` rises when a field goes or means something else. Fields that are added within a version have
    defaults, so that reports from before are still read.
    """
    schema = FullReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "compressor report 1"}
