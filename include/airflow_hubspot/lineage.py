"""What tasks read and wrote, for OpenLineage; nothing of it is needed where that provider is not installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import (
    Dataset,
    OutputDataset,
    OutputStatisticsOutputDatasetFacet,
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)

from airflow_hubspot.portal import Portal

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


def records(portal: Portal, object_type: str, properties: Sequence[str] = ()) -> Any:
    """Return the dataset of a portal's object type, with the properties as its fields."""
    fields = [SchemaDatasetFacetFields(name=name) for name in properties]
    facets: dict[str, Any] = {"schema": SchemaDatasetFacet(fields=fields)} if fields else {}
    return Dataset(namespace=portal.namespace, name=object_type, facets=facets)


def written_records(portal: Portal, object_type: str, count: int) -> Any:
    """Return the dataset of a portal's object type as an output, with the number of records."""
    return OutputDataset(namespace=portal.namespace, name=object_type, outputFacets=_rows(count))


def file(path: ObjectStoragePath) -> Any:
    """Return the dataset of a file, named as OpenLineage's naming rules want it."""
    return Dataset(*_file_name(path))


def written_file(path: ObjectStoragePath, count: int) -> Any:
    """Return the dataset of a file as an output, with the number of its lines."""
    namespace, name = _file_name(path)
    return OutputDataset(namespace=namespace, name=name, outputFacets=_rows(count))


def operator_lineage(*, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
    """Return what `get_openlineage_facets_on_complete` is to return; only that provider calls it."""
    from airflow.providers.openlineage.extractors import OperatorLineage  # noqa: PLC0415 - an optional package

    return OperatorLineage(inputs=list(inputs), outputs=list(outputs))


def _rows(count: int) -> dict[str, Any]:
    return {"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=count)}


def _file_name(path: ObjectStoragePath) -> tuple[str, str]:
    if path.protocol in {"", "file", "local"}:
        return "file", path.path
    return f"{path.protocol}://{path.bucket}", path.key
