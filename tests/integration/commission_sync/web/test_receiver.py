"""The receiver over HTTP, with a real PostgreSQL behind it: nothing is acknowledged that is not on disk."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
import time_machine
from fastapi import FastAPI
from hubspot.utils.signature import Signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission_sync.settings import Settings
from commission_sync.web.receiver import Receiver
from commission_sync.webhooks.inbox import Inbox
from webhook_requests import SECRET, URL, body_of, event, now_ms, signed_bytes, signed_headers

COMPANY = "INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'hubspot_acme')"


def settings_of(**values):
    return Settings(**{"hubspot_webhook_secret": SECRET, "hubspot_webhook_url": URL, **values})


@asynccontextmanager
async def receiver(dsn, **values):
    inbox = Inbox(dsn)

    async def opened():
        return inbox

    app = FastAPI()
    app.include_router(Receiver(opened, lambda: settings_of(**values)).router(), prefix="/hubspot")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:8080") as client:
            yield client
    finally:
        await inbox.close()


def post(dsn, body, headers=None, path="/hubspot/webhooks", **values):
    """Send one request and return its answer."""

    async def send():
        async with receiver(dsn, **values) as client:
            return await client.post(path, content=body, headers=signed_headers(body) if headers is None else headers)

    return asyncio.run(send())


def rows(dsn, statement, *parameters):
    with psycopg.connect(dsn) as conn:
        return conn.execute(statement, parameters).fetchall()


@pytest.fixture
def inbox_dsn(database_dsn) -> Iterator[str]:
    with psycopg.connect(database_dsn) as conn:
        conn.execute(COMPANY)
    return database_dsn


def test_signed_events_are_on_disk_when_they_are_acknowledged(inbox_dsn):
    answer = post(inbox_dsn, body_of(event(1), event(2, "deal.deletion")))
    assert (answer.status_code, answer.json()["new"]) == (200, 2)
    kept = rows(inbox_dsn, "SELECT object_type, object_id, subscription_type, state FROM webhook_events ORDER BY 2")
    assert kept == [("deal", 1, "deal.propertyChange", "received"), ("deal", 2, "deal.deletion", "received")]


def test_a_repeated_delivery_is_acknowledged_and_kept_once(inbox_dsn):
    first = event(1)
    again = {**first, "attemptNumber": 3}
    assert post(inbox_dsn, body_of(first, again)).json()["new"] == 1
    assert post(inbox_dsn, body_of(again)).json() == {"status": "accepted", "events": 1, "new": 0}
    assert rows(inbox_dsn, "SELECT count(*)::int FROM webhook_events") == [(1,)]


FORGED = {
    "unsigned": lambda body: {},
    "another secret": lambda body: signed_headers(body, secret="another"),
    "another address": lambda body: signed_headers(body, url="https://elsewhere.example.com/hubspot/webhooks"),
    "too old": lambda body: signed_headers(body, at_ms=now_ms() - 301_000),
    "from the future": lambda body: signed_headers(body, at_ms=now_ms() + 310_000),
    "an older version": lambda body: {"X-HubSpot-Signature": "0" * 64, "X-HubSpot-Signature-Version": "v1"},
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_what_hubspot_has_not_signed_is_401_and_leaves_nothing(inbox_dsn, forged):
    body = body_of(event(1))
    assert post(inbox_dsn, body, forged(body)).status_code == 401
    assert rows(inbox_dsn, "SELECT 1 FROM webhook_events") == []


@pytest.mark.parametrize("hours", [2, -2])
def test_a_web_server_whose_clock_is_off_takes_in_what_hubspot_signs_now(inbox_dsn, hours):
    body = body_of(event(1))
    signed, old = signed_headers(body), signed_headers(body, at_ms=now_ms() - 301_000)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
        assert post(inbox_dsn, body, signed).status_code == 200
        assert post(inbox_dsn, body, old).status_code == 401


def test_without_a_secret_nobody_can_have_signed_anything(inbox_dsn):
    body = body_of(event(1))
    answer = post(inbox_dsn, body, signed_headers(body, secret=""), hubspot_webhook_secret="")
    assert answer.status_code == 401


def test_both_secrets_are_good_while_one_is_rotated(inbox_dsn):
    for number, secret in enumerate(("old", "new"), start=1):
        body = body_of(event(number))
        answer = post(inbox_dsn, body, signed_headers(body, secret=secret), hubspot_webhook_secret="new, old")
        assert answer.status_code == 200
    body = body_of(event(3))
    assert post(inbox_dsn, body, signed_headers(body, secret="old"), hubspot_webhook_secret="new").status_code == 401


def test_a_query_is_part_of_what_was_signed(inbox_dsn):
    body = body_of(event(1))
    signed = signed_headers(body, url=URL + "?app=1")
    assert post(inbox_dsn, body, signed, path="/hubspot/webhooks?app=2").status_code == 401
    assert post(inbox_dsn, body, signed, path="/hubspot/webhooks?app=1").status_code == 200


def test_a_proxys_headers_are_believed_only_when_the_settings_say_so(inbox_dsn):
    body = body_of(event(1))
    headers = signed_headers(body) | {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "sync.example.com, proxy"}
    told = {"hubspot_webhook_url": None}
    assert post(inbox_dsn, body, headers, **told).status_code == 401
    assert post(inbox_dsn, body, headers, **told, hubspot_webhook_trust_proxy=True).status_code == 200
    direct = signed_headers(body, url="http://10.0.0.7:8080/hubspot/webhooks")
    assert post(inbox_dsn, body, direct, **told).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{}", b"null", b'"x"', b"[1]", b"[[]]", b"[NaN]", b"[" * 5_000, b'[{"a":"\xff"}]']
)
def test_a_body_that_is_no_array_of_events_is_400(inbox_dsn, body):
    assert post(inbox_dsn, body, signed_bytes(body)).status_code == 400
    assert rows(inbox_dsn, "SELECT 1 FROM webhook_events") == []


def test_too_large_and_too_many_are_413(inbox_dsn):
    assert post(inbox_dsn, body_of(event(1, note="x" * 3_000)), hubspot_webhook_max_bytes=2_000).status_code == 413
    body = body_of(*(event(n) for n in range(101)))
    assert post(inbox_dsn, body, hubspot_webhook_max_events=100).status_code == 413
    assert rows(inbox_dsn, "SELECT 1 FROM webhook_events") == []


def test_a_body_without_a_declared_length_is_cut_off_where_it_is_too_large(inbox_dsn):
    read = []

    async def endless():
        while True:
            read.append(1)
            yield b"x" * 1_000

    async def send():
        async with receiver(inbox_dsn, hubspot_webhook_max_bytes=4_000) as client:
            return await asyncio.wait_for(client.post("/hubspot/webhooks", content=_limited(endless())), 10)

    async def _limited(source):
        async for chunk in source:
            if len(read) > 10_000:
                return
            yield chunk

    assert asyncio.run(send()).status_code == 413


def test_events_of_a_portal_that_nobody_has_are_kept_and_never_routed(inbox_dsn):
    assert post(inbox_dsn, body_of(event(1, portalId=4242))).status_code == 200
    assert rows(inbox_dsn, "SELECT state, integration_id, last_error FROM webhook_events") == [
        ("ignored", None, "no company has this portal")
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("is_active = false", "the company is not active"),
        ("""feature_flags = '{"webhooks": false}'""", "webhooks are switched off for the company"),
    ],
)
def test_events_that_a_company_does_not_want_are_kept_as_ignored(inbox_dsn, change, why):
    with psycopg.connect(inbox_dsn) as conn:
        conn.execute(f"UPDATE crm_integrations SET {change}")
    post(inbox_dsn, body_of(event(1)))
    assert rows(inbox_dsn, "SELECT state, last_error FROM webhook_events") == [("ignored", why)]


@pytest.mark.parametrize(
    "broken",
    [
        {"occurredAt": None},
        {"occurredAt": -1},
        {"occurredAt": 10**18},
        {"objectId": "abc"},
        {"objectId": 2**63},
        {"objectId": None},
        {"subscriptionType": ""},
        {"portalId": "x"},
        {"portalId": True, "objectId": None},
        {"subscriptionType": "nul\x00", "objectId": None},
        {"propertyName": "big", "propertyValue": 10**400, "objectId": []},
    ],
)
def test_an_event_that_cannot_be_understood_is_a_dead_letter_and_the_others_live(inbox_dsn, broken):
    body = json.dumps([event(1), event(2, **broken)]).encode()
    for attempt in range(2):
        again = body.replace(b'"attemptNumber": 0', b'"attemptNumber": %d' % attempt)
        assert post(inbox_dsn, again).status_code == 200
    assert rows(inbox_dsn, "SELECT state, count(*)::int FROM webhook_events GROUP BY 1 ORDER BY 1") == [
        ("dead", 1),
        ("received", 1),
    ]
    ((reason, error_class),) = rows(inbox_dsn, "SELECT last_error, error_class FROM webhook_dead_letters")
    assert reason
    assert error_class == "unreadable"


def test_half_a_character_and_a_nul_are_kept_as_they_can_be(inbox_dsn):
    body = (
        b'[{"portalId":1001,"occurredAt":%d,"subscriptionType":"deal.propertyChange","objectId":5,"propertyValue":"a\\u0000b\\ud83d"}]'
        % now_ms()
    )
    assert post(inbox_dsn, body).status_code == 200
    assert rows(inbox_dsn, "SELECT payload->>'propertyValue' FROM webhook_events") == [("a\\u0000b\\ud83d",)]


def test_a_database_that_is_away_is_503_and_is_used_again_when_it_is_back(postgres, inbox_dsn):
    async def send():
        async with receiver(inbox_dsn) as client:
            answers = [await sent(client, 1)]
            cut_off(postgres, inbox_dsn, allow=False)
            answers.append(await sent(client, 2))
            cut_off(postgres, inbox_dsn, allow=True)
            # The pool looks for the database after one second, and then after two.
            async with asyncio.timeout(10):
                while await sent(client, 2) != 200:
                    continue
            return answers

    async def sent(client, number):
        body = body_of(event(number))
        return (await client.post("/hubspot/webhooks", content=body, headers=signed_headers(body))).status_code

    assert asyncio.run(send()) == [200, 503]
    assert rows(inbox_dsn, "SELECT object_id::int FROM webhook_events ORDER BY 1") == [(1,), (2,)]


def test_connections_that_a_restart_has_cut_cost_nobody_a_refusal(postgres, inbox_dsn):
    async def send():
        async with receiver(inbox_dsn) as client:
            codes = []
            for number in range(6):
                body = body_of(event(number))
                codes.append(
                    (await client.post("/hubspot/webhooks", content=body, headers=signed_headers(body))).status_code
                )
                end_sessions(postgres, inbox_dsn)
            return codes

    assert asyncio.run(send()) == [200] * 6


def test_no_database_at_all_is_503():
    assert post("postgresql://sync:very-secret@127.0.0.1:1/commissions", body_of(event(1))).status_code == 503


def end_sessions(postgres, dsn):
    name = dsn.rpartition("/")[2]
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def cut_off(postgres, dsn, *, allow):
    name = dsn.rpartition("/")[2]
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as conn:
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(allow).lower()}')
    if not allow:
        end_sessions(postgres, dsn)


def test_neither_secret_nor_payload_is_logged(inbox_dsn, caplog):
    with caplog.at_level(logging.DEBUG):
        good, odd = body_of(event(1)), body_of(event(2, objectId="a-value-that-nobody-may-log"))
        post(inbox_dsn, good)
        post(inbox_dsn, odd)
        post(inbox_dsn, good, {})
        post(inbox_dsn, b"{a-value-that-nobody-may-log", signed_headers(b"{a-value-that-nobody-may-log"))
        post("postgresql://sync:very-secret@127.0.0.1:1/commissions", good)
    ours = "\n".join(f"{r.getMessage()} {r.exc_text or ''}" for r in caplog.records)
    assert "webhook refused status=401" in ours
    for word in (SECRET, "a-value-that-nobody-may-log", "very-secret"):
        assert word not in ours
    assert "a-value-that-nobody-may-log" not in str(rows(inbox_dsn, "SELECT last_error FROM webhook_events"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        event() | {"fromObjectId": 1, "toObjectId": 1, "mergedObjectIds": 1, "objectTypeId": 1}, JSON
    ),
)
EVENTS = st.lists(FIELDS | st.builds(lambda changes: event() | changes, FIELDS), max_size=5)


def test_no_input_makes_the_receiver_fail(inbox_dsn):
    """Signed or not, well-formed or not, with odd headers and queries: an answer below 500, always."""
    with asyncio.Runner() as runner:
        context = receiver(inbox_dsn)
        client = runner.run(context.__aenter__())
        try:

            def answer(body, headers, path="/hubspot/webhooks"):
                return runner.run(client.post(path, content=body, headers=headers)).status_code

            @given(EVENTS)
            @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
            def signed_events(events):
                body = json.dumps(events).encode()
                assert answer(body, signed_headers(body)) == 200

            @given(
                st.binary(max_size=200),
                st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40),
            )
            @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
            def anything(body, text):
                headers = {
                    "X-HubSpot-Request-Timestamp": text.encode("latin-1"),
                    "X-HubSpot-Signature-v3": text.encode("latin-1"),
                    "Host": text.encode("latin-1"),
                }
                assert answer(body, headers) == 401
                assert answer(body, signed_bytes(body)) in {200, 400}

            signed_events()
            anything()
        finally:
            runner.run(context.__aexit__(None, None, None))


def test_many_requests_at_once_share_inserts_and_each_is_answered_for_its_own_events(inbox_dsn):
    async def send():
        async with receiver(inbox_dsn) as client:
            bodies = [body_of(*(event(n * 10 + m) for m in range(5))) for n in range(60)]
            repeated = bodies[7]
            answers = await asyncio.gather(
                *(client.post("/hubspot/webhooks", content=b, headers=signed_headers(b)) for b in [*bodies, repeated])
            )
            return [answer.status_code for answer in answers]

    assert asyncio.run(send()) == [200] * 61
    assert rows(inbox_dsn, "SELECT count(*)::int FROM webhook_events") == [(300,)]
    assert rows(inbox_dsn, "SELECT count(DISTINCT received_at)::int < 60 FROM webhook_events") == [(True,)]


def test_what_the_database_refuses_of_one_request_leaves_the_others_alone(inbox_dsn):
    with psycopg.connect(inbox_dsn) as conn:
        conn.execute("ALTER TABLE webhook_events ADD CONSTRAINT poor CHECK (object_id <> 13) NOT VALID")

    async def send():
        async with receiver(inbox_dsn) as client:
            bodies = [body_of(event(n)) for n in (11, 12, 13, 14)]
            answers = await asyncio.gather(
                *(client.post("/hubspot/webhooks", content=b, headers=signed_headers(b)) for b in bodies)
            )
            return [answer.status_code for answer in answers]

    assert asyncio.run(send()) == [200, 200, 503, 200]
    assert rows(inbox_dsn, "SELECT object_id::int FROM webhook_events ORDER BY 1") == [(11,), (12,), (14,)]


def test_an_older_signature_is_good_only_when_the_settings_say_so(inbox_dsn):
    body = body_of(event(1))
    headers = {
        "X-HubSpot-Signature": Signature.get_signature(SECRET, body.decode(), "v1"),
        "X-HubSpot-Signature-Version": "v1",
    }
    assert post(inbox_dsn, body, headers).status_code == 401
    assert post(inbox_dsn, body, headers, hubspot_webhook_legacy_signatures=True).status_code == 200
