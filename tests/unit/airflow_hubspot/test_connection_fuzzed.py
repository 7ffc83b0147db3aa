"""Whatever is written into a connection, it makes a client or one clear error that names the connection."""

import json

from airflow.models import Connection
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_hubspot.hooks.hubspot import HubSpotHook

SMALL = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.lists(st.integers(), max_size=2)
)
EXTRAS = st.dictionaries(
    st.sampled_from(["api_version", "oauth_version", "timeout_seconds", "burst_limit", "search_limit", "x"]),
    VALUES,
    max_size=5,
)


@given(extras=EXTRAS, host=st.none() | st.sampled_from(["api.hubapi.com", "http://127.0.0.1:1", ""]))
@SMALL
def test_extras_make_a_client_or_a_clear_error(monkeypatch, extras, host):
    made = Connection(conn_id="fuzzed", conn_type="hubspot", host=host, password="pat", extra=json.dumps(extras))
    monkeypatch.setattr(HubSpotHook, "get_connection", classmethod(lambda cls, conn_id: made))
    said = "connection 'fuzzed' cannot be used"
    try:
        HubSpotHook("fuzzed").get_conn().close()
    except AirflowFailException as error:
        said = str(error)
    assert said.startswith("connection 'fuzzed' cannot be used")
