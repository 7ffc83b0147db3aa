"""`python -m commission_sync.quality` as a person uses it."""

import os
import subprocess
import sys


def command(dsn, home, *arguments):
    environment = os.environ | {"AIRFLOW_CONN_COMMISSIONS_DB": dsn, "AIRFLOW_HOME": str(home)}
    line = [sys.executable, "-m", "commission_sync.quality", *arguments]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_it_shows_scores_with_the_rows_behind_them_and_keeps_them(world, tmp_path):
    acme = world(20)
    acme.sync()
    acme.execute("UPDATE deals SET is_won = true, is_closed = true, owner_crm_id = '1', closed_at = now(), amount = 10")
    deal = acme.value("UPDATE deals SET closed_at = NULL WHERE id = (SELECT id FROM deals LIMIT 1) RETURNING crm_id")
    code, said = command(acme.dsn, tmp_path, "acme", "--stream", "deals", "--stream", "notes")
    assert code == 0, said
    assert "deals          98.52  20 records" in said
    assert "completeness  95.00  costs 1.4706 points, 1 findings" in said
    assert f"deal {deal}: the deal has no close date" in said
    assert "parity            -  no figures were compared with HubSpot in the last 7 days" in said
    assert "notes              -  it was never read completely" in said
    assert "line_items" not in said
    assert acme.query("SELECT stream, score, scored_by LIKE 'cli:%%' FROM data_quality_scores ORDER BY 1") == [
        ("deals", acme.value("SELECT score FROM data_quality_scores WHERE stream = 'deals'"), True),
        ("notes", None, True),
    ]


def test_a_company_that_is_not_there_is_one_clear_error(world, tmp_path):
    code, said = command(world(0).dsn, tmp_path, "acmee")
    assert (code, "no active integration for 'acmee'; active are: acme" in said) == (1, True)
