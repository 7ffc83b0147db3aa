import pytest

from commission_sync.alerts.scrub import scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cret-value",
        "call failed with pat-na1-s3cret-value in it",
        "postgresql://sync:s3cret-value@db:5432/commissions",
        '{"access_token": "s3cret-value", "expires_in": 1800}',
        "refresh_token=s3cret-value&client_id=1",
        "the plain s3cret-value itself",
    ],
)
def test_no_secret_is_left_wherever_it_stands(text):
    event = {"exception": {"values": [{"value": text, "stacktrace": [{"vars": {"x": text}}]}]}, "tags": [text]}
    assert "s3cret" not in str(scrubbed(event, ["s3cret-value"]))


def test_what_is_no_secret_stays():
    event = {"message": "sync failed company=acme error=Unavailable at https://api.hubapi.com/crm", "level": 40}
    assert scrubbed(event, ["s3cret"]) == event
