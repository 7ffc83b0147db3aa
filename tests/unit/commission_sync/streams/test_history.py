from commission_sync.streams.history import entries_of


def test_an_entry_without_a_readable_time_costs_no_other_entry(caplog):
    past = [
        {"value": "2", "timestamp": "2026-03-01T10:00:00Z", "sourceType": "CRM_UI"},
        {"value": "1", "timestamp": "some day", "sourceType": "CRM_UI"},
        {"value": "0", "timestamp": "2026-01-01T10:00:00.123Z", "sourceType": "API"},
    ]
    record = {"id": "7", "properties": {}, "propertiesWithHistory": {"amount": past}}
    assert [entry.value for entry in entries_of(record)] == ["2", "0"]
    assert "history entry left out deal=7 property=amount" in caplog.text
