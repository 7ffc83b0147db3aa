"""The five activity streams, which share the table `deal_activities`."""

from commission_sync.store.merge import Cardinality
from commission_sync.streams.email_bodies import tell_of_missing_bodies
from commission_sync.streams.stream import Field, Step, Stream
from commission_sync.streams.values import instant, text


def _activity(kind: str, *after: Step) -> Stream:
    return Stream(
        name=f"{kind}s",
        object_type=f"{kind}s",
        entity=kind,
        table="deal_activities",
        type=kind,
        modified_property="hs_lastmodifieddate",
        created_property="hs_createdate",
        created_column="created_at",
        document="content",
        on_deals=Cardinality.MANY,
        feature="activities",
        after=after,
        fields=(
            Field("occurred_at", "timestamptz", "hs_timestamp", instant),
            Field("owner_crm_id", "text", "hubspot_owner_id", text),
        ),
    )


EMAILS = _activity("email", tell_of_missing_bodies)
NOTES = _activity("note")
CALLS = _activity("call")
MEETINGS = _activity("meeting")
TASKS = _activity("task")

ACTIVITIES = (EMAILS, NOTES, CALLS, MEETINGS, TASKS)
