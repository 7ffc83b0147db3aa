"""Mails in a real SMTP server, from a real Airflow: a DAG that fails, one that recovers, one that misses its deadline."""

import json
import time
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from commission_sync.local.port import any_free
from hubspot_emulator import PortalSpec, running_emulator
from live import eventually, live_airflow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow")]

PORTALS = [PortalSpec("acme", 1001, 30, "pat-na1-acme"), PortalSpec("globex", 1002, 30, "pat-na1-globex")]


class Mailbox:
    """Keeps what an SMTP server is handed."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the server's own protocol
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def next(self, *, seconds=30):
        """Wait for the next mail; 30 seconds are what people are promised."""
        eventually(lambda: self.mails or None, seconds=seconds)
        return self.mails.pop(0)


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.port = any_free()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def test_mails_arrive_when_a_run_fails_when_it_works_again_and_when_it_misses_its_deadline(tmp_path, mailbox):
    smtp = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": mailbox.port,
        "extra": {"disable_ssl": True, "disable_tls": True, "auth_type": "none", "from_email": "sync@example.com"},
    }
    variables = {
        "ALERT_EMAILS": "ops@example.com, pay@example.com",
        "FRESHNESS_SLA_MINUTES": "1",
        "SYNC_INTERVAL_MINUTES": "1440",
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(smtp),
        # A run that ends while its DAG file is parsed is only reviewed when it is the file's turn again.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
    }
    with (
        running_emulator(PORTALS, limits=False) as emulator,
        live_airflow(tmp_path, emulator, PORTALS, variables) as live,
    ):
        live.connect_company(PORTALS[1], token="pat-na1-revoked")
        assert live.ended(live.trigger()) == "failed"
        mail = mailbox.next()
        assert mail["Subject"] == "[commission sync] HubSpot refuses the token (hubspot_deals, globex)"
        assert mail["To"] == "ops@example.com, pay@example.com"
        assert mail["From"] == "sync@example.com"
        text = mail.get_body(("plain",)).get_content()
        assert "/tasks/sync/mapped/1" in text
        assert "pat-na1" not in text

        live.connect_company(PORTALS[1])
        assert live.ended(live.trigger()) == "success"
        assert mailbox.next()["Subject"] == "[commission sync] hubspot_deals works again: globex"

        emulator.admin.set_faults(1001, {"rate_limited_retry_after": 1.0, "retry_after_seconds": 900})
        started = time.monotonic()
        live.trigger()
        late = mailbox.next(seconds=60 + 30)
        assert time.monotonic() - started >= 60
        assert "hubspot_deals" in late["Subject"]
        assert "acme" in late.get_body(("plain",)).get_content()
        assert not mailbox.mails
