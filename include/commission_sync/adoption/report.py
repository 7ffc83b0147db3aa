"""What the command says of a survey and of the progress since; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from commission_sync.adoption.deals import NOTED, SET_ASIDE, UNREADABLE
from commission_sync.adoption.standing import Adoption, Progress
from commission_sync.adoption.survey import Survey

_COMPANY_REASONS = {
    "no_company": "names no company; set aside",
    "other_provider": "is not of HubSpot; set aside",
    "duplicate_company": "is another row of a company; its deals go to the company's other row, the row is set aside",
    "unreadable_property_mappings": "has a property_mappings that is no JSON object; empty from now on",
    "unreadable_calculated_fields": "has a calculated_fields that is no JSON object; empty from now on",
    "unreadable_feature_flags": "has a feature_flags that is no JSON object; empty from now on",
    "unreadable_last_sync": "has a last_sync that is no time; its first run reads everything",
    "future_last_sync": "has a last_sync in the future; its first run reads everything",
}


def survey_text(found: Survey) -> str:
    """Return the report: figures of each company, and each defect with its count and what happens to it."""
    return "\n".join(_survey_lines(found))


def _survey_lines(found: Survey) -> Iterator[str]:
    yield f"{'company':<24} {'portal':>12} {'old deals':>10} {'adopted':>10} {'amount':>24}  reads on from"
    cursors = {one.company_id: one for one in found.companies.adopted}
    rows = {fate.company_id: fate for fate in found.fates}
    for name, one in cursors.items():
        fate = rows.get(name)
        figures = (fate.rows, fate.adopted, fate.amount) if fate else (0, 0, 0)
        since = f"{one.cursor:%Y-%m-%d %H:%M} {one.cursor:%Z}" if one.cursor else "the beginning"
        yield f"{name:<24} {one.portal_id:>12} {figures[0]:>10,} {figures[1]:>10,} {figures[2]:>24,}  {since}"
    yield "\ndefects of deals"
    for reason, told in SET_ASIDE.items():
        yield f"{found.total(reason):>9,}  {reason:<18} {told}; set aside in adoption.quarantine"
    for reason, told in UNREADABLE.items():
        yield f"{found.total(reason):>9,}  {reason:<18} {told}; the row lands without it"
    for reason, told in NOTED.items():
        yield f"{found.total(reason):>9,}  {reason:<18} {told}"
    yield "\ndefects of companies"
    counts = Counter(one.reason for one in found.companies.rejected)
    for reason, count in sorted(counts.items()):
        yield f"{count:>9,}  {reason:<18} {_COMPANY_REASONS[reason]}"
    if not counts:
        yield "        0"
    yield f"\nof several rows of a deal the {found.deals.keep} counts"
    yield f"kept aside: {', '.join(found.moved)}"
    if found.naive:
        yield f"naive times, read as {found.deals.table.zone}: {', '.join(found.naive)}"
    for blocker in found.companies.blockers:
        yield f"✗ {blocker}"


def progress_text(adoption: Adoption, companies: Sequence[Progress]) -> str:
    """Return each company's stage and figures."""
    where = "dropped" if adoption.finalised_at else adoption.kept_schema
    lines = [f"adopted {adoption.adopted_at:%Y-%m-%d %H:%M} UTC by {adoption.adopted_by}; old tables: {where}"]
    lines.append(
        f"{'company':<24} {'stage':<8} {'live deals':>11} {'unconfirmed':>12} {'amount':>24}  last reconciliation"
    )
    for one in companies:
        checked = f"{one.disagreements} disagreements" if one.checked_at else "never"
        lines.append(
            f"{one.company_id:<24} {one.stage:<8} {one.deals:>11,} {one.unconfirmed:>12,} {one.amount:>24,}  {checked}"
        )
    return "\n".join(lines)
