"""Parses dates and times as people and shop systems write them (lesson 00, section 6)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.folder.dialects import one_way_moments, unread_moment

Fail = Callable[..., DataError]

_CLOCK = r"(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
_TIME = rf"(?:[T ]+{_CLOCK})?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d\d?)[-/.](\d\d?){_TIME}")
_YEAR_LAST = re.compile(rf"(\d\d?)([-/.])(\d\d?)[-/.](\d{{4}}){_TIME}")
_UNBROKEN = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T ]*(\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?)?")
_NAMED = r"Z|UTC|GMT|[CEMW]ES?T|MES?Z|BST|IST|JST|[ECMP][SD]T|A[CEW][SD]T|NZ[SD]T|AK[SD]T|N[SD]T|HST|"
_NAMED += r"SGT|HKT|KST|PHT|WIB|ICT|MSK|TRT|BRT|ART|CLS?T|COT|PET|SAST|EAT|CAT|WAT"
_OFFSET = rf"(?:UTC|GMT)?[+-]\d\d?(?::?\d\d)?|{_NAMED}|[A-Z][a-z]+/[A-Za-z]+(?:[_/-][A-Za-z]+)*"
# The common case, ten times faster than the next one.
_ZONED_ISO = re.compile(
    r"(?P<kept>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)"
)
# A time and what follows it; or a day and a zone that cannot be taken for a part of the date.
_ZONED = re.compile(
    rf"(?i)(?P<kept>.*[T ]\d\d?:?\d\d(?::?\d\d(?:[.,]\d+)?)?|.*\d(?= ?(?:{_NAMED}|[+-]\d\d:\d\d)$)"
    r"|(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})(?=[+-]\d{4}$))"
    rf" ?(?P<zone>{_OFFSET})(?:\[[\w/+-]+\])?"
)
ZONE = "the time zone was dropped; the clock's time was kept"
FIRST_YEAR, LAST_YEAR = 1900, 2100
_YEARS = f"a date outside {FIRST_YEAR} to {LAST_YEAR}"
_FOUR_DIGITS = "correct the year, written with four digits and in the Gregorian calendar."
_ISO = "write all dates as YYYY-MM-DD, or YYYY-MM-DD HH:MM where there is a time."
_PARTS = ["year", "month", "day", "hour", "minute", "second"]


def parse_moments(values: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    """Parse a column of dates, or of dates and times, into ``datetime64[ns]`` without a time zone.

    Parameters
    ----------
    values : Series
        Text, with None where the cell is empty; or what a Parquet file holds.
    fail : callable
        Makes the error from a problem, a mask of the values at fault, and a remedy.
    note : callable
        Takes a sentence about what was inferred from the data.

    Raises
    ------
    DataError
        The first kind of fault in the column, with all its rows.
    """
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = values
    else:
        words = as_text(_without_decimals(values))
        first = words.first_valid_index()
        # Pandas reads offsets too, but of one kind only, and slowly.
        plain = None if first is not None and _zoned(words[first].strip()) else _plain(words)
        moments = _odd_or_zoned(words, fail, note) if plain is None else plain
    if getattr(moments.dtype, "tz", None) is not None:
        note(f"{ZONE}.")
        moments = moments.dt.tz_localize(None)
    bad = moments.notna().to_numpy() & ~moments.dt.year.between(FIRST_YEAR, LAST_YEAR).to_numpy()
    if bad.any():
        raise fail(_YEARS, bad, _FOUR_DIGITS)
    return moments.astype("datetime64[ns]")


def as_text(values: pd.Series) -> pd.Series:
    """Return every value as a Python string, None where it is missing."""
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        values = values.astype(object).map(lambda value: None if pd.isna(value) else str(value))
    # Plain strings: object under pandas 2, str under pandas 3.
    return values.astype(object).where(values.notna(), None).infer_objects()


def _plain(words: pd.Series) -> pd.Series | None:
    """The common case, ISO dates of one time zone or none, ten times faster than looking at the words; else None."""
    if not (words.dropna().str.len() >= 8).all():
        return None
    try:
        with warnings.catch_warnings():
            # Several offsets in one column (summer and winter) are a warning in pandas 2 and an error in pandas 3.
            warnings.simplefilter("error", FutureWarning)
            return pd.to_datetime(words, format="ISO8601")
    except (ValueError, TypeError, OverflowError, FutureWarning):
        return None


def _without_decimals(values: pd.Series) -> pd.Series:
    if not pd.api.types.is_float_dtype(values.dtype) or not (values.dropna() % 1 == 0).all():
        return values
    return values.astype("Int64")


def _odd_or_zoned(words: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    bare = words.str.strip()
    return _without_zones(one_way_moments(bare.where(bare != "", None), fail, note), words, fail, note)


def _zoned(word: str) -> re.Match[str] | None:
    return _ZONED_ISO.fullmatch(word) or _ZONED.fullmatch(word)


def _without_zones(words: pd.Series, written: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    """Parse dates with or without a time zone; ``written`` are the words as an owner finds them."""
    unique = pd.Series(words.dropna().unique(), dtype=object)
    found = [_zoned(word) for word in unique]
    if not any(found):
        return _odd_moments(words, written, fail, note)
    bare = [match["kept"] if match else word for match, word in zip(found, unique, strict=True)]
    zones = sorted({match["zone"] for match in found if match})
    clock = words.map(dict(zip(unique, bare, strict=True)))
    clock = clock.astype(object).where(clock.notna(), None)
    moments = _plain(clock)
    if moments is None or getattr(moments.dtype, "tz", None) is not None:
        moments = _odd_moments(clock, written, fail, note)
    note(f"{ZONE}." if len(zones) == 1 else f"{ZONE} (there are {', '.join(zones[:4])}{', …' * (len(zones) > 4)}).")
    return moments


def _odd_moments(words: pd.Series, written: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    """Parse dates by their form; ``written`` are the words as an owner finds them."""
    unique = pd.Series(words.dropna().unique(), dtype=object)
    first = pd.Series([_YEAR_FIRST.fullmatch(word) or _UNBROKEN.fullmatch(word) for word in unique], dtype=object)
    last = pd.Series([_YEAR_LAST.fullmatch(word) for word in unique], dtype=object)
    neither = first.isna() & last.isna()
    if neither.any():
        problem, remedy = unread_moment(unique[neither])
        raise fail(problem, words.isin(unique[neither]).to_numpy(), remedy)
    # One format a column: year first, or year last with one separator.
    form = [match.group(2) if match else "year first" for match in last]
    forms = words.map(dict(zip(unique, form, strict=True)))
    counts = forms.value_counts()
    if len(counts) > 1:
        usual = written[forms == counts.index[0]].iloc[0]
        raise fail(f"dates in two formats; most look like {usual}", (forms == counts.index[-1]).to_numpy(), _ISO)
    if form[0] == "year first":
        parts = pd.DataFrame([match.groups() for match in first])
        parts.columns = pd.Index(_PARTS)
    else:
        parts = pd.DataFrame([match.groups() for match in last])
        parts.columns = pd.Index(["one", "sign", "two", "year", "hour", "minute", "second"])
        one, two = parts["one"].astype(int), parts["two"].astype(int)
        if (one > 12).any() and (two > 12).any():
            rare_is_month_first = (two > 12).sum() <= (one > 12).sum()
            rare = unique[(two > 12) if rare_is_month_first else (one > 12)]
            raise fail("dates in two formats, day first and month first", words.isin(rare).to_numpy(), _ISO)
        if not (one > 12).any() and not (two > 12).any() and form[0] != ".":
            every = words.notna().to_numpy()
            raise fail("the order of day and month cannot be told from these dates", every, _ISO)
        day_first = form[0] == "." or bool((one > 12).any())
        such = written[words == unique.iloc[0]].iloc[0]
        note(f"dates were read with the {'day' if day_first else 'month'} first (such as {such}).")
        parts["day"], parts["month"] = (one, two) if day_first else (two, one)
    parts = parts[_PARTS].where(parts[_PARTS].notna(), "0").astype(int)
    strange = ~parts["year"].between(FIRST_YEAR, LAST_YEAR)
    if strange.any():
        raise fail(_YEARS, words.isin(unique[strange]).to_numpy(), _FOUR_DIGITS)
    # Left to pandas, 25:75 would be added up: the next day at 02:15.
    untrue = (parts["hour"] > 23) | (parts["minute"] > 59) | (parts["second"] > 59)
    moments = pd.to_datetime(parts.assign(hour=0, minute=0, second=0), errors="coerce")
    if moments.isna().any():
        raise fail("there is no such date", words.isin(unique[moments.isna()]).to_numpy(), _ISO)
    if untrue.any():
        remedy = "write times from 00:00:00 to 23:59:59; the end of a day is 00:00 of the next."
        raise fail("there is no such time", words.isin(unique[untrue]).to_numpy(), remedy)
    moments += pd.to_timedelta(parts["hour"] * 3600 + parts["minute"] * 60 + parts["second"], unit="s")
    found = words.map(dict(zip(unique, moments, strict=True)))
    return found.astype("datetime64[ns]")


__all__ = ["FIRST_YEAR", "LAST_YEAR", "ZONE", "as_text", "parse_moments"]
