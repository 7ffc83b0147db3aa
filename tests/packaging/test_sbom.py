"""The list of what is installed is whole, and the audit says whether it was made."""

import json
import re
import subprocess

from handbook import ROOT


def test_every_requirement_is_listed_with_its_version_and_origin(tmp_path):
    path = tmp_path / "sbom.cdx.json"
    subprocess.run([ROOT / "bin" / "sbom", path], check=True, capture_output=True)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert document["metadata"]["component"]["name"] == "hubspot-commission-sync"
    listed = {(part["name"], part["version"]) for part in document["components"]}
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    required = set(re.findall(r"^([\w.-]+)==([\w.]+)", requirements, re.MULTILINE))
    assert required
    assert required <= listed
    assert "apache-airflow-core" in {name for name, _ in listed}
    assert all(part["purl"].startswith("pkg:pypi/") for part in document["components"])
