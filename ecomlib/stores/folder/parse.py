"""Parses text columns into typed ones and notes every assumption (lesson 00, section 6).

A value is never guessed: where a column could be read in two ways (03/04/2011; 1,234), that is an error whose remedy
names both. What the whole column settles is stated in a note.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.schema import KIND_WORDS, Column

_TIME = r"(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d\d?)[-/.](\d\d?){_TIME}")
_YEAR_LAST = re.compile(rf"(\d\d?)([-/.])(\d\d?)[-/.](\d{{4}}){_TIME}")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_THOUSANDS_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_FLAGS = dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "0", "0.0"), False
)
_ZONE = "the time zone was dropped; the clock's time was kept."
FIRST_YEAR, LAST_YEAR = 1900, 2100

Fail = Callable[..., DataError]


def parse(values: pd.Series, column: Column, table: str, rows: np.ndarray, notes: list[str]) -> pd.Series:
    """Parse one column of a file into the type that the schema wants.

    Parameters
    ----------
    values : Series
        Text, with None where the cell is empty; or what a Parquet file holds.
    rows : ndarray
        The file's row number of each value.
    notes : list of str
        Sentences about what was inferred from the data are appended here.

    Raises
    ------
    DataError
        The first kind of fault in the column, with all its rows.
    """

    def fail(problem: str, bad: np.ndarray, remedy: str) -> DataError:
        place = np.flatnonzero(bad)
        value = str(values.iloc[place[0]])
        value = value if len(value) <= 60 else value[:57] + "…"
        return DataError(
            problem, table=table, column=column.name, rows=rows[place].tolist(), value=value, remedy=remedy
        )

    def note(text: str) -> None:
        notes.append(f"{table}, {column.name}: {text}")

    if column.kind in ("id", "text"):
        return _words(values, note)
    if column.kind in ("day", "moment"):
        moments = _moments(values, fail, note)
        if column.kind == "day" and (moments.notna() & (moments != moments.dt.normalize())).any():
            note("times of day were dropped.")
            return moments.dt.normalize()
        return moments
    if column.kind == "flag":
        return _flags(values, fail)
    numbers = _numbers(values, fail, note, KIND_WORDS[column.kind], column.means)
    if column.kind != "count":
        return numbers
    missing = numbers.isna().to_numpy()
    if missing.any():
        raise fail("the value is missing", missing, f"fill it in: {column.means}.")
    broken = ((numbers % 1 != 0) | (numbers.abs() > 2**53)).to_numpy()
    if broken.any():
        raise fail("must hold a whole number", broken, f"correct the value ({column.means}).")
    return numbers.astype("int64")


def _words(values: pd.Series, note: Callable[[str], None]) -> pd.Series:
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        # A column of whole numbers with gaps becomes floats in many tools: 17850.0 means 17850.
        note("whole numbers stored with decimals were read as text without them.")
        values = values.astype("Int64")
    return _as_text(values)


def _as_text(values: pd.Series) -> pd.Series:
    """Every value as a Python string, None where it is missing."""
    if pd.api.types.infer_dtype(values, skipna=True) not in ("string", "empty"):
        values = values.astype(object).map(lambda value: None if pd.isna(value) else str(value))
    # Plain strings: object under pandas 2, str under pandas 3.
    return values.astype(object).where(values.notna(), None).infer_objects()


def _flags(values: pd.Series, fail: Fail) -> pd.Series:
    words = values.map(lambda value: _FLAGS.get(str(value).strip().casefold()))
    bad = words.isna().to_numpy()
    if bad.any():
        raise fail("must hold true or false", bad, "write true or false (yes/no and 1/0 are read too).")
    return words.astype(bool)


def _numbers(values: pd.Series, fail: Fail, note: Callable[[str], None], wanted: str, means: str) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype("float64")
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = (numbers.isna() & values.notna()).to_numpy() | np.isinf(numbers.to_numpy())
    if not bad.any():
        return numbers
    # Only what did not parse is looked at: a comma is either a decimal sign or a separator of thousands.
    odd = values[bad].astype(str).str.strip()
    commas = odd.map(lambda word: bool(_DECIMAL_COMMA.fullmatch(word)))
    thousands = odd.map(lambda word: bool(_THOUSANDS_COMMA.fullmatch(word)))
    readable = (commas | thousands).to_numpy()
    if not readable.all():
        wrong = np.zeros(len(values), dtype=bool)
        wrong[np.flatnonzero(bad)[~readable]] = True
        raise fail(f"text where {wanted} is needed", wrong, f"write digits only, without units or signs ({means}).")
    points = values[~bad & values.notna().to_numpy()].astype(str).str.contains(".", regex=False).any()
    if commas.all() and not thousands.all() and not points:
        note("commas were read as decimal signs.")
        plain = values.astype(object).map(
            lambda word: None if pd.isna(word) else str(word).replace(".", "").replace(",", ".")
        )
    elif thousands.all() and (points or not commas.all()):
        note("commas were read as separators of thousands.")
        plain = values.astype(object).map(lambda word: None if pd.isna(word) else str(word).replace(",", ""))
    elif commas.all() and thousands.all():
        raise fail(
            "a comma that could be a decimal sign or a separator of thousands",
            bad,
            "write the numbers with a decimal point and without separators (1234.5).",
        )
    else:
        raise fail(
            "numbers written in two ways, with decimal commas and with decimal points",
            bad,
            "write all numbers with a decimal point (1234.5).",
        )
    return pd.to_numeric(plain, errors="coerce").astype("float64")


def _moments(values: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = values
    elif pd.api.types.is_numeric_dtype(values.dtype) and values.notna().any():
        raise fail("a number where a date is needed", values.notna().to_numpy(), "write dates as YYYY-MM-DD.")
    else:
        words = _as_text(values)
        try:
            # The common case, ten times faster than looking at the words; anything odd goes the long way.
            if not (words.dropna().str.len() >= 8).all():
                raise ValueError
            with warnings.catch_warnings():
                # Several offsets in one column (summer and winter) are a warning in pandas 2 and an error in pandas 3.
                warnings.simplefilter("error", FutureWarning)
                moments = pd.to_datetime(words, format="ISO8601")
        except (ValueError, TypeError, OverflowError, FutureWarning):
            moments = _odd_moments(words.str.strip(), fail, note)
    if getattr(moments.dtype, "tz", None) is not None:
        note(_ZONE)
        moments = moments.dt.tz_localize(None)
    bad = moments.notna().to_numpy() & ~moments.dt.year.between(FIRST_YEAR, LAST_YEAR).to_numpy()
    if bad.any():
        raise fail(f"a date outside {FIRST_YEAR} to {LAST_YEAR}", bad, "correct the year, written with four digits.")
    return moments.astype("datetime64[ns]")


def _odd_moments(words: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    unique = pd.Series(words.dropna().unique(), dtype=object)
    first = unique.map(_YEAR_FIRST.fullmatch)
    last = unique.map(_YEAR_LAST.fullmatch)
    neither = first.isna() & last.isna()
    iso = "write all dates as YYYY-MM-DD, or YYYY-MM-DD HH:MM where there is a time."
    if neither.any():
        serial = unique[neither].str.fullmatch(r"\d{5}(\.\d+)?").all()
        problem = "a spreadsheet's day number instead of a date" if serial else "not a date that can be read"
        raise fail(problem, words.isin(unique[neither]).to_numpy(), iso)
    if unique.str.contains(r"(?:Z|:\d\d ?[+-]\d\d:?\d\d)$").any():
        note(_ZONE)
    # One format a column: year first, or year last with one separator.
    form = [match.group(2) if match else "year first" for match in last]
    counts = words.map(dict(zip(unique, form, strict=True))).value_counts()
    if len(counts) > 1:
        rare = words.map(dict(zip(unique, form, strict=True))) == counts.index[-1]
        usual = words[words.map(dict(zip(unique, form, strict=True))) == counts.index[0]].iloc[0]
        raise fail(f"dates in two formats; most look like {usual}", rare.to_numpy(), iso)
    if form[0] == "year first":
        parts = pd.DataFrame([match.groups() for match in first])
        parts.columns = pd.Index(["year", "month", "day", "hour", "minute", "second"])
    else:
        parts = pd.DataFrame([match.groups() for match in last])
        parts.columns = pd.Index(["one", "sign", "two", "year", "hour", "minute", "second"])
        one, two = parts["one"].astype(int), parts["two"].astype(int)
        if (one > 12).any() and (two > 12).any():
            rare_is_month_first = (two > 12).sum() <= (one > 12).sum()
            rare = unique[(two > 12) if rare_is_month_first else (one > 12)]
            raise fail("dates in two formats, day first and month first", words.isin(rare).to_numpy(), iso)
        if not (one > 12).any() and not (two > 12).any() and form[0] != ".":
            every = words.notna().to_numpy()
            raise fail("the order of day and month cannot be told from these dates", every, iso)
        day_first = form[0] == "." or bool((one > 12).any())
        note(f"dates were read with the {'day' if day_first else 'month'} first (such as {unique.iloc[0]}).")
        parts["day"], parts["month"] = (one, two) if day_first else (two, one)
    parts = parts[["year", "month", "day", "hour", "minute", "second"]]
    parts = parts.where(parts.notna(), "0").astype(int)
    moments = pd.to_datetime(parts, errors="coerce")
    if moments.isna().any():
        raise fail("there is no such date", words.isin(unique[moments.isna()]).to_numpy(), iso)
    found = words.map(dict(zip(unique, moments, strict=True)))
    return found.astype("datetime64[ns]")
