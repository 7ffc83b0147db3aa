import pytest

from commission_sync.settings import InvalidSetting, Settings, load_settings
from commission_sync.store.keyring import new_key


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
        ("MAPPED_TASKS_AT_MOST", "0"),
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


def test_a_secret_that_makes_no_sense_is_named_without_its_value(monkeypatch):
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", "not-a-key-but-secret")
    with pytest.raises(
        InvalidSetting, match=r"TOKEN_ENCRYPTION_KEYS makes no sense: .*key 1 is not a Fernet key"
    ) as raised:
        load_settings()
    assert "not-a-key-but-secret" not in str(raised.value)


def test_token_keys_are_a_list_whose_order_is_kept(monkeypatch):
    keys = [new_key(), new_key()]
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEYS", f" {keys[0]} , {keys[1]},")
    assert load_settings().token_keys == tuple(keys)
    assert keys[0] not in repr(load_settings())


def test_exchange_rates_come_from_the_ecb_unless_said():
    settings = load_settings()
    assert (settings.exchange_rate_source, settings.exchange_rate_api_key, settings.exchange_rate_url) == (
        "ecb",
        None,
        None,
    )


@pytest.mark.parametrize("url", ["amqp://u:hidden@h", "redis://", "redis.example/hidden"])
def test_a_broker_that_is_no_redis_stops_the_start_without_its_password(monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(InvalidSetting, match=r"REDIS_URL makes no sense: use a URL such as redis://") as raised:
        load_settings()
    assert "hidden" not in str(raised.value)


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
