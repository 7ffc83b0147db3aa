"""Virtual environments that tests install distributions into, from the packages that uv.lock names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handbook import ROOT

# Asks Airflow as its commands do; one process, as importing it is most of the cost.
_ASK = """
import contextlib, io, json, sys
from airflow.cli.cli_parser import get_parser
answers = {}
for line in sys.argv[1:]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        options = get_parser().parse_args([*line.split(), "--output", "json"])
        options.func(options)
    answers[line] = json.loads(said.getvalue().splitlines()[-1])
print(json.dumps(answers))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with an AIRFLOW_HOME of its own."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Environment:
        uv("venv", "--quiet", "--python", sys.executable, str(path / "venv"))
        lock = uv("export", "--quiet", "--frozen", "--all-groups", "--all-extras", "--no-emit-project", "--no-hashes")
        (path / "constraints.txt").write_text(lock, encoding="utf-8")
        return cls(path)

    @property
    def python(self) -> str:
        return str(self.path / "venv" / "bin" / "python")

    def install(self, *what: str | Path) -> str:
        """Install, at the versions of uv.lock where it names one, and return what uv said."""
        lock = ["--constraint", str(self.path / "constraints.txt")]
        said = uv("pip", "install", "--python", self.python, *lock, *map(str, what))
        self._borrow_bytecode()
        return said

    def _borrow_bytecode(self) -> None:
        """Take along what the tests' own environment has compiled: else importing Airflow takes five seconds more.

        Both have the same files of uv's cache, so Python finds it current; where they differ, it compiles anew.
        """
        ours = Path(sysconfig.get_path("purelib"))
        theirs = self.path / "venv" / ours.relative_to(Path(sys.prefix))
        for package in ours.iterdir():
            if (theirs / package.name).is_dir():
                for compiled in package.rglob("*.pyc"):
                    to = theirs / compiled.relative_to(ours)
                    if to.parents[1].is_dir() and not to.exists():
                        to.parent.mkdir(exist_ok=True)
                        shutil.copyfile(compiled, to)

    def run(self, code: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [self.python, "-P", "-c", code, *arguments],
            env={**_outside(), "AIRFLOW_HOME": str(self.path / "airflow"), **variables},
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def airflow(self, *lines: str) -> Mapping[str, list[dict[str, str]]]:
        """Return what commands of Airflow answer."""
        return json.loads(self.run(_ASK, *lines).splitlines()[-1])


def uv(*arguments: str) -> str:
    done = subprocess.run(
        [ROOT / "bin" / "uv", *arguments], cwd=ROOT, env=_outside(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr if arguments[0] == "pip" else done.stdout


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "VIRTUAL_"))}
