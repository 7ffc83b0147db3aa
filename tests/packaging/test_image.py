"""The image's steps, as far as they go without docker: what is copied, what is installed, what Airflow then finds.

Astro's base image has Airflow, copies the project to /usr/local/airflow and installs packages.txt and requirements.txt
by itself; the Dockerfile has the steps after that.
"""

import fnmatch
import json
import re
import shutil
from pathlib import Path

import pytest

from environments import Environment, uv
from handbook import ROOT

NEEDED = [
    "Dockerfile", "LICENSE", "README.md", "airflow_settings.yaml", "dags/hubspot_deals.py", "packages.txt",
    "plugins/hubspot_commission_sync.py", "pyproject.toml", "requirements.txt",
    "include/commission_sync/store/migrations/versions/0001_deals.sql",
]  # fmt: skip
SECRET_OR_LARGE = [".env", ".airflow", ".venv", ".git", "dist"]


def steps() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with what follows each."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(words[0].upper(), words[1].strip()) for line in lines if (words := line.split(maxsplit=1))]


def ignored(path: Path) -> bool:
    """Whether .dockerignore keeps a path, relative to the project, out of the image."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] != "#"]
    assert not any(pattern.startswith("!") for pattern in patterns), "exceptions are not understood here"
    above = [path, *path.parents]
    return any(
        fnmatch.fnmatch(part.name if pattern.startswith("**/") else str(part), pattern.removeprefix("**/").rstrip("/"))
        for pattern in patterns
        for part in above
    )


def copied(to: Path) -> Path:
    """Copy what docker would send to its builder."""
    for found in sorted(ROOT.iterdir()):
        if not ignored(found.relative_to(ROOT)):
            if found.is_dir():
                shutil.copytree(found, to / found.name, symlinks=True, ignore=_ignored_below)
            else:
                shutil.copy2(found, to / found.name)
    return to


def _ignored_below(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if ignored((Path(directory) / name).relative_to(ROOT))]


@pytest.mark.parametrize("path", NEEDED)
def test_what_the_image_needs_is_there_and_sent(path):
    assert (ROOT / path).exists()
    assert not ignored(Path(path))


@pytest.mark.parametrize("path", SECRET_OR_LARGE)
def test_what_must_not_be_in_an_image_is_not_sent(path):
    assert ignored(Path(path))
    assert ignored(Path(path) / "anything")


def test_every_source_of_a_copy_exists():
    sources = [word for step, rest in steps() if step in {"COPY", "ADD"} for word in rest.split()[:-1]]
    assert [word for word in sources if not word.startswith("--") and not [*ROOT.glob(word)]] == []


def test_packages_txt_names_packages_of_debian():
    names = (ROOT / "packages.txt").read_text(encoding="utf-8").split()
    assert [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name)] == []


def test_the_base_image_has_the_airflow_of_the_lock():
    (base,) = (rest for step, rest in steps() if step == "FROM")
    version = re.search(r'name = "apache-airflow"\nversion = "(\d+\.\d+)', (ROOT / "uv.lock").read_text("utf-8"))
    assert base.startswith(f"astrocrpublic.azurecr.io/runtime:{version[1]}-")


@pytest.mark.slow
def test_the_steps_lead_to_an_airflow_that_knows_the_project(tmp_path):
    context = tmp_path / "image"
    context.mkdir()
    copied(context)
    image = Environment.make(tmp_path)
    image.install("apache-airflow")
    # requirements.txt stands for itself: it has to fit that Airflow without any help.
    before = installed(image)
    uv("pip", "install", "--python", image.python, "--requirement", str(context / "requirements.txt"))
    after = installed(image)
    assert {name: after[name] for name in before if name.startswith("apache-airflow")} == {
        name: version for name, version in before.items() if name.startswith("apache-airflow")
    }
    (step,) = (rest for instruction, rest in steps() if instruction == "RUN")
    flags = re.fullmatch(r"pip install --no-cache-dir (--no-deps --editable) /usr/local/airflow", step)
    assert flags, f"this test does not know the step {step!r}"
    uv("pip", "install", "--python", image.python, *flags[1].split(), str(context))
    uv("pip", "check", "--python", image.python)
    said = image.run(
        "import sys, json, runpy, pathlib\n"
        "from importlib.metadata import entry_points\n"
        "(info,) = (p.load()() for p in entry_points(group='apache_airflow_provider') if 'airflow_hubspot' in p.value)\n"
        "import airflow_hubspot\n"
        "for file in sorted(pathlib.Path(sys.argv[1]).glob('[dp]*/*.py')): runpy.run_path(str(file))\n"
        "print(json.dumps([info['package-name'], airflow_hubspot.__file__]))\n",
        str(context),
    )
    name, where = json.loads(said.splitlines()[-1])
    assert (name, Path(where).is_relative_to(context)) == ("hubspot-commission-sync", True)


def installed(image: Environment) -> dict[str, str]:
    listed = json.loads(uv("pip", "list", "--python", image.python, "--format", "json").strip().splitlines()[0])
    return {row["name"]: row["version"] for row in listed}
