"""Until when HubSpot supports the versions of its API that the path table uses.

Source: HubSpot's API changelog: v4 loses support on 2027-03-30, v1 to v3 in September 2027, the token endpoint of v1 is
off from 2027-02-16, and a dated version is supported for 18 months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from airflow_hubspot.client.paths import OAUTH_V1, RESOURCES, template

WARN_DAYS = 180
_DATED_MONTHS = 18
_NUMBERED = {
    "v1": date(2027, 9, 1),
    "v2": date(2027, 9, 1),
    "v3": date(2027, 9, 1),
    "v4": date(2027, 3, 30),
}
_OLD_TOKEN_ENDPOINT = date(2027, 2, 16)
_VERSION = re.compile(r"v\d|20\d{2}-(?:03|09)(?:-beta)?")


@dataclass(frozen=True)
class Support:
    """A version in use, until when it is supported, and what is asked for in it."""

    version: str
    ends: date
    resources: tuple[str, ...]

    def days_left(self, today: date) -> int:
        """Return for how many days it still is supported; negative afterwards."""
        return (self.ends - today).days

    def warning(self, today: date) -> str | None:
        """Return what to do where the end is near; None while it is not."""
        left = self.days_left(today)
        if left > WARN_DAYS:
            return None
        when = f"ends on {self.ends} (in {left} days)" if left >= 0 else f"ended on {self.ends}"
        return f"HubSpot's support of API version {self.version} {when}; it is used for {', '.join(self.resources)}"


def support_ends(version: str) -> date:
    """Return the day from which a version is no longer supported.

    :param version: as `checked_version` accepts it, or one of v1 to v4
    """
    if version in _NUMBERED:
        return _NUMBERED[version]
    year, month = int(version[:4]), int(version[5:7])
    # HubSpot names months; the first day of the last one is the safe reading.
    months = year * 12 + month - 1 + _DATED_MONTHS
    return date(months // 12, months % 12 + 1, 1)


def in_use(api_version: str, oauth_version: str | None = None) -> list[Support]:
    """Return the versions that a connection's settings lead to, by the path table; the earliest end comes first.

    :param oauth_version: of the token endpoint, where it is not that of all others; None where there is no OAuth app
    """
    used: dict[tuple[str, date], list[str]] = {}
    for resource in RESOURCES:
        if resource == "oauth_token" and oauth_version is None:
            continue
        version = oauth_version if resource == "oauth_token" and oauth_version else api_version
        found = _VERSION.search(template(resource, version))
        assert found is not None, "every path names its version"
        is_old_endpoint = resource == "oauth_token" and found[0] == OAUTH_V1
        ends = _OLD_TOKEN_ENDPOINT if is_old_endpoint else support_ends(found[0])
        used.setdefault((found[0], ends), []).append(resource)
    return sorted((Support(v, ends, tuple(names)) for (v, ends), names in used.items()), key=lambda s: s.ends)


def warnings(api_version: str, oauth_version: str | None = None, *, today: date) -> list[str]:
    """Return a sentence for each version in use whose end is near."""
    found = (support.warning(today) for support in in_use(api_version, oauth_version))
    return [sentence for sentence in found if sentence]
