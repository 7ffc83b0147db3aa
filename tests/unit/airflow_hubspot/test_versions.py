"""Every path is in one table, and what is used in a version that ends soon is told in time."""

import subprocess
import sys
from datetime import date

import pytest

from airflow_hubspot.client.paths import RESOURCES, template
from airflow_hubspot.client.versions import in_use, support_ends, warnings


@pytest.mark.parametrize(
    ("version", "ends"),
    [
        ("v1", date(2027, 9, 1)),
        ("v3", date(2027, 9, 1)),
        ("v4", date(2027, 3, 30)),
        ("2025-09", date(2027, 3, 1)),
        ("2026-03", date(2027, 9, 1)),
        ("2026-09", date(2028, 3, 1)),
        ("2027-03-beta", date(2028, 9, 1)),
    ],
)
def test_the_ends_are_those_of_hubspots_changelog(version, ends):
    assert support_ends(version) == ends


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_every_path_of_the_table_has_an_end(version):
    told = {name for support in in_use(version, version) for name in support.resources}
    assert told == set(RESOURCES)


def test_a_dated_version_leads_to_dated_paths():
    dated = [r for r in RESOURCES if "2026-09" in template(r, "2026-09")]
    # The one that HubSpot has no dated form of.
    assert set(RESOURCES) - set(dated) == {"token_info"}


def test_the_old_token_endpoint_ends_before_the_rest_of_v1():
    found = {(s.version, s.ends): s.resources for s in in_use("2026-03", "v1")}
    assert found[("v1", date(2027, 2, 16))] == ("oauth_token",)
    assert "oauth_token" not in {r for s in in_use("2026-03") for r in s.resources}


def test_a_warning_comes_half_a_year_ahead_and_says_what_is_touched():
    assert warnings("2026-09", today=date(2026, 11, 25)) == []
    (warning,) = warnings("2025-09", today=date(2026, 11, 25))
    assert "API version 2025-09 ends on 2027-03-01 (in 96 days)" in warning
    assert "objects, search" in warning
    (warning,) = warnings("2026-03", "v1", today=date(2026, 11, 25))
    assert "API version v1 ends on 2027-02-16 (in 83 days); it is used for oauth_token" in warning
    assert any("ended on 2027-09-01" in said for said in warnings("v3", today=date(2027, 10, 1)))


def run(*arguments):
    command = [sys.executable, "-P", "-m", "airflow_hubspot", "versions", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_shows_versions_ends_and_resources():
    done = run("--api-version", "2026-03", "--oauth-version", "v1")
    assert "2026-03    2027-09-01" in done.stdout
    assert "v1         2027-02-16" in done.stdout


def test_the_command_refuses_a_version_that_cannot_be():
    done = run("--api-version", "v9")
    assert (done.returncode, "use a dated one such as 2026-09, or v3" in done.stderr) == (1, True)
