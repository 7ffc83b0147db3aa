import pytest

from commission_sync.settings import InvalidSetting, load_settings


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    for name in ("SYNC_INTERVAL_MINUTES", "SYNC_LOOKBACK_MINUTES", "MAX_SYNC_RETRIES"):
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_defaults_are_those_of_the_documentation():
    settings = load_settings()
    assert (settings.schedule, settings.lookback.total_seconds(), settings.max_sync_retries) == ("*/30 * * * *", 900, 3)


@pytest.mark.parametrize(
    ("minutes", "cron"), [("5", "*/5 * * * *"), ("60", "0 */1 * * *"), ("360", "0 */6 * * *"), ("1440", "0 0 * * *")]
)
def test_an_interval_becomes_a_schedule_on_round_times(monkeypatch, minutes, cron):
    monkeypatch.setenv("SYNC_INTERVAL_MINUTES", minutes)
    assert load_settings().schedule == cron


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYNC_INTERVAL_MINUTES", "45"),
        ("SYNC_INTERVAL_MINUTES", "0"),
        ("SYNC_INTERVAL_MINUTES", "90"),
        ("SYNC_INTERVAL_MINUTES", "often"),
        ("SYNC_LOOKBACK_MINUTES", "-1"),
        ("MAX_SYNC_RETRIES", "many"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_value(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=f"{name}='{value}' makes no sense"):
        load_settings()
