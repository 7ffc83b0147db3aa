"""The least time in which HubSpot's limits let anybody read a number of records.

Lists give 100 records a call and count against the app's rolling ten seconds, searches give 200 a call and count
against five a second (HubSpot, "API usage guidelines and limits"). Splits are read like a list, a hundred split deals a
call. Two floors: both limits used in full at their mean rate, and the same with an infinitely fast client that finds
every window empty and makes ten seconds' calls at once.
"""

LIST_RECORDS = 100
SEARCH_RECORDS = 200
SEARCHES_A_SECOND = 5
BURST_SECONDS = 10
# The limits' longest window, and a little: a run that follows another at once would pay for that one's calls.
WINDOW_SECONDS = 11


def burst_seconds(records: int, burst_limit: int) -> float:
    """Return the first second at which the calls allowed so far could have brought `records` records."""
    second = 0
    while _readable(second, burst_limit) < records:
        second += 1
    return float(second)


def mean_rate_seconds(records: int, burst_limit: int) -> float:
    """Return the time at the limits' mean rate, without the head start that a rolling window gives."""
    return records / (LIST_RECORDS * burst_limit / BURST_SECONDS + SEARCH_RECORDS * SEARCHES_A_SECOND)


def _readable(second: int, burst_limit: int) -> int:
    lists = burst_limit * (second // BURST_SECONDS + 1)
    searches = SEARCHES_A_SECOND * (second + 1)
    return LIST_RECORDS * lists + SEARCH_RECORDS * searches
