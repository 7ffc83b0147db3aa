"""The receiver in a real web server, fuzzed from a description of its interface: nothing it is sent makes it fail."""

import json
import time

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from commission_sync.local.port import any_free
from webhook_processes import Kept
from webhook_requests import SECRET, signed_bytes

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
EVENT = {
    "type": "object",
    "required": ["portalId", "occurredAt", "subscriptionType"],
    "properties": {
        "portalId": INTEGER,
        "occurredAt": INTEGER,
        "subscriptionType": {"type": "string", "enum": ["deal.propertyChange", "deal.merge", "object.creation", "x"]},
        "eventId": INTEGER,
        "subscriptionId": INTEGER,
        "objectId": INTEGER,
        "objectTypeId": TEXT,
        "fromObjectId": INTEGER,
        "toObjectId": INTEGER,
        "associationType": TEXT,
        "mergedObjectIds": {"type": "array", "items": INTEGER},
        "propertyValue": TEXT,
    },
}
HEADERS = ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp", "X-HubSpot-Signature", "X-Forwarded-Host"]
DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "The receiver", "version": "1"},
    "paths": {
        "/hubspot/webhooks": {
            "post": {
                "parameters": [
                    *({"name": name, "in": "header", "schema": TEXT} for name in HEADERS),
                    {"name": "q", "in": "query", "schema": TEXT},
                ],
                "requestBody": {"content": {"application/json": {"schema": {"type": "array", "items": EVENT}}}},
                "responses": {"200": {"description": "kept"}},
            }
        }
    },
}
OPERATION = schemathesis.openapi.from_dict(DESCRIPTION)["/hubspot/webhooks"]["POST"]
PATIENT = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def receiver(database_dsn):
    with psycopg.connect(database_dsn) as conn:
        conn.execute("INSERT INTO crm_integrations (company_id, portal_id, conn_id) VALUES ('acme', 1001, 'a')")
    port = any_free()
    url = f"http://127.0.0.1:{port}"
    process = Kept(
        "receiver",
        database_dsn,
        str(port),
        HUBSPOT_WEBHOOK_SECRET=SECRET,
        HUBSPOT_WEBHOOK_URL=f"{url}/hubspot/webhooks",
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.post(f"{url}/hubspot/webhooks", timeout=2)
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield url
    finally:
        process.kill()


def test_whatever_is_sent_unsigned_is_refused(receiver):
    @given(case=OPERATION.as_strategy())
    @PATIENT
    def fuzz(case):
        answer = case.call(base_url=receiver)
        assert answer.status_code in {400, 401, 413, 422}

    fuzz()


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
def test_whatever_is_sent_signed_is_kept_or_refused_with_a_reason(receiver, mode):
    url = f"{receiver}/hubspot/webhooks"

    @given(case=OPERATION.as_strategy(generation_mode=mode))
    @PATIENT
    def fuzz(case):
        body = case.body if isinstance(case.body, bytes) else json.dumps(case.body, default=repr).encode()
        answer = httpx.post(url, content=body, headers=signed_bytes(body, url=url))
        assert answer.status_code in {200, 400, 413}, answer.text

    fuzz()
