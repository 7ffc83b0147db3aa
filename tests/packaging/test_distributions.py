"""Two distributions come out of the project: the product, and the provider for any Airflow 3."""

import ast
import re
import sys
import tomllib
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

import airflow_hubspot
from environments import Environment
from handbook import ROOT

INCLUDE = ROOT / "include"
PROVIDER = ROOT / "packages" / "airflow-hubspot"
PACKAGES = {
    "airflow_hubspot": ["airflow_hubspot"],
    "hubspot_commission_sync": ["airflow_hubspot", "commission_sync", "hubspot_emulator"],
}
# By what is imported, the longest name first; Airflow is many distributions below one name.
COMES_FROM = {
    "airflow.providers.common.compat": "apache-airflow-providers-common-compat",
    "airflow.providers.openlineage": "apache-airflow-providers-openlineage",
    "airflow": "apache-airflow",
    "hubspot": "hubspot-api-client",
}


def wheel(dist: Path, name: str) -> ZipFile:
    (found,) = dist.glob(f"{name}-*.whl")
    return ZipFile(found)


def metadata(dist: Path, name: str):
    with wheel(dist, name) as archive:
        (path,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(path))


def declared(pyproject: Path) -> dict[str, str]:
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {re.match(r"[\w-]+", line)[0]: line for line in lines}


def imported() -> set[str]:
    """Return the distributions that the provider imports from."""
    names = set()
    for path in (INCLUDE / "airflow_hubspot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    others = {name for name in names if name.partition(".")[0] not in {*sys.stdlib_module_names, "airflow_hubspot"}}
    return {next((d for start, d in COMES_FROM.items() if f"{n}.".startswith(f"{start}.")), n) for n in others}


@pytest.mark.parametrize("name", PACKAGES)
def test_a_wheel_holds_every_file_of_its_packages_and_nothing_else(dist, name):
    with wheel(dist, name) as archive:
        packed = {path for path in archive.namelist() if ".dist-info/" not in path}
    expected = {
        str(path.relative_to(INCLUDE))
        for package in PACKAGES[name]
        for path in (INCLUDE / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == expected


@pytest.mark.parametrize("name", PACKAGES)
def test_a_source_distribution_is_there_too(dist, name):
    assert len([*dist.glob(f"{name}-*.tar.gz")]) == 1


def test_the_provider_has_licence_readme_and_a_changelog_of_its_version(dist):
    about = metadata(dist, "airflow_hubspot")
    assert (about["License-Expression"], about["License-File"]) == ("Apache-2.0", "LICENSE")
    assert about["Version"] == airflow_hubspot.__version__
    assert about.get_payload().startswith("# HubSpot provider")
    assert (PROVIDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert f"## {airflow_hubspot.__version__}\n" in (PROVIDER / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_provider_declares_what_it_imports_and_imports_what_it_declares():
    assert imported() == set(declared(PROVIDER / "pyproject.toml"))


def test_the_product_declares_what_its_provider_needs():
    assert set(declared(PROVIDER / "pyproject.toml")) <= set(declared(ROOT / "pyproject.toml"))


@pytest.mark.slow
def test_a_bare_airflow_learns_connection_type_hook_operators_and_link(dist, tmp_path):
    bare = Environment.make(tmp_path)
    (provider,) = dist.glob("airflow_hubspot-*.whl")
    bare.install("apache-airflow-core", provider)
    answers = bare.airflow("providers list", "providers hooks", "providers links")
    assert "airflow-hubspot" in {row["package_name"] for row in answers["providers list"]}
    (hook,) = (row for row in answers["providers hooks"] if row["connection_type"] == "hubspot")
    assert hook["class"] == "airflow_hubspot.hooks.hubspot.HubSpotHook"
    assert {"extra_link_class_name": "airflow_hubspot.links.HubSpotRecordsLink"} in answers["providers links"]
    said = bare.run(
        "import importlib, pkgutil, airflow_hubspot\n"
        "for module in pkgutil.walk_packages(airflow_hubspot.__path__, 'airflow_hubspot.'):\n"
        "    module.name.endswith('__main__') or importlib.import_module(module.name)\n"
        "from airflow_hubspot.operators import HubSpotReadObjectsOperator\n"
        "from airflow_hubspot.hooks.hubspot import HubSpotHook\n"
        "task = HubSpotReadObjectsOperator(task_id='read', object_type='deals', path='file:///tmp/deals.jsonl')\n"
        "print(task.operator_extra_links[0].name, *HubSpotHook('acme').versions(), sep='|')\n",
        AIRFLOW_CONN_ACME='{"conn_type": "hubspot", "password": "pat-na1-x"}',
    )
    assert said.splitlines()[-1] == "HubSpot records|2026-09|None"
