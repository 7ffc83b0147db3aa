"""PostgreSQL understands every statement in the documentation, by the tables as they are."""

import re

import psycopg
import pytest
import sqlparse

from handbook import every_page

STATEMENT = re.compile(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM) ")
# What stands for an id, and for a condition that is left out.
PLACEHOLDER = re.compile(r"'[A-Z]+ ID'")
ID = "'00000000-0000-0000-0000-000000000000'"


def statements():
    for found in every_page():
        for block in found.blocks("sql"):
            for text in sqlparse.split(block.text):
                if sqlparse.format(text, strip_comments=True).strip():
                    yield pytest.param(text, id=f"{block} {text.split()[0]}")
        for span in found.spans():
            if STATEMENT.match(span):
                yield pytest.param(span, id=f"{found.name} {span[:40]}")


@pytest.fixture(scope="module")
def tables(postgres):
    with psycopg.connect(postgres.dsn("migrated")) as conn:
        yield conn


@pytest.mark.parametrize("text", [*statements()])
def test_postgresql_plans_it(tables, text):
    with tables.transaction(force_rollback=True):
        # Names, types and functions are all settled before a plan is made; nothing is carried out.
        tables.execute("EXPLAIN " + PLACEHOLDER.sub(ID, text).replace("WHERE …", "WHERE true").replace("= …", "= NULL"))
