"""The ECB's files, in the three forms in which it publishes them, whole and damaged."""

import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest

from commission_sync.fx.errors import Unreadable
from commission_sync.fx.sources.ecb import Ecb, read_file
from commission_sync.store.rates import Rate

XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" \
xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
    <gesmes:subject>Reference rates</gesmes:subject>
    <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
    <Cube>
        <Cube time='2026-06-16'>
            <Cube currency='USD' rate='1.0705'/>
            <Cube currency='JPY' rate='171.90'/>
        </Cube>
        <Cube time="2026-06-15"><Cube currency="USD" rate="1.0710"/></Cube>
    </Cube>
</gesmes:Envelope>"""
CSV = b"Date,USD,JPY,HRK,\n2026-06-16,1.0705,171.9,N/A,\n2026-06-15,1.071,N/A,N/A,\n"


def zipped(content: bytes, name: str = "eurofxref-hist.csv") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # Always the same bytes, as they name a test: with the time in them, pytest's processes collect different tests.
        archive.writestr(zipfile.ZipInfo(name, (2026, 6, 16, 16, 0, 0)), content)
    return file.getvalue()


def rates(body: bytes) -> list[tuple[str, str, str, str]]:
    return [(r.base, r.quote, r.rate_date.isoformat(), str(r.rate)) for r in read_file(body, "the file").rates]


def test_xml_gives_every_rate_with_its_digits():
    assert rates(XML) == [
        ("EUR", "USD", "2026-06-16", "1.0705"),
        ("EUR", "JPY", "2026-06-16", "171.90"),
        ("EUR", "USD", "2026-06-15", "1.0710"),
    ]


@pytest.mark.parametrize("body", [CSV, b"\xef\xbb\xbf" + CSV, zipped(CSV)], ids=["csv", "with a mark", "zip"])
def test_the_history_gives_every_rate_and_leaves_out_what_there_is_not(body):
    assert read_file(body, "x").rates == [
        Rate("EUR", "USD", date(2026, 6, 16), Decimal("1.0705")),
        Rate("EUR", "JPY", date(2026, 6, 16), Decimal("171.9")),
        Rate("EUR", "USD", date(2026, 6, 15), Decimal("1.071")),
    ]


@pytest.mark.parametrize("body", [XML, CSV, zipped(CSV)], ids=["xml", "csv", "zip"])
def test_a_file_cut_off_anywhere_is_refused_as_a_whole(body):
    for length in range(len(body.rstrip())):
        try:
            found = rates(body[:length])
        except Unreadable:
            continue
        # A text that ends at the end of a line is a shorter file, whole in itself.
        assert body is CSV
        assert body[:length].endswith(b"\n")
        assert found == rates(CSV)[: len(found)]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "begins with b''"),
        (b"<html><body>Maintenance</body></html>", "holds no rates"),
        (b"<!DOCTYPE html><html></html>", "is a web page or defines entities"),
        (CSV.replace(b"171.9,N/A,", b"171.9,"), "line 2 has 4 of 5 columns"),
        (CSV.replace(b"2026-06-15", b"15 June"), "'15 June' is not a day"),
        (XML.replace(b"2026-06-15", b"yesterday"), "'yesterday' is not a day"),
        (zipped(CSV, "readme.txt"), "damaged"),
        (b"PK\x03\x04 and no more", "damaged"),
        (b"\x00\x01\x02", "begins with"),
    ],
)
def test_what_is_not_the_ecbs_file_is_named(body, why):
    with pytest.raises(Unreadable, match="the file") as raised:
        read_file(body, "the file")
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"0", "0 is not above 0"),
        (b"-1.07", "-1.07 is not above 0"),
        (b"1,07", None),
        (b"abc", "'abc' is not a number"),
        (b"1e400", "'1e400' is not a number"),
        (b"NaN", "'NaN' is not a number"),
        (b"1e-30", "1e-30 is beyond any exchange rate there ever was in use"),
    ],
)
def test_a_figure_that_is_no_rate_is_kept_aside_and_the_others_are_taken(value, reason):
    reading = read_file(XML.replace(b"1.0705", value), "x")
    assert len(reading.rates) == 2
    ((bad,),) = [reading.rejected]
    assert (bad.quote, bad.rate_date, bad.value) == ("USD", date(2026, 6, 16), value.decode())
    assert bad.reason == (reason or f"{value.decode()!r} is not a number")


def test_a_code_that_is_none_is_kept_aside():
    (bad,) = read_file(XML.replace(b"'JPY'", b"'jp'"), "x").rejected
    assert bad.reason == "'jp' is not the code of a currency"


class Asked(Ecb):
    def __init__(self, url: str = "https://ecb.example/x") -> None:
        self._url = url


@pytest.mark.parametrize(
    ("days", "file"),
    [
        ([], "eurofxref-hist.zip"),
        ([date(2026, 6, 17)], "eurofxref-daily.xml"),
        ([date(2026, 6, 16), date(2026, 6, 17)], "eurofxref-hist-90d.xml"),
        ([date(2026, 4, 1)], "eurofxref-hist-90d.xml"),
        ([date(2026, 1, 5), date(2026, 6, 17)], "eurofxref-hist.zip"),
    ],
)
def test_the_smallest_file_that_has_the_days_is_asked_for(days, file):
    assert Asked()._file(days, date(2026, 6, 17)) == f"https://ecb.example/x/{file}"


def test_one_file_may_stand_for_all_of_them():
    assert Asked("file:///data/rates.csv")._file([], date(2026, 6, 17)) == "file:///data/rates.csv"
