"""The European Central Bank's reference rates: from the euro, on the business days of its calendar, without a key.

It publishes the same rates as three files, at about 16:00 in Frankfurt: the newest day and the last ninety days as XML,
everything since 1999 as a zipped CSV file, newest day first, in which a currency without a rate says N/A.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree

from commission_sync.fx.errors import Refused, Unreadable
from commission_sync.fx.sources.source import Reading
from commission_sync.fx.web import MOST_BYTES, Web

URL = "https://www.ecb.europa.eu/stats/eurofxref"
DAILY, NINETY_DAYS, HISTORY = "eurofxref-daily.xml", "eurofxref-hist-90d.xml", "eurofxref-hist.zip"

_CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
# The file holds about 64 business days; a day's margin for the time zones on the way.
_NINETY_DAYS_REACH = timedelta(days=88)
_NONE = frozenset({"N/A", ""})
_HINT = "nothing of it was taken; it is tried again by itself. If it stays, look at the file"


class Ecb:
    """Reads the smallest of the ECB's files that has the days asked for.

    :param url: where the files are, or one file (`.xml`, `.csv` or `.zip`) that stands for all of them
    """

    name = "ecb"
    pivot = "EUR"
    catch_up_days: int | None = None
    has_all_in_one = True
    holds = False

    def __init__(self, web: Web, url: str = URL) -> None:
        self._web = web
        self._url = url.rstrip("/")

    def publishes(self, day: date) -> bool:
        """Whether the day can have rates; of its holidays the calendar is the ECB's own affair."""
        return day.weekday() < 5

    def read(self, days: Sequence[date], *, today: date) -> Iterator[Reading]:
        """Yield the rates of one file; it holds more than was asked for, which shows corrections."""
        answer = self._web.get(self._file(days, today))
        if answer.status != 200:
            raise Refused(f"{answer.where} answers {answer.status}", hint="check EXCHANGE_RATE_URL")
        yield read_file(answer.body, answer.where)

    def _file(self, days: Sequence[date], today: date) -> str:
        if urlsplit(self._url).path.endswith((".xml", ".csv", ".zip")):
            return self._url
        if not days or min(days) < today - _NINETY_DAYS_REACH:
            return f"{self._url}/{HISTORY}"
        return f"{self._url}/{DAILY if min(days) == max(days) == today else NINETY_DAYS}"


def read_file(body: bytes, where: str) -> Reading:
    """Return the rates of one of the ECB's files, whichever it is.

    :raises Unreadable: when it is none, or not whole.
    """
    if body.startswith(b"PK"):
        return _from_csv(_unzipped(body, where), where)
    return _from_xml(body, where) if body.lstrip().startswith(b"<") else _from_csv(body, where)


def _from_xml(body: bytes, where: str) -> Reading:
    if b"<!DOCTYPE" in body:
        raise Unreadable(f"{where} is not one of the ECB's files: it is a web page or defines entities", hint=_HINT)
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - entities, the danger, were ruled out above
    except ElementTree.ParseError as error:
        raise Unreadable(f"{where} is cut off or damaged: {error}", hint=_HINT) from None
    reading = Reading()
    for day in (cube for cube in root.iter(_CUBE) if "time" in cube.attrib):
        for each in (cube for cube in day.iter(_CUBE) if "currency" in cube.attrib):
            reading.take(Ecb.pivot, each.attrib["currency"], _day(day.attrib["time"], where), each.get("rate", ""))
    return _not_empty(reading, where)


def _from_csv(body: bytes, where: str) -> Reading:
    try:
        # Each of the ECB's lines ends with a comma, so that the last column has no name.
        header, *lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig", "replace")))) or [[]]
    except csv.Error as error:
        raise Unreadable(f"{where} is cut off or damaged: {error}", hint=_HINT) from None
    if header[:1] != ["Date"]:
        raise Unreadable(f"{where} is not one of the ECB's files: it begins with {body[:40]!r}", hint=_HINT)
    if not body.endswith(b"\n"):
        raise Unreadable(f"{where} is cut off: its last line has no end", hint=_HINT)
    reading = Reading()
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise Unreadable(
                f"{where} is cut off or damaged: line {number} has {len(line)} of {len(header)} columns", hint=_HINT
            )
        day = _day(line[0], where)
        for currency, value in zip(header[1:], line[1:], strict=True):
            if currency and value not in _NONE:
                reading.take(Ecb.pivot, currency, day, value)
    return _not_empty(reading, where)


def _unzipped(body: bytes, where: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            (member,) = (m for m in archive.infolist() if m.filename.endswith(".csv"))
            if member.file_size > MOST_BYTES:
                raise Unreadable(f"{where} unpacks to {member.file_size:,} bytes", hint=_HINT)
            return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"{where} is cut off or damaged: {error}", hint=_HINT) from None


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"{where} is damaged: {text[:40]!r} is not a day", hint=_HINT) from None


def _not_empty(reading: Reading, where: str) -> Reading:
    if not reading.rates and not reading.rejected:
        raise Unreadable(f"{where} holds no rates", hint=_HINT)
    return reading
