"""`python -m commission_sync.mapping` as a person uses it: a real process, a real database, HubSpot over HTTP."""

import json
import os
import subprocess
import sys

import pytest

MAPPING = {
    "property_mappings": {"contract_length_months": {"field": "months", "type": "number"}},
    "calculated_fields": {"total": "amount * months"},
}


@pytest.fixture
def command(world, tmp_path):
    """A company with 120 deals and no mapping, and the command for it; `mapping` becomes its file."""

    def run(acme, action, *arguments, mapping=None, token=None):
        given = []
        if mapping is not None:
            path = tmp_path / "mapping.json"
            path.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping))
            given = [str(path)]
        connection = {"conn_type": "hubspot", "host": acme.emulator.url, "password": token or acme.portal.token}
        environment = os.environ | {
            "AIRFLOW_CONN_COMMISSIONS_DB": acme.dsn,
            "AIRFLOW_CONN_HUBSPOT_ACME": json.dumps(connection),
            "AIRFLOW_HOME": str(tmp_path),
        }
        line = [sys.executable, "-m", "commission_sync.mapping", action, "acme", *given, *arguments]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    acme = world(120)
    acme.sync()
    return acme, run


def totals(acme):
    return acme.value("SELECT count(*) FROM deals WHERE calculated->>'total' IS NOT NULL")


def test_a_mapping_is_validated_previewed_activated_and_rolled_back(command):
    acme, run = command
    amounts = acme.value("SELECT count(*) FROM deals WHERE amount IS NOT NULL")
    code, said = run(acme, "validate", mapping=MAPPING)
    assert (code, "1 mapped and 1 calculated fields can be used" in said) == (0, True), said

    code, said = run(acme, "preview", "--deals", "3", mapping=MAPPING)
    assert (code, said.count("\ndeal ")) == (0, 3), said
    assert 'months: null -> "' in said
    assert totals(acme) == 0

    code, said = run(acme, "activate", "--note", "first", mapping=MAPPING)
    assert code == 0, said
    assert "version 1 counts" in said
    assert "120 deals looked at, 120 changed" in said
    assert totals(acme) == amounts

    code, said = run(acme, "activate", "--stored", mapping={**MAPPING, "calculated_fields": {"total": "amount * 2"}})
    assert (code, "version 2 counts" in said) == (0, True), said
    code, said = run(acme, "rollback", "--stored")
    assert (code, "version 1 counts again" in said) == (0, True), said
    assert acme.value("SELECT calculated_fields FROM crm_integrations") == {"total": "amount * months"}

    code, said = run(acme, "history")
    assert 'total: "amount * months" -> "amount * 2"' in said
    assert "* 1  " in said
    told = acme.query(
        "SELECT entity_id, actor LIKE 'cli:%%', changes->'version' FROM audit_log WHERE entity = 'mapping' ORDER BY id"
    )
    assert told == [("1", True, [None, 1]), ("2", True, [1, 2]), ("1", True, [2, 1])]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("{", "is not JSON"),
        ('{"calculated_fields": {"x": NaN}}', "NaN is no value of JSON"),
        ("[]", "has to be an object with property_mappings and calculated_fields"),
        ({"property_mapping": {}}, "and nothing else"),
        ({"property_mappings": {"contract_lenght": "months"}}, "has no property 'contract_lenght'; did you mean 'contract_length_months'?"),
        ({"calculated_fields": {"total": "amount * mnths"}}, "total: column 10: there is no 'mnths'"),
        ({"property_mappings": {"partner_name": {"field": "x", "type": "number"}}}, "declared number, and 'partner_name' is string"),
        ({"property_mappings": {"amount": {"field": "x", "default": "\ud800"}}}, "default: "),
    ],
)  # fmt: skip
def test_a_bad_mapping_is_not_saved_and_the_message_says_why(command, mapping, message):
    acme, run = command
    code, said = run(acme, "activate", "--stored", mapping=mapping)
    assert code == 1
    assert message in said
    assert acme.query("SELECT 1 FROM mapping_versions") == []
    assert acme.value("SELECT property_mappings FROM crm_integrations") == {}


def test_what_stands_in_the_way_is_one_line(command):
    acme, run = command
    code, said = run(acme, "validate", mapping=MAPPING, token="pat-na1-wrong-secret")
    assert code == 1
    assert "HubSpot cannot be asked for acme's properties" in said
    assert "--stored" in said
    assert "wrong-secret" not in said
    assert run(acme, "rollback", "7", "--stored")[1] == "✗ there is no version 7 of this company's mapping\n"
    assert "there is no earlier version" in run(acme, "rollback", "--stored")[1]
    acme.execute("UPDATE crm_integrations SET company_id = 'globex'")
    assert "no active integration for 'acme'; active are: globex" in run(acme, "history")[1]


def test_help_says_what_it_does():
    done = subprocess.run(
        [sys.executable, "-m", "commission_sync.mapping", "--help"], capture_output=True, text=True, check=True
    )
    for action in ("validate", "preview", "activate", "rollback", "recompute", "history"):
        assert action in done.stdout
