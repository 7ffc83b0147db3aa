"""The line items stream."""

from commission_sync.store.merge import Cardinality
from commission_sync.streams.stream import Field, Stream
from commission_sync.streams.values import number, text

LINE_ITEMS = Stream(
    name="line_items",
    object_type="line_items",
    entity="line_item",
    table="deal_line_items",
    modified_property="hs_lastmodifieddate",
    created_property="createdate",
    currency_column="currency",
    on_deals=Cardinality.ONE,
    feature="line_items",
    changes_silently=True,
    fields=(
        Field("product_name", "text", "name", text),
        Field("product_crm_id", "text", "hs_product_id", text),
        Field("sku", "text", "hs_sku", text),
        Field("quantity", "numeric", "quantity", number),
        Field("price", "numeric", "price", number),
        Field("discount", "numeric", "discount", number),
        Field("discount_percentage", "numeric", "hs_discount_percentage", number),
        Field("total", "numeric", "amount", number),
        Field("currency", "text", "hs_line_item_currency_code", text),
        Field("billing_frequency", "text", "recurringbillingfrequency", text),
        Field("billing_term", "text", "hs_recurring_billing_period", text),
    ),
)
