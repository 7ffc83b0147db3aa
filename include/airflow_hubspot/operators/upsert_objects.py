"""The operator that writes rows to HubSpot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow.sdk import Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException

from airflow_hubspot import lineage
from airflow_hubspot.client.upserts import Upserted, upsert
from airflow_hubspot.operators.json_lines import read_json_lines
from airflow_hubspot.operators.portal_operator import HubSpotRecordsOperator

_NAMED = 10


class HubSpotUpsertObjectsOperator(HubSpotRecordsOperator):
    """Creates or changes records, found by a property whose values are unique, in batches of 100.

    A row that HubSpot refuses does not keep others from being written: its batch is halved until it stands alone. When
    all are sent, the task fails if any was refused, and names them. Running it again is safe.

    :param object_type: such as `deals`, or a custom object's type id
    :param id_property: a property of the type whose values are unique; every row has it
    :param rows: mappings of property to value, such as an upstream task's result; None clears a property
    :param path: in place of `rows`: a file of JSON lines, one row each
    :param fail_on_rejected: whether refused rows fail the task; they are logged either way
    :param storage_conn_id: the Airflow connection of the storage, where it needs one
    :param hubspot_conn_id: a connection of type `hubspot`
    """

    template_fields: Sequence[str] = (
        "object_type",
        "id_property",
        "rows",
        "path",
        "storage_conn_id",
        "hubspot_conn_id",
    )

    def __init__(
        self,
        *,
        id_property: str,
        rows: Sequence[Mapping[str, Any]] | None = None,
        path: str | None = None,
        fail_on_rejected: bool = True,
        storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (rows is None) == (path is None):
            raise ValueError("give either rows or path")
        self.id_property = id_property
        self.rows = rows
        self.path = path
        self.fail_on_rejected = fail_on_rejected
        self.storage_conn_id = storage_conn_id
        self._written = 0

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002 - Airflow's signature
        """Return `{"created": ..., "updated": ..., "rejected": ...}`."""
        with self.connected() as client:
            try:
                done = upsert(client.objects, self.object_type, self._rows(), id_property=self.id_property)
            except ValueError as error:
                raise AirflowFailException(f"{error}; what was sent before is written, and may be sent again") from None
        self._written = done.created + done.updated
        self._report(done)
        return {"created": done.created, "updated": done.updated, "rejected": len(done.rejected)}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - OpenLineage's signature
        """Return the file that was read, if any, and the type that was written."""
        assert self.portal is not None, "the task has succeeded"
        read = [lineage.file(self._source)] if self.path else []
        written = lineage.written_records(self.portal, self.object_type, self._written)
        return lineage.operator_lineage(inputs=read, outputs=[written])

    @property
    def _source(self) -> ObjectStoragePath:
        return ObjectStoragePath(str(self.path), conn_id=self.storage_conn_id)

    def _rows(self) -> Iterable[Mapping[str, Any]]:
        return read_json_lines(self._source) if self.path else self.rows or ()

    def _report(self, done: Upserted) -> None:
        self.log.info(
            "records written type=%s created=%s updated=%s rejected=%s",
            self.object_type,
            done.created,
            done.updated,
            len(done.rejected),
        )
        for row in done.rejected:
            self.log.error("row rejected row=%s key=%r reason=%r", row.number, row.key, row.reason)
        if done.rejected and self.fail_on_rejected:
            named = "; ".join(f"row {r.number} ({r.key}): {r.reason}" for r in done.rejected[:_NAMED])
            raise AirflowFailException(
                f"HubSpot refused {len(done.rejected)} of {self._written + len(done.rejected)} rows, all others are "
                f"written: {named}. Correct them and clear the task"
            )
