"""Every command in the documentation is one: the programs understand it as it is written.

Some are carried out in full elsewhere; `CARRIED_OUT` says where.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handbook import ROOT, every_page, page
from shell_lines import Command, commands

# Of PostgreSQL, git, Python and docker: not ours to prove.
OF_OTHERS = {"psql", "pg_dump", "git", "pip", "docker"}
CARRIED_OUT = {
    "make demo": "tests/integration/commission_sync/local/test_demo.py",
    "make rekey": "tests/integration/commission_sync/oauth/test_rekey.py",
    "make build": "tests/packaging/test_distributions.py",
    "make sbom": "tests/packaging/test_sbom.py",
    "bin/airflow": "tests/integration/commission_sync/local/test_command.py",
    "python -m commission_sync.mapping": "tests/integration/commission_sync/commands/test_mapping_command.py",
    "python -m commission_sync.fx": "tests/integration/commission_sync/commands/test_fx_command.py",
    "python -m commission_sync.flags": "tests/integration/commission_sync/commands/test_flags_command.py",
    "python -m commission_sync.webhooks": "tests/integration/commission_sync/webhooks/test_subscriptions.py",
    "python -m airflow_hubspot versions": "tests/integration/airflow_hubspot/test_versions.py",
    "curl -X PATCH $AIRFLOW/api/v2/dags/commission_writeback/": "tests/dags/test_commission_writeback_approval.py",
    "python -m hubspot_emulator": "tests/docs/test_emulator_page.py",
}
NOT_WRITTEN_OUT = re.compile(r"…|\.\.\.$")


def typed() -> Iterator[tuple[str, Command]]:
    """Yield the commands of all blocks with where they stand."""
    for found in every_page():
        for block in found.blocks("sh", "bash"):
            yield from ((str(block), command) for command in commands(block.text))
        for block in found.blocks(""):
            yield from ((str(block), command) for command in commands(block.text, prompt="$ "))


def mentioned() -> Iterator[tuple[str, Command]]:
    """Yield the commands that running text names; an ellipsis stands for what is left out."""
    for found in every_page():
        for span in found.spans():
            if re.match(r"(make [a-z]|bin/airflow |airflow |(\.venv/bin/)?python -m )", span):
                yield from ((found.name, command) for command in commands(NOT_WRITTEN_OUT.sub("", span)))


def as_line(command: Command) -> tuple[str, list[str]] | None:
    """Return module and arguments of what Python runs."""
    if command.program in {"bin/airflow", "airflow"}:
        return "airflow", list(command.words[1:])
    return (command.module, list(command.words[3:])) if command.module else None


def wrong_lines(lines: list[tuple[str, list[str]]], home: Path) -> list[str | None]:
    prover = ROOT / "tests" / "support" / "command_lines.py"
    # The benchmarks are no installed package: `make bench` has the project itself on the path.
    path = os.pathsep.join([str(ROOT / "include"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, prover],
        input=json.dumps(lines),
        env={**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_python_understands_every_line(tmp_path):
    lines = {where: as_line(command) for where, command in _numbered(typed())}
    lines |= {where: (line[0], [*line[1], "--help"]) for where, c in _numbered(mentioned()) if (line := as_line(c))}
    lines |= dict(_imports())
    asked = {where: line for where, line in lines.items() if line}
    assert len(asked) > 40
    answers = wrong_lines(list(asked.values()), tmp_path)
    wrong = {f"{where}: {line}": answer for (where, line), answer in zip(asked.items(), answers, strict=True) if answer}
    assert not wrong


def _numbered(found: Iterator[tuple[str, Command]]) -> Iterator[tuple[str, Command]]:
    yield from ((f"{where} [{number}]", command) for number, (where, command) in enumerate(found))


def _imports() -> Iterator[tuple[str, tuple[str, list[str]]]]:
    for found in every_page():
        for block in found.blocks("python"):
            compile(block.text, str(block), "exec")
            for number, line in enumerate(re.findall(r"^(?:from|import) .+$", block.text, re.MULTILINE)):
                yield f"{block} import {number}", ("python", [line])


def test_make_knows_every_target():
    named = {
        word
        for _, command in (*typed(), *mentioned())
        if command.program == "make"
        for word in command.words[1:]
        if "=" not in word and not word.startswith("-") and word != "TARGET"
    }
    assert {"demo", "test"} <= named
    done = subprocess.run(["make", "-n", *sorted(named)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_typed_that_nobody_checks():
    unknown = {
        (where, command.program)
        for where, command in typed()
        if command.program and command.program not in {*OF_OTHERS, "make"} and as_line(command) is None
        if not (command.program == "curl" and (_is_for_the_emulator(command) or _is_carried_out(command)))
    }
    assert not unknown


def _text(command: Command) -> str:
    return " ".join(command.words).removeprefix(".venv/bin/")


def _is_for_the_emulator(command: Command) -> bool:
    """Whether test_emulator_page.py sends it."""
    return any(word.startswith(("$E/", "http://127.0.0.1:8765/")) for word in command.words)


def _is_carried_out(command: Command) -> bool:
    return any(_text(command).startswith(start) for start in CARRIED_OUT)


def test_every_variable_that_is_set_is_a_setting():
    rows = page("docs/settings.md").rows()
    settings = {name for row in rows if len(row) == 3 for name in re.findall(r"`([A-Z0-9_]+)`", row[0])}
    others = re.compile(r"AIRFLOW__\w+|AIRFLOW_CONN_\w+|PG[A-Z]+|E")
    set_somewhere = {(where, name) for where, command in typed() for name in command.variables}
    assert {
        (where, name) for where, name in set_somewhere if name not in settings and not others.fullmatch(name)
    } == set()


@pytest.mark.parametrize("block", [b for found in every_page() for b in found.blocks("json")], ids=str)
def test_every_document_is_json(block):
    json.loads(block.text)


@pytest.mark.parametrize(("command", "test"), CARRIED_OUT.items())
def test_what_is_said_to_be_carried_out_is_typed_somewhere_and_its_test_is_there(command, test):
    assert any(_text(one).startswith(command) for _, one in (*typed(), *mentioned()))
    assert "def " in (ROOT / test).read_text(encoding="utf-8")
