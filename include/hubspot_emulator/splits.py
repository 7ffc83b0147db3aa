"""Reading and setting the splits of deals."""

from __future__ import annotations

from typing import Any

from hubspot_emulator import batch
from hubspot_emulator.call import Answer, Call
from hubspot_emulator.errors import error, invalid
from hubspot_emulator.records import Version
from hubspot_emulator.shares import Share, Split, problem
from hubspot_emulator.times import iso

_OWNER, _PERCENTAGE = "hubspot_owner_id", "hs_deal_split_percentage"


def batch_read(call: Call) -> Answer:
    """Read the splits of up to 100 deals."""
    _check_edition(call)
    results, missing = [], []
    for one in batch.inputs_of(call):
        deal = _deal(call, one)
        if deal is None:
            missing.append(one)
            continue
        split = call.portal.shares.of(deal.number)
        # What a deal without splits answers is not documented.
        if split is not None or call.portal.knobs.empty_splits:
            results.append(_shown(call, deal, split))
    return batch.answer(call, results, batch.missing(call, missing))


def batch_upsert(call: Call) -> Answer:
    """Split up to 100 deals anew; one bad split fails them all."""
    _check_edition(call)
    wanted = [(one, _shares(one)) for one in batch.inputs_of(call)]
    results, missing = [], []
    for one, shares in wanted:
        deal = _deal(call, one)
        if deal is None:
            missing.append(one)
        else:
            results.append(_shown(call, deal, call.portal.split(deal, shares)))
    return batch.answer(call, results, batch.missing(call, missing))


def _shown(call: Call, deal: Version, split: Split | None) -> dict[str, Any]:
    """Return a deal's splits; each is a record of its own, with two properties."""
    deal_id = call.collection.crm_id(deal.number)
    at = iso(split.since_ms if split else 0)
    splits = [
        {
            "id": f"{deal_id}{place}",
            "properties": {_PERCENTAGE: share.percentage, _OWNER: share.owner},
            "createdAt": at,
            "updatedAt": at,
            "archived": False,
        }
        for place, share in enumerate(split.shares if split else ())
    ]
    return {"id": deal_id, "splits": splits}


def _deal(call: Call, one: batch.Input) -> Version | None:
    version = call.collection.records.find(str(one.get("id")))
    return version if version is not None and version.is_live else None


def _shares(one: batch.Input) -> tuple[Share, ...]:
    given = one.get("splits") or ()
    shares = tuple(Share(str(s.get("ownerId")), str(s.get("percentage"))) for s in given if isinstance(s, dict))
    if (reason := problem(shares)) is not None:
        raise invalid(reason)
    return shares


def _check_edition(call: Call) -> None:
    if call.portal.spec.sales_edition != "enterprise":
        raise error(403, "This account does not have access to deal splits.", "FORBIDDEN")
