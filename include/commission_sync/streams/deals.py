"""The deals stream."""

from commission_sync.streams.history import follow_history, keep_history
from commission_sync.streams.splits import compare_splits, keep_marked_splits, keep_splits
from commission_sync.streams.stream import Field, Stream
from commission_sync.streams.values import boolean, instant, number, text

DEALS = Stream(
    name="deals",
    object_type="deals",
    entity="deal",
    table="deals",
    modified_property="hs_lastmodifieddate",
    created_property="createdate",
    currency_column="currency",
    is_mapped=True,
    changes_silently=True,
    sums=("pipeline", "amount"),
    pay_properties=(
        "amount",
        "deal_currency_code",
        "dealstage",
        "pipeline",
        "closedate",
        "hubspot_owner_id",
        "hs_is_closed_won",
    ),
    before=(follow_history,),
    alongside=(keep_marked_splits,),
    hourly=(keep_history, keep_splits),
    nightly=(keep_history, keep_splits, compare_splits),
    fields=(
        Field("name", "text", "dealname", text),
        Field("amount", "numeric", "amount", number),
        Field("currency", "text", "deal_currency_code", text),
        Field("pipeline", "text", "pipeline", text),
        Field("stage", "text", "dealstage", text),
        Field("is_closed", "bool", "hs_is_closed", boolean),
        Field("is_won", "bool", "hs_is_closed_won", boolean),
        Field("owner_crm_id", "text", "hubspot_owner_id", text),
        Field("closed_at", "timestamptz", "closedate", instant),
    ),
)
