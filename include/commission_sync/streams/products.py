"""The products stream: reference data for line items."""

from commission_sync.streams.stream import Field, Stream
from commission_sync.streams.values import number, text

PRODUCTS = Stream(
    name="products",
    object_type="products",
    entity="product",
    table="crm_products",
    modified_property="hs_lastmodifieddate",
    created_property="createdate",
    feature="line_items",
    fields=(
        Field("name", "text", "name", text),
        Field("sku", "text", "hs_sku", text),
        Field("price", "numeric", "price", number),
    ),
)
