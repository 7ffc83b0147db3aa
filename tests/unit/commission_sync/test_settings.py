import pytest

from commission_sync.settings import InvalidSetting, Settings, load_settings


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
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
        ("EXCHANGE_RATE_SOURCE", "the-bank"),
        ("EXCHANGE_RATE_URL", "rates.csv"),
        ("EXCHANGE_RATE_URL", "ftp://rates"),
        ("FX_MAX_STALENESS_DAYS", "-1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_value(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSetting, match=f"{name}='{value}' makes no sense"):
        load_settings()


def test_exchange_rates_come_from_the_ecb_unless_said():
    settings = load_settings()
    assert (settings.exchange_rate_source, settings.exchange_rate_api_key, settings.exchange_rate_url) == (
        "ecb",
        None,
        None,
    )


@pytest.mark.parametrize("source", ["exchangerate-api", "openexchangerates"])
def test_a_source_that_needs_a_key_says_so_at_the_start(monkeypatch, source):
    monkeypatch.setenv("EXCHANGE_RATE_SOURCE", source)
    with pytest.raises(InvalidSetting, match=f"EXCHANGE_RATE_API_KEY.*{source} needs a key"):
        load_settings()


def test_a_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("EXCHANGE_RATE_SOURCE", "openexchangerates")
    monkeypatch.setenv("EXCHANGE_RATE_API_KEY", "very-secret")
    assert "very-secret" not in repr(load_settings())


def test_what_is_set_to_nothing_means_the_default(monkeypatch):
    monkeypatch.setenv("EXCHANGE_RATE_SOURCE", "")
    monkeypatch.setenv("SYNC_INTERVAL_MINUTES", "")
    assert load_settings() == Settings()
