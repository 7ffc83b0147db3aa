"""Contacts and companies, with as little as makes them usable."""

from __future__ import annotations

from hubspot_emulator import names
from hubspot_emulator.declaration import Fields, Kind, Properties
from hubspot_emulator.source import Source

_CREATED = {"hs_object_id": "number", "createdate": "datetime", "hs_merged_object_ids": "enumeration"}


def contact(source: Source, number: int) -> Properties:
    """Return a contact."""
    noise = source.noise(number, 3)
    return {
        "firstname": names.PEOPLE[noise & 7],
        "lastname": f"{names.CUSTOMERS[noise % len(names.CUSTOMERS)].split()[0]}-{number}",
        "email": f"contact{number}@example.com",
        "phone": f"+41 44 {noise >> 8 & 0xFFFFFF:08d}" if noise >> 4 & 1 else None,
        "hubspot_owner_id": names.owner(noise >> 32),
    }


def company(source: Source, number: int) -> Properties:
    """Return a company."""
    noise = source.noise(number, 3)
    return {
        "name": f"{names.CUSTOMERS[noise % len(names.CUSTOMERS)]} {number}",
        "domain": f"company{number}.example.com",
        "industry": ("COMPUTER_SOFTWARE", "BANKING", None, "RETAIL")[noise >> 8 & 3],
        "hubspot_owner_id": names.owner(noise >> 32),
    }


CONTACTS = Kind(
    name="contacts",
    singular="contact",
    type_id="0-1",
    salt=1,
    group="contactinformation",
    fields=Fields(
        defined={
            "firstname": "string",
            "lastname": "string",
            "email": "string",
            "phone": "string",
            "hubspot_owner_id": "enumeration",
        },
        read_only={**_CREATED, "lastmodifieddate": "datetime"},
        from_elsewhere=frozenset({"hubspot_owner_id"}),
    ),
    defaults=("firstname", "lastname", "email"),
    count=lambda spec: round(spec.deals * spec.contacts_per_deal),
    generate=contact,
    created="createdate",
    # Contacts alone name it like this; a filter on hs_lastmodifieddate finds none of them.
    modified="lastmodifieddate",
    read=("crm.objects.contacts.read",),
    write=("crm.objects.contacts.write",),
    schema_read=("crm.schemas.contacts.read", "crm.objects.contacts.read"),
    schema_write=("crm.schemas.contacts.write",),
    searched=("firstname", "lastname", "email", "phone"),
    edited={"firstname": names.PEOPLE, "phone": (None, "+1 555 0100")},
    merges=True,
    offsets=((0,), (1,), (2,), (0, 1), (3,), (0, 2), (1,), ()),
)

COMPANIES = Kind(
    name="companies",
    singular="company",
    type_id="0-2",
    salt=2,
    group="companyinformation",
    fields=Fields(
        defined={
            "name": "string",
            "domain": "string",
            "industry": "enumeration",
            "hubspot_owner_id": "enumeration",
        },
        read_only={**_CREATED, "hs_lastmodifieddate": "datetime"},
        from_elsewhere=frozenset({"hubspot_owner_id"}),
    ),
    defaults=("name", "domain"),
    count=lambda spec: spec.deals // 4,
    generate=company,
    created="createdate",
    read=("crm.objects.companies.read",),
    write=("crm.objects.companies.write",),
    schema_read=("crm.schemas.companies.read", "crm.objects.companies.read"),
    schema_write=("crm.schemas.companies.write",),
    searched=("name", "domain"),
    edited={"name": names.CUSTOMERS, "industry": (None, "BANKING")},
    merges=True,
    # Four deals for each company, and no more than one company for a deal.
    offsets=((0, 1, 2, 3),),
)
