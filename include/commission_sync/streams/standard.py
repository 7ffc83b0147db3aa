"""The streams that every company has, unless it switched them off; deals first, as the others hang on them."""

from commission_sync.streams.activities import ACTIVITIES
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS

STREAMS = (DEALS, LINE_ITEMS, *ACTIVITIES)
