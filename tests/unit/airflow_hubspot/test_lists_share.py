"""What a full reading's lists leave of a limit to the calls for links."""

import pytest

from airflow_hubspot.client import HubSpotClient
from airflow_hubspot.client.errors import GivenUp
from airflow_hubspot.client.share import most_lists

LIMIT = 100


@pytest.fixture
def client():
    with HubSpotClient(token="pat-na1-nobody", base_url="http://127.0.0.1:9") as made:
        yield made


def test_lists_wait_when_their_share_is_used_up(client):
    client._transport.told_burst_limit = LIMIT
    client.lists_share.make_room()
    for _ in range(most_lists(LIMIT)):
        client.lists_share.wait()
    # Who would wait for the window's end is told that the calls are given up.
    client.give_up()
    with pytest.raises(GivenUp):
        client.lists_share.wait()


def test_lists_do_not_wait_while_the_limit_is_unknown(client):
    client.lists_share.make_room()
    client.give_up()
    for _ in range(10 * LIMIT):
        client.lists_share.wait()


def test_lists_use_the_whole_limit_while_nobody_wants_room_and_all_of_them_count_afterwards(client):
    client._transport.told_burst_limit = LIMIT
    for _ in range(LIMIT):
        client.lists_share.wait()
    client.lists_share.make_room()
    client.give_up()
    with pytest.raises(GivenUp):
        client.lists_share.wait()


@pytest.mark.parametrize("limit", [100, 110, 190, 250])
def test_lists_leave_room_for_their_links_and_for_those_of_what_search_brings(limit):
    lists, searched = most_lists(limit), 10 * 5 * 200
    assert lists + lists * 100 / 1_000 + searched / 1_000 < limit
    assert lists > 0.75 * limit
