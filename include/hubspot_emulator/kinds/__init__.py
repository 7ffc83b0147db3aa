"""The object types that are served."""

from hubspot_emulator.declaration import Kind
from hubspot_emulator.errors import invalid
from hubspot_emulator.kinds.activities import CALLS, EMAILS, MEETINGS, NOTES, TASKS
from hubspot_emulator.kinds.deals import DEALS
from hubspot_emulator.kinds.people import COMPANIES, CONTACTS
from hubspot_emulator.kinds.products import LINE_ITEMS, PRODUCTS

KINDS = (DEALS, LINE_ITEMS, PRODUCTS, NOTES, CALLS, EMAILS, MEETINGS, TASKS, CONTACTS, COMPANIES)
ACTIVITIES = (NOTES, CALLS, EMAILS, MEETINGS, TASKS)

_BY_NAME = {name: kind for kind in KINDS for name in (kind.name, kind.singular, kind.type_id)}


def kind_of(name: str) -> Kind:
    """Return the object type that a path or a filter names: plural, singular or by its id, in any case.

    :raises ApiError: 400 when there is none
    """
    kind = _BY_NAME.get(name.lower())
    if kind is None:
        raise invalid(f"Unable to infer object type from: {name}")
    return kind
