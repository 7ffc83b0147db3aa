"""One declaration, as docs/streams.md shows it, brings another object type in: contacts stand for a custom object."""

from commission_sync.store.merge import Cardinality
from commission_sync.streams.stream import Field, Stream
from commission_sync.streams.values import text

CONTACTS = Stream(
    name="contacts",
    object_type="contacts",
    entity="contact",
    table="deal_objects",
    type="contact",
    modified_property="lastmodifieddate",
    created_property="createdate",
    on_deals=Cardinality.MANY,
    fields=(Field("name", "text", "email", text),),
)


def test_a_declared_object_type_lands_with_its_links_and_is_reconciled(world):
    acme = world(120)
    acme.sync()
    assert acme.sync(stream=CONTACTS).inserted == 60
    assert not acme.difference(CONTACTS)
    acme.emulator.admin.edit(1001, count=20, mix="mixed", type="contacts")
    acme.sync(stream=CONTACTS)
    assert not acme.difference(CONTACTS)
    contact, deal = acme.links("contacts")[0]
    acme.detach(deal, contact, "contacts")
    gone = acme.emulator.admin.truth_ids(1001, "contacts")[5]
    acme.archive(gone, object_type="contacts")
    assert acme.difference(CONTACTS)
    acme.reconcile(streams=(CONTACTS,))
    assert not acme.difference(CONTACTS)
