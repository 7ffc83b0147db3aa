"""Notes, calls, e-mails, meetings and tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from hubspot_emulator import names
from hubspot_emulator.declaration import Fields, Kind, Properties
from hubspot_emulator.source import Source
from hubspot_emulator.spec import PortalSpec
from hubspot_emulator.times import DAY_MS, iso

EMAIL_SCOPE = "sales-email-read"
_SCOPE = "crm.objects.contacts"

# Of 64: one hangs on no deal, eleven on several.
_SOME_DEALS = (
    (),
    *((n % 4,) for n in range(52)),
    *((n % 3, n % 3 + 1) for n in range(8)),
    (0, 1, 2),
    (0, 1, 2, 3),
    (1, 3),
)
_READ_ONLY = {
    "hs_object_id": "number",
    "hs_createdate": "datetime",
    "hs_lastmodifieddate": "datetime",
    "hs_object_source": "string",
    "hs_body_preview": "string",
}
_DEFINED = {"hs_timestamp": "datetime", "hubspot_owner_id": "enumeration", "hs_attachment_ids": "string"}
_HEADERS = '{"from":{"email":"rep%d@example.com"},"to":[{"email":"c%d@example.com"}]}'
_LONG = "".join(f"<p>{escape(sentence)}</p>" for sentence in names.SENTENCES) * 60


def note(source: Source, number: int) -> Properties:
    """Return a note."""
    a = source.noise(number, 3)
    return _common(source, number, a) | _text("hs_note_body", a, number)


def call(source: Source, number: int) -> Properties:
    """Return a call; its duration is in milliseconds."""
    a = source.noise(number, 3)
    return (
        _common(source, number, a)
        | _text("hs_call_body", a, number)
        | {
            "hs_call_title": f"Call with {names.CUSTOMERS[a % len(names.CUSTOMERS)]}",
            "hs_call_duration": str((a >> 20 & 0xFFF) * 1000 + (a >> 32 & 1023)),
            "hs_call_direction": "INBOUND" if a >> 44 & 1 else "OUTBOUND",
            "hs_call_status": ("COMPLETED", "NO_ANSWER", "BUSY", "COMPLETED")[a >> 45 & 3],
            "hs_call_disposition": f"f240bbac-87c9-4f6e-bf70-{a & 0xFFFFFFFFFFFF:012x}" if a >> 47 & 1 else None,
            "hs_call_to_number": f"+49 30 {a >> 8 & 0xFFFFFF:08d}",
        }
    )


def email(source: Source, number: int) -> Properties:
    """Return an e-mail, with its text once plain and once as HTML."""
    a = source.noise(number, 3)
    sender = names.PEOPLE[a >> 20 & 7]
    return (
        _common(source, number, a)
        | _text("hs_email_html", a, number)
        | {
            "hs_email_subject": f"Re: {names.PRODUCTS[a >> 23 & 7]} \u2013 {names.CUSTOMERS[a % len(names.CUSTOMERS)]}",
            "hs_email_text": f"{names.SENTENCES[a >> 4 & 3]}\n\n-- \n{sender} \u2709",
            "hs_email_direction": ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL", "EMAIL")[a >> 26 & 3],
            "hs_email_status": "SENT",
            "hs_email_headers": _HEADERS % (a >> 28 & 7, number),
            "hs_email_from_email": f"rep{a >> 28 & 7}@example.com",
            "hs_email_to_email": f"c{number}@example.com",
        }
    )


def meeting(source: Source, number: int) -> Properties:
    """Return a meeting."""
    a, starts = source.noise(number, 3), source.created_ms(number) + DAY_MS
    return (
        _common(source, number, a)
        | _text("hs_meeting_body", a, number)
        | {
            "hs_meeting_title": f"{names.PRODUCTS[a >> 20 & 7]} with {names.CUSTOMERS[a % len(names.CUSTOMERS)]}",
            "hs_internal_meeting_notes": names.SENTENCES[a >> 23 & 3] if a >> 25 & 1 else None,
            "hs_meeting_start_time": iso(starts),
            "hs_meeting_end_time": iso(starts + 1_800_000),
            "hs_meeting_outcome": ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW")[a >> 26 & 3],
            "hs_meeting_location": "Zürich, Büro 3" if a >> 28 & 1 else "https://meet.example.com/?a=1&b=2",
        }
    )


def task(source: Source, number: int) -> Properties:
    """Return a task; its time is when it is due."""
    a = source.noise(number, 3)
    return (
        _common(source, number, a)
        | _text("hs_task_body", a, number)
        | {
            "hs_task_subject": f"Follow up on {names.PRODUCTS[a >> 20 & 7]}",
            "hs_task_status": ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED")[a >> 23 & 3],
            "hs_task_priority": ("LOW", "MEDIUM", "HIGH", None)[a >> 25 & 3],
            "hs_task_type": ("EMAIL", "CALL", "TODO", "TODO")[a >> 27 & 3],
        }
    )


def _common(source: Source, number: int, noise: int) -> Properties:
    return {
        "hs_timestamp": iso(source.created_ms(number) - (noise >> 50 & 0xFFF) * 1000),
        "hubspot_owner_id": names.owner(noise >> 52) if noise >> 56 & 7 else None,
        "hs_attachment_ids": f"{noise & 0xFFFFFF};{noise >> 8 & 0xFFFFFF}" if noise >> 59 & 7 == 0 else None,
        "hs_object_source": "CRM_UI" if noise >> 62 & 1 else "EMAIL_INTEGRATION",
    }


def _text(name: str, noise: int, number: int) -> Properties:
    """Return a body in HTML, rarely none or a very long one, and the first words of it."""
    sentence = names.SENTENCES[noise >> 2 & 3]
    if noise >> 10 & 63 == 0:
        return {name: None, "hs_body_preview": None}
    is_long = noise >> 10 & 255 == 1
    more = _LONG * (1 + (noise >> 18 & 3)) if is_long else f"<p>{escape(names.SENTENCES[noise >> 6 & 3])}</p>"
    customer = escape(names.CUSTOMERS[noise % len(names.CUSTOMERS)])
    body = f'<div dir="auto"><p>{customer}: <b>{escape(sentence)}</b> &nbsp;<br>№ {number}</p>{more}</div>'
    return {name: body, "hs_body_preview": sentence[:60]}


def _activity(
    name: str,
    salt: int,
    generate: Callable[[Source, int], Properties],
    defined: Mapping[str, str],
    *,
    share: float,
    edited: Mapping[str, tuple[str | None, ...]],
    options: Mapping[str, tuple[str, ...]] | None = None,
    guarded: Mapping[str, frozenset[str]] | None = None,
) -> Kind:
    html = frozenset(n for n in defined if n.endswith(("_body", "_html")))

    def count(spec: PortalSpec) -> int:
        return round(spec.deals * spec.activities_per_deal * share)

    return Kind(
        name=name,
        singular=name.removesuffix("s"),
        type_id=f"0-{salt}",
        salt=salt,
        group="engagement",
        fields=Fields(
            defined={**_DEFINED, **defined},
            read_only=_READ_ONLY,
            options=options or {},
            html=html,
            from_elsewhere=frozenset({"hubspot_owner_id"}),
        ),
        defaults=(),
        count=count,
        generate=generate,
        # HubSpot has no scopes for activities: they hang on those of contacts.
        read=(f"{_SCOPE}.read",),
        write=(f"{_SCOPE}.write",),
        schema_read=("crm.schemas.contacts.read", f"{_SCOPE}.read"),
        schema_write=("crm.schemas.contacts.write",),
        searched=(*html, "hs_body_preview"),
        edited=edited,
        guarded=guarded or {},
        offsets=_SOME_DEALS,
    )


_BODIES = ("<p>Changed &amp; signed</p>", "<div>数量 <i>5 %</i></div>", None)

NOTES = _activity("notes", 46, note, {"hs_note_body": "string"}, share=0.2, edited={"hs_note_body": _BODIES})

CALLS = _activity(
    "calls",
    48,
    call,
    {
        "hs_call_body": "string",
        "hs_call_title": "string",
        "hs_call_duration": "number",
        "hs_call_direction": "enumeration",
        "hs_call_status": "enumeration",
        "hs_call_disposition": "string",
        "hs_call_to_number": "string",
    },
    share=0.2,
    edited={"hs_call_body": _BODIES, "hs_call_duration": ("1000", "65000", "0")},
    options={"hs_call_direction": ("INBOUND", "OUTBOUND")},
)

_EMAIL_CONTENT = frozenset(
    {"hs_email_html", "hs_email_text", "hs_email_subject", "hs_email_headers", "hs_body_preview", "hs_attachment_ids"}
)

EMAILS = _activity(
    "emails",
    49,
    email,
    {
        "hs_email_html": "string",
        "hs_email_text": "string",
        "hs_email_subject": "string",
        "hs_email_direction": "enumeration",
        "hs_email_status": "enumeration",
        "hs_email_headers": "string",
        "hs_email_from_email": "string",
        "hs_email_to_email": "string",
    },
    share=0.3,
    edited={"hs_email_html": _BODIES, "hs_email_subject": ("Fwd: Angebot für Ömer", "Re: 見積もり")},
    options={"hs_email_direction": ("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL")},
    guarded={EMAIL_SCOPE: _EMAIL_CONTENT},
)

MEETINGS = _activity(
    "meetings",
    47,
    meeting,
    {
        "hs_meeting_body": "string",
        "hs_meeting_title": "string",
        "hs_internal_meeting_notes": "string",
        "hs_meeting_start_time": "datetime",
        "hs_meeting_end_time": "datetime",
        "hs_meeting_outcome": "enumeration",
        "hs_meeting_location": "string",
    },
    share=0.1,
    edited={"hs_meeting_body": _BODIES, "hs_meeting_outcome": ("COMPLETED", "CANCELED")},
    options={"hs_meeting_outcome": ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")},
)

TASKS = _activity(
    "tasks",
    27,
    task,
    {
        "hs_task_body": "string",
        "hs_task_subject": "string",
        "hs_task_status": "enumeration",
        "hs_task_priority": "enumeration",
        "hs_task_type": "enumeration",
    },
    share=0.2,
    edited={"hs_task_body": _BODIES, "hs_task_status": ("COMPLETED", "DEFERRED")},
    options={
        "hs_task_status": ("NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"),
        "hs_task_priority": ("LOW", "MEDIUM", "HIGH"),
        "hs_task_type": ("EMAIL", "CALL", "TODO"),
    },
)
