"""Signatures are held to HubSpot's own helper and its documented examples."""

import random
import time

import pytest
import time_machine
from hubspot.utils.signature import Signature
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_hubspot.client import signature
from airflow_hubspot.client.signature import BadSignature, Scheme, SignedRequest, decoded, verify

NOW_MS = round(time.time() * 1000)
ESCAPED = ["%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B"]
PLAIN = [":", "/", "?", "@", "!", "$", "'", "(", ")", "*", ",", ";"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"


def request(method="POST", uri="https://sync.example.com/hubspot/webhooks", body=b"[]", **headers):
    return SignedRequest(method, uri, body, {name.replace("_", "-"): value for name, value in headers.items()})


def signed(method, uri, body, secret, timestamp):
    """A request as HubSpot's own helper signs it, which leaves it to its caller to take the escapes back."""
    value = Signature.get_signature(secret, body.decode(), "v3", decoded_by_hand(uri), method, timestamp)
    return request(method, uri, body, x_hubspot_signature_v3=value, x_hubspot_request_timestamp=timestamp)


def decoded_by_hand(uri):
    for escape, plain in zip(ESCAPED, PLAIN, strict=True):
        uri = uri.replace(escape, plain)
    return uri


def generated(chance):
    word = lambda most: "".join(chance.choices(LETTERS, k=chance.randrange(1, most)))  # noqa: E731
    query = "".join(chance.choice([word(5), chance.choice(ESCAPED), "%20", "%C3%A9", "&", "="]) for _ in range(6))
    return (
        chance.choice(["POST", "GET", "PUT", "DELETE", "PATCH"]),
        f"https://{word(12)}.example.com/{word(20)}" + (f"?{query}" if chance.random() < 0.7 else ""),
        "".join(chance.choices('[]{}":, äß€😀\\\n' + LETTERS, k=chance.randrange(200))).encode(),
        word(40),
        str(NOW_MS + chance.randrange(-299_000, 299_000)),
    )


@time_machine.travel(NOW_MS / 1000, tick=False)
def test_ours_and_hubspots_own_helper_agree_on_10_000_requests():
    chance = random.Random(8)
    for _ in range(10_000):
        method, uri, body, secret, timestamp = generated(chance)
        ours = signed(method, uri, body, secret, timestamp)
        assert verify(ours, [secret], now_ms=NOW_MS) is Scheme.V3
        theirs = {"http_uri": decoded_by_hand(uri), "http_method": method, "timestamp": timestamp}
        wrong = secret + "x"
        assert not Signature.is_valid(
            ours.headers["x-hubspot-signature-v3"], wrong, body.decode(), signature_version="v3", **theirs
        )
        with pytest.raises(BadSignature):
            verify(ours, [wrong], now_ms=NOW_MS)


def flipped(value: bytes):
    for position in range(len(value) * 8):
        changed = bytearray(value)
        changed[position // 8] ^= 1 << position % 8
        yield bytes(changed)


@pytest.mark.parametrize("part", ["method", "uri", "body", "timestamp", "secret", "signature"])
def test_every_single_bit_that_changes_is_refused(part):
    values = {
        "method": b"POST",
        "uri": b"https://sync.example.com/hubspot/webhooks?a=%3A%2Fb",
        "body": b'[{"eventId":1,"objectId":123}]',
        "timestamp": str(NOW_MS).encode(),
        "secret": b"5c7c7b24-1bb4-4a0c-9d8b",
    }
    text = {name: value.decode() for name, value in values.items()}
    good = signed(text["method"], text["uri"], values["body"], text["secret"], text["timestamp"])
    values["signature"] = good.headers["x-hubspot-signature-v3"].encode()
    assert verify(good, [text["secret"]], now_ms=NOW_MS)
    for changed in flipped(values[part]):
        now = values | {part: changed}
        forged = SignedRequest(
            now["method"].decode("latin-1"),
            now["uri"].decode("latin-1"),
            now["body"],
            {
                "x-hubspot-signature-v3": now["signature"].decode("latin-1"),
                "x-hubspot-request-timestamp": now["timestamp"].decode("latin-1"),
            },
        )
        with pytest.raises(BadSignature):
            verify(forged, [now["secret"].decode("latin-1")], now_ms=NOW_MS)


def test_every_signature_is_compared_whole_whichever_secret_fits(monkeypatch):
    compared = []

    def recording(ours, theirs):
        compared.append((len(ours), len(theirs)))
        return ours == theirs

    monkeypatch.setattr(signature.hmac, "compare_digest", recording)
    good = signed("POST", "https://a.example.com/", b"[]", "second", str(NOW_MS))
    assert verify(good, ["first", "second", "third"], now_ms=NOW_MS)
    assert compared == [(44, 44)] * 3


@pytest.mark.parametrize("away_ms", [-300_000, 0, 300_000])
def test_a_request_from_up_to_five_minutes_away_is_accepted(away_ms):
    assert verify(signed("POST", "https://a/", b"", "s", str(NOW_MS + away_ms)), ["s"], now_ms=NOW_MS)


@pytest.mark.parametrize("away_ms", [-300_001, 300_001, 10**12])
def test_one_from_further_away_is_refused_in_either_direction(away_ms):
    with pytest.raises(BadSignature, match="five minutes"):
        verify(signed("POST", "https://a/", b"", "s", str(NOW_MS + away_ms)), ["s"], now_ms=NOW_MS)


@pytest.mark.parametrize("value", ["", "now", "1.5", " 1", "-1", "1e12", "\uff11\uff17", "9" * 400])
def test_a_timestamp_that_is_no_number_of_milliseconds_is_refused(value):
    with pytest.raises(BadSignature, match="timestamp"):
        verify(signed("POST", "https://a/", b"", "s", value), ["s"], now_ms=NOW_MS)


def test_two_secrets_are_good_while_one_is_rotated():
    old = signed("POST", "https://a/", b"", "old", str(NOW_MS))
    assert verify(old, ["new", "old"], now_ms=NOW_MS)
    with pytest.raises(BadSignature):
        verify(old, ["new"], now_ms=NOW_MS)
    with pytest.raises(BadSignature):
        verify(old, [], now_ms=NOW_MS)


# The examples of HubSpot's documentation, "Validating requests from HubSpot".
DOCUMENTED_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
DOCUMENTED_V1 = request(
    body=b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW",'
    b'"appId":54321}]',
    x_hubspot_signature="232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
    x_hubspot_signature_version="v1",
)
DOCUMENTED_V2 = request(
    uri="https://www.example.com/webhook_uri",
    body=b'{"example_field":"example_value"}',
    x_hubspot_signature="9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
    x_hubspot_signature_version="v2",
)


@pytest.mark.parametrize(("documented", "scheme"), [(DOCUMENTED_V1, Scheme.V1), (DOCUMENTED_V2, Scheme.V2)])
def test_the_older_versions_are_good_only_when_switched_on(documented, scheme):
    assert verify(documented, [DOCUMENTED_SECRET], now_ms=NOW_MS, schemes=set(Scheme)) is scheme
    with pytest.raises(BadSignature, match="only a signature of version v3"):
        verify(documented, [DOCUMENTED_SECRET], now_ms=NOW_MS)


def test_a_good_older_signature_does_not_excuse_a_wrong_newer_one():
    both = DOCUMENTED_V1.headers | {"x-hubspot-signature-v3": "wrong", "x-hubspot-request-timestamp": str(NOW_MS)}
    with pytest.raises(BadSignature, match="v3 signature does not match"):
        verify(
            SignedRequest("POST", "https://a/", DOCUMENTED_V1.body, both),
            [DOCUMENTED_SECRET],
            now_ms=NOW_MS,
            schemes=set(Scheme),
        )


@pytest.mark.parametrize(("escaped", "plain"), list(zip(ESCAPED, PLAIN, strict=True)))
def test_the_escapes_that_hubspot_takes_back_are_taken_back(escaped, plain):
    assert decoded(f"https://a/b?c={escaped}") == f"https://a/b?c={plain}"


@pytest.mark.parametrize("uri", ["https://a/b%20c", "https://a/%253A", "https://a/%C3%A9", "https://a/%26%3D%2B%23"])
def test_all_others_stay_as_they_stand(uri):
    assert decoded(uri) == uri


@given(
    st.text(),
    st.text(),
    st.binary(),
    st.dictionaries(
        st.sampled_from(
            [
                "x-hubspot-signature-v3",
                "x-hubspot-request-timestamp",
                "x-hubspot-signature",
                "x-hubspot-signature-version",
            ]
        ),
        st.text(),
    ),
)
@settings(max_examples=300, deadline=None)
def test_whatever_arrives_is_refused_and_nothing_else_happens(method, uri, body, headers):
    with pytest.raises(BadSignature):
        verify(SignedRequest(method, uri, body, headers), ["secret"], now_ms=NOW_MS, schemes=set(Scheme))
