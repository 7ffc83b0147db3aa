"""No column can hold a float but seconds, and money is numeric without a limit on its digits."""

import psycopg


def columns(dsn):
    with psycopg.connect(dsn) as conn:
        return {
            (table, column): (kind, precision)
            for table, column, kind, precision in conn.execute(
                "SELECT table_name, column_name, data_type, numeric_precision FROM information_schema.columns "
                "WHERE table_schema = 'public'"
            )
        }


def test_no_table_has_a_float(database_dsn):
    found = columns(database_dsn)
    assert len(found) > 100
    floats = [name for name, (kind, _) in found.items() if kind in ("double precision", "real", "money")]
    assert [name for name in floats if name[0] not in {"api_budgets", "webhook_delivery"}] == []


def test_money_and_rates_keep_every_digit(database_dsn):
    found = columns(database_dsn)
    for name in (
        ("deals", "amount"),
        ("deals", "amount_base"),
        ("deals", "fx_rate"),
        ("fx_rates", "rate"),
        ("fx_rate_corrections", "rate"),
        ("fx_rates_in_force", "rate"),
        ("deal_commissions", "amount"),
    ):
        assert found[name] == ("numeric", None), name
