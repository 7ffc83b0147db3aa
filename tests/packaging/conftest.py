"""The two distributions, built once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from handbook import ROOT


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that `make build` filled."""
    path = tmp_path_factory.mktemp("dist")
    done = subprocess.run(["make", "build", f"DIST={path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path
