"""Who changed a contested property is told by the best name that HubSpot's history has."""

import pytest

from commission_sync.writeback.conflicts import contested_by, in_words

AT = "2026-05-01T10:00:00Z"


class HubSpot:
    """A client whose batch reads answer with one record of one property's history."""

    def __init__(self, *entries):
        self.objects, self._entries = self, list(entries)

    def batch_read_history(self, _type, ids, names):
        records = [{"id": i, "propertiesWithHistory": dict.fromkeys(names, self._entries)} for i in ids]
        return type("Found", (), {"results": records})()


@pytest.mark.parametrize(
    ("entry", "by"),
    [
        ({"sourceType": "CRM_UI", "sourceLabel": "CRM UI", "sourceId": "x", "updatedByUserId": 7}, "userId:7"),
        ({"sourceType": "INTEGRATION", "sourceLabel": "Private app", "sourceId": "1"}, "Private app"),
        ({"sourceType": "AUTOMATION_PLATFORM", "sourceId": "enrollmentId:9"}, "enrollmentId:9"),
        ({"sourceType": "CALCULATED"}, None),
    ],
)
def test_a_person_comes_before_an_app_and_an_app_before_an_id(entry, by):
    newest, older = {"value": "5", "timestamp": AT, **entry}, {"value": "4", "timestamp": AT, "sourceType": "API"}
    found = contested_by(HubSpot(newest, older), {"1": ["commission_amount"]})
    assert found == {
        "1": [{"property": "commission_amount", "value": "5", "at": AT, "source": entry["sourceType"], "by": by}]
    }
    assert f"commission_amount was set to '5' at {AT} by {by or 'somebody'} ({entry['sourceType']})" == in_words(
        found["1"]
    )
