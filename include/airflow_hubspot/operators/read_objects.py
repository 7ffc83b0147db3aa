"""The operator that reads records into a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow.sdk import Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot import lineage
from airflow_hubspot.client import HubSpotClient, Record
from airflow_hubspot.client.reading import filters_of, read_all, read_matching
from airflow_hubspot.operators.json_lines import write_json_lines
from airflow_hubspot.operators.portal_operator import HubSpotRecordsOperator


class HubSpotReadObjectsOperator(HubSpotRecordsOperator):
    """Reads records of one type and writes them as JSON lines, each as HubSpot sends it.

    The file is there only when it is whole, and replaces an older one in one step where the storage can. Without
    filters the primary store is read; with filters HubSpot's search, past its cap of 10,000, whose index lags seconds
    to minutes behind.

    :param object_type: such as `deals`, or a custom object's type id
    :param path: where to write, such as `s3://bucket/deals.jsonl` or `file:///data/deals.jsonl`
    :param properties: which ones to read; empty: every property that the type has
    :param filters: at most four, all of which have to hold:
        `[{"property": "amount", "operator": "GT", "value": "100"}]`; times are epoch milliseconds, as text
    :param archived: read the recycle bin instead; not with filters, as search never shows it
    :param storage_conn_id: the Airflow connection of the storage, where it needs one
    :param hubspot_conn_id: a connection of type `hubspot`
    """

    template_fields: Sequence[str] = (
        "object_type",
        "path",
        "properties",
        "filters",
        "storage_conn_id",
        "hubspot_conn_id",
    )

    def __init__(
        self,
        *,
        path: str,
        properties: Sequence[str] = (),
        filters: Sequence[Mapping[str, str]] = (),
        archived: bool = False,
        storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if archived and filters:
            raise ValueError("filters are searched for, and HubSpot's search never shows archived records")
        self.path = path
        self.properties = properties
        self.filters = filters
        self.archived = archived
        self.storage_conn_id = storage_conn_id
        self._count = 0

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's signature
        """Return `{"path": ..., "records": ...}`."""
        with self.connected() as client:
            self._count = write_json_lines(self._target, self._records(client))
            self.log.info("records read type=%s records=%s path=%s", self.object_type, self._count, self.path)
        return {"path": self.path, "records": self._count}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - OpenLineage's signature
        """Return the type that was read and the file that was written."""
        assert self.portal is not None, "the task has succeeded"
        read = lineage.records(self.portal, self.object_type, list(self.properties))
        return lineage.operator_lineage(inputs=[read], outputs=[lineage.written_file(self._target, self._count)])

    @property
    def _target(self) -> ObjectStoragePath:
        return ObjectStoragePath(self.path, conn_id=self.storage_conn_id)

    def _records(self, client: HubSpotClient) -> Iterator[Record]:
        try:
            filters = filters_of(self.filters)
        except ValueError as error:
            raise AirflowFailException(str(error)) from None
        names = list(self.properties) or [d.name for d in client.properties.list(self.object_type)]
        if filters:
            return read_matching(client.objects, self.object_type, names, filters)
        return read_all(client.objects, self.object_type, names, archived=self.archived)
