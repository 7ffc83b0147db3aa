"""Line items and activities equal the portal's true state, and hang on the deals that HubSpot says they do."""

from airflow_hubspot.client.windows import Window
from commission_sync.streams.activities import ACTIVITIES, EMAILS, NOTES
from commission_sync.streams.deals import DEALS
from commission_sync.streams.line_items import LINE_ITEMS
from commission_sync.streams.request import Mode


def test_a_first_load_lands_every_record_with_every_link(world):
    acme = world(400)
    acme.sync_all()
    assert acme.differences() == {}
    assert acme.value("SELECT count(*) FROM deal_line_items") == 600
    several = "SELECT count(*) FROM (SELECT crm_id FROM deal_activities GROUP BY type, crm_id HAVING count(*) > 1) s"
    assert acme.value(several) > 20
    assert acme.value("SELECT count(DISTINCT type) FROM deal_activities") == 5


def test_a_second_round_writes_nothing(world):
    acme = world(200)
    acme.sync_all()
    before = acme.value("SELECT count(*) FROM audit_log")
    for stream in (DEALS, LINE_ITEMS, *ACTIVITIES):
        counts = acme.sync(stream=stream)
        assert (counts.inserted, counts.updated, counts.api_calls) == (0, 0, 2), stream
    assert acme.value("SELECT count(*) FROM audit_log") == before


def test_what_came_before_its_deal_waits_for_it(world):
    acme = world(100)
    acme.sync(stream=LINE_ITEMS)
    acme.sync(stream=NOTES)
    waiting = "SELECT count(*) FROM {} WHERE deal_id IS NULL AND deal_crm_id IS NOT NULL"
    assert acme.value(waiting.format("deal_line_items")) > 100
    acme.sync()
    assert acme.value(waiting.format("deal_line_items")) == acme.value(waiting.format("deal_activities")) == 0
    assert not acme.difference(LINE_ITEMS)
    assert not acme.difference(NOTES)
    assert acme.value("SELECT count(*) FROM audit_log WHERE action = 'join' AND changes ? 'why'") > 100


def test_a_deal_with_more_line_items_than_a_page_has_them_all(world):
    acme = world(20, line_items_on_one_deal=1_200)
    acme.sync_all()
    assert acme.differences() == {}
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM deal_line_items GROUP BY deal_id) s"
    assert acme.value(most) >= 1_200


def test_edits_of_every_kind_land_in_one_round(world):
    acme = world(300)
    acme.sync_all()
    for stream in (DEALS, LINE_ITEMS, *ACTIVITIES):
        acme.emulator.admin.edit(1001, count=60, mix="mixed", type=stream.object_type)
    acme.sync_all()
    assert acme.differences() == {}


def test_line_items_know_product_price_and_term(world):
    acme = world(60)
    acme.sync_all()
    truth = {r["id"]: r["properties"] for r in acme.emulator.admin.truth(1001, "line_items")}
    rows = acme.query(
        "SELECT crm_id, product_name, product_crm_id, sku, quantity::text, price::text, total::text, billing_frequency, "
        "billing_term FROM deal_line_items"
    )
    names = (
        "name",
        "hs_product_id",
        "hs_sku",
        "quantity",
        "price",
        "amount",
        "recurringbillingfrequency",
        "hs_recurring_billing_period",
    )
    assert {row[0]: row[1:] for row in rows} == {i: tuple(p[n] or None for n in names) for i, p in truth.items()}


def test_an_emails_html_is_kept_as_it_is(world):
    acme = world(60)
    acme.sync(stream=EMAILS)
    truth = {r["id"]: r["properties"]["hs_email_html"] for r in acme.emulator.admin.truth(1001, "emails")}
    assert dict(acme.query("SELECT crm_id, content->>'hs_email_html' FROM deal_activities")) == truth
    assert any("<p>" in (html or "") for html in truth.values())


def test_a_backfill_of_a_past_window_reads_that_window_and_moves_nothing(world):
    acme = world(200)
    acme.sync_all()
    cursors = acme.query("SELECT stream, cursor_at, cursor_id FROM sync_cursors ORDER BY 1")
    for stream in (LINE_ITEMS, NOTES):
        low, high = acme.query(
            f"SELECT min(crm_updated_at), max(crm_updated_at) FROM {stream.table} WHERE type = 'note'"
            if stream.type
            else f"SELECT min(crm_updated_at), max(crm_updated_at) FROM {stream.table}"
        )[0]
        window = Window.between(low, low + (high - low) / 2)
        counts = acme.sync(Mode.WINDOW, window=window, stream=stream)
        assert counts.fetched == counts.unchanged > 0
    assert acme.query("SELECT stream, cursor_at, cursor_id FROM sync_cursors ORDER BY 1") == cursors
