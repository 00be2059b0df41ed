"""Reads numbers and dates as shop systems write them, and tells what the values of a column look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.export.states import states
from ecomlib.stores.folder.parse import parse
from ecomlib.stores.schema import SCHEMA

_SIGNS = re.compile(r"[\s\u00a0\u202f'’]|(?<!\w)(?:[A-Z]{3}|[A-Z]{0,2}[$€£¥₹₺₽]|zł|kr\.?|Fr\.?|CHF)(?!\w)|[$€£¥₹₺₽]|%")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|[.,]\d+)")
_UNIT = re.compile(r"(?<=\d)(?:x|×|ST|PCE|PC|EA|Stk\.?|Stück|pcs?|pièces?|uds?|pz|u)$", re.IGNORECASE)
_DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(\d{2}|\d{4})")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier janv enero ene gennaio gen januari",
            "feb february februar fevrier fevr fev febrero febbraio februari",
            "mar march marz mrz mars marzo maart mrt maerz",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag mei",
            "jun june juni juin junio giugno giu",
            "jul july juli juillet juil julio luglio lug",
            "aug august aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set",
            "oct october oktober okt octobre octubre ottobre ott",
            "nov november novembre noviembre",
            "dec december dezember dez decembre diciembre dic dicembre",
        ),
        start=1,
    )
    for name in names.split()
}
_TIME = r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?\s?m\.?)?"
# Only behind a time of day: the end of 02-01-2024 is no time zone.
_ZONED = (
    r"\d[:.]\d\d(?:[:.]\d\d)?(?:[.,]\d+)? ?(?:[aApP]\.?[mM]\.?)? ?"
    r"(?:UTC|GMT|Z|[PECM][DS]T|CES?T|MES?Z|(?:UTC|GMT)?[+-]\d\d:?\d\d)$"
)
_CLOCK = re.compile(
    _TIME + r"(?:\s*(?:Z|UTC|GMT|[A-Z]{2,5}\.?|(?:GMT|UTC)?[+-]\d\d:?\d\d|\([^)]*\)))*\s*", re.IGNORECASE
)
_BARE_CLOCK = re.compile(r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})")
_BEFORE_TIME = r"(?:[T,\s]+|$|\s+(?:at|um|à|a las)\s+)"
_ISO = re.compile(r"(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)" + _BEFORE_TIME)
_COMPACT = re.compile(r"(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-2]\d|3[01])" + _BEFORE_TIME)
_LAST = re.compile(r"(?P<one>\d\d?)(?P<sign>[-/.])\s?(?P<two>\d\d?)[-/.]\s?(?P<year>\d{4}|\d\d)" + _BEFORE_TIME)
_WORDS_DAY = re.compile(
    r"(?:[^\W\d]+\.?,?\s+)?(?P<day>\d\d?)(?:st|nd|rd|th|er|\.)?[\s\-/]*(?:de\s+)?(?P<name>[^\W\d]+)\.?,?[\s\-/]*(?:de\s+)?"
    r"(?P<year>\d{4}|\d\d)" + _BEFORE_TIME
)
_WORDS_MONTH = re.compile(
    r"(?:[^\W\d]+\.?,\s+)?(?P<name>[^\W\d]+)\.?[\s\-/]*(?P<day>\d\d?)(?:st|nd|rd|th)?,?[\s\-/]+(?P<year>\d{4}|\d\d)"
    + _BEFORE_TIME
)
_CURRENCY_SIGNS = {"€": "EUR", "£": "GBP", "zł": "PLN", "₹": "INR", "₺": "TRY", "₽": "RUB", "US$": "USD", "CHF": "CHF"}
_PACKED = re.compile(
    r"(?:^|[;,|\n] ?)\d+ ?[x×] ?[^\W\d]|\b(?:qty|quantity|menge|anzahl|quantite|quantité|cantidad|aantal) ?[:=] ?\d",
    re.IGNORECASE,
)
_MOMENT = next(column for column in SCHEMA["orders"].columns if column.name == "ordered_at")
_SAMPLE = 3000
DATES = ("day-first", "month-first")
DECIMALS = ("point", "comma")


def bare(values: pd.Series) -> pd.Series:
    """Remove currencies, spaces and units off numbers; ``(5.00)`` and ``5.00-`` become ``-5.00``."""
    words = {word: _bare(word) for word in values.dropna().unique()}
    return values.map(words).astype(object)


def _bare(word: str) -> str:
    text = _UNIT.sub("", _SIGNS.sub("", word.replace("−", "-").replace("–", "-")))
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    if text.endswith("-"):
        text = "-" + text[:-1]
    return text.removesuffix(",").removesuffix(".")


def decimal_signs(words: Iterable[str]) -> tuple[int, int]:
    """Count the numbers that can only have a decimal point, and those that can only have a decimal comma."""
    point = comma = 0
    for word in words:
        if not _NUMBER.fullmatch(word):
            continue
        dots, commas = word.count("."), word.count(",")
        if dots and commas:
            last_is_point = word.rfind(".") > word.rfind(",")
            point, comma = point + last_is_point, comma + (not last_is_point)
        elif dots > 1 or commas > 1:
            point, comma = point + (commas > 1), comma + (dots > 1)
        elif dots + commas == 1:
            before, after = re.split("[.,]", word)
            # Three digits behind one sign may be thousands; a leading zero or five digits before it say no.
            if len(after) != 3 or before.lstrip("+-") in ("", "0") or len(before.lstrip("+-")) > 3:
                point, comma = point + dots, comma + commas
    return point, comma


def currencies(words: pd.Series) -> pd.Series | None:
    """Give the currency that stands beside each amount, or None where not nearly all have one; $ names none.

    Examples
    --------
    >>> currencies(pd.Series(["€ 1,20", "3,00 €"])).tolist(), currencies(pd.Series(["$1.20", "1.20"]))
    (['EUR', 'EUR'], None)
    """
    known = {word: _currency(word) for word in words.dropna().unique()}
    beside = words.map(known)
    return beside if beside.notna().sum() >= 0.9 * max(1, words.notna().sum()) else None


def _currency(word: str) -> str | None:
    code = re.fullmatch(r"[^A-Za-z]*([A-Z]{3})[^A-Za-z]*", word.strip())
    if code:
        return code[1]
    return next((name for sign, name in _CURRENCY_SIGNS.items() if sign in word), None)


def is_packed(values: pd.Series) -> bool:
    """Tell whether cells hold the lines of a whole order: ``2 x Mug; 1 x Cup``, or ``SKU: A, Qty: 2 | SKU: B, Qty: 1``.

    Examples
    --------
    >>> is_packed(pd.Series(["2 x Mug; 1 x Cup", "1x Mug"])), is_packed(pd.Series(["Set of 2 x 3 m", "Qty bag"]))
    (True, False)
    """
    there = values.dropna().astype(str).head(_SAMPLE)
    return bool(len(there)) and bool(there.str.contains(_PACKED).mean() > 0.5)


def numbers(words: pd.Series, decimal: str, fail: Callable[[str, pd.Series, str], DataError]) -> pd.Series:
    """Turn bare number words into floats, with the decimal sign that was decided.

    Parameters
    ----------
    words : Series
        As ``bare`` gives them.
    decimal : str
        ``"point"`` or ``"comma"``.
    fail : callable
        Makes the error from a problem, the mask of rows and a remedy.

    Raises
    ------
    DataError
        A word is no number.
    """
    other = "," if decimal == "point" else "."
    text = words.where(words.isna(), words.astype(str).str.replace(other, "", regex=False))
    if decimal == "comma":
        text = text.where(text.isna(), text.astype(str).str.replace(",", ".", regex=False))
    found = pd.to_numeric(text, errors="coerce").astype("float64")
    bad = (found.isna() & words.notna()) | np.isinf(found)
    if bad.any():
        raise fail(
            "text where a number is needed", bad, "correct the value, or name another column in the mapping file."
        )
    return found


@dataclass(frozen=True)
class _Parts:
    """A date in its parts; ``order`` is None where its form says which is the day, and the sign between them else."""

    year: int
    one: int
    two: int
    clock: str
    sign: str | None = None

    def iso(self, day_first: bool) -> str:
        month, day = (self.two, self.one) if self.sign and day_first else (self.one, self.two)
        return f"{self.year:04d}-{month:02d}-{day:02d}{self.clock}"


def _clock(text: str) -> str | None:
    """A time of day as `` HH:MM:SS``; an empty one where there is none, None where it cannot be read."""
    if not text.strip():
        return ""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    if hour > 23 or int(match["minute"]) > 59 or int(match["second"] or 0) > 59:
        return None
    return f" {hour:02d}:{match['minute']}:{match['second'] or '00'}"


def _parts(word: str) -> _Parts | None:
    for pattern in (_ISO, _COMPACT, _LAST, _WORDS_DAY, _WORDS_MONTH):
        match = pattern.match(word)
        if match is None:
            continue
        fields = match.groupdict()
        clock = _clock(word[match.end() :])
        if clock is None:
            continue
        year = int(fields["year"])
        if len(fields["year"]) == 2:
            year += 2000 if year < 70 else 1900
        if "name" in fields:
            month = _MONTHS.get(_unaccented(fields["name"]))
            if month is None:
                continue
            return _Parts(year, month, int(fields["day"]), clock)
        if "sign" in fields:
            return _Parts(year, int(fields["one"]), int(fields["two"]), clock, fields["sign"])
        return _Parts(year, int(fields["month"]), int(fields["day"]), clock)
    return _epoch(word)


def _epoch(word: str) -> _Parts | None:
    """A spreadsheet's day number (2000 to 2079) or a Unix time in seconds or milliseconds."""
    if re.fullmatch(r"(3[6-9]|[45]\d|6[0-5])\d{3}(\.\d+)?", word):
        moment = pd.Timestamp("1899-12-30") + pd.to_timedelta(round(float(word) * 86400), unit="s")
    elif re.fullmatch(r"1\d{9}(\d{3})?", word):
        moment = pd.Timestamp(int(word), unit="s" if len(word) == 10 else "ms").floor("s")
    else:
        return None
    return _Parts(moment.year, moment.month, moment.day, f" {moment:%H:%M:%S}")


def _unaccented(word: str) -> str:
    for letters, plain in (("ä", "a"), ("éèê", "e"), ("û", "u")):
        for letter in letters:
            word = word.replace(letter, plain).replace(letter.upper(), plain)
    return word.casefold()


def clocks(values: pd.Series, fail: Callable[[str, pd.Series, str], DataError]) -> pd.Series:
    """Read times of day as `` HH:MM:SS``, empty where there is none."""
    words: dict[str, str | None] = {}
    for word in values.dropna().unique():
        bare_clock = _BARE_CLOCK.fullmatch(word)
        day_fraction = re.fullmatch(r"0(\.\d+)?", word)
        if bare_clock:
            words[word] = f" {bare_clock['hour']}:{bare_clock['minute']}:{bare_clock['second']}"
        elif day_fraction:  # a spreadsheet's time
            words[word] = f" {pd.Timestamp(0) + pd.to_timedelta(round(float(word) * 86400), unit='s'):%H:%M:%S}"
        else:
            # A date before the time is a spreadsheet's cell that holds both.
            words[word] = _clock(re.sub(r"^\d{4}-\d\d-\d\d[T ]", "", word))
    bad = values.map(lambda word: words.get(word, "") is None)
    if bad.any():
        raise fail(
            "not a time of day that can be read", bad, "write HH:MM, or leave the column out of the mapping file."
        )
    return values.map(words).fillna("")


def moments(
    values: pd.Series, clock: pd.Series | None, dates: str, fail: Callable[[str, pd.Series, str], DataError]
) -> tuple[pd.Series, list[str]]:
    """Read dates in any common form; whether the day or the month stands first is decided over the whole column.

    Parameters
    ----------
    values : Series
        Text.
    clock : Series or None
        Times of day from a column of their own, as ``clocks`` gives them.
    dates : str
        ``"day-first"``, ``"month-first"``, or empty: the column decides.
    fail : callable
        Makes the error from a problem, the mask of rows and a remedy.

    Returns
    -------
    Series of datetime64[ns]
        The clock's time as it stood there; time zones are dropped.
    list of str
        What was assumed.

    Raises
    ------
    DataError
        A date cannot be read, does not exist, or could be meant in two ways.
    """
    parts = {word: _parts(word.strip()) for word in values.dropna().unique()}
    unknown = {word for word, part in parts.items() if part is None}
    if unknown:
        raise fail(
            "not a date (or time of day) that can be read",
            values.isin(unknown),
            "correct the value, or name another column.",
        )
    found = {word: part for word, part in parts.items() if part is not None}
    open_ones = {word: part for word, part in found.items() if part.sign}
    notes: list[str] = []
    day_first = dates == "day-first"
    if open_ones and not dates:
        day, month = (any(getattr(p, side) > 12 for p in open_ones.values()) for side in ("one", "two"))
        if day and month:
            fewer = sorted(("one", "two"), key=lambda side: sum(getattr(p, side) > 12 for p in open_ones.values()))[0]
            rare = {word for word, part in open_ones.items() if getattr(part, fewer) > 12}
            remedy = "write all dates as YYYY-MM-DD, or export once more in one language."
            raise fail("dates in two formats, day first and month first", values.isin(rare), remedy)
        dotted = all(part.sign == "." for part in open_ones.values())
        if not day and not month and not dotted:
            remedy = "say which: --dates day-first, or --dates month-first (or dates = in the mapping file)."
            raise fail("the order of day and month cannot be told from these dates", values.isin(open_ones), remedy)
        day_first = day or (dotted and not month)
    if open_ones:
        notes.append(
            f"dates were read with the {'day' if day_first else 'month'} first (such as {next(iter(open_ones))})."
        )
    if values.dropna().astype(str).str.contains(_ZONED).any():
        notes.append("the time zone was dropped; the clock's time was kept.")
    words = values.map({word: part.iso(day_first) for word, part in found.items()})
    if clock is not None:
        words = words.where(words.isna(), words.astype(str).str[:10] + clock)
    # The schema's own reader says what no such date or time is; it knows the row as the owner counts it.
    place = np.arange(len(values))
    try:
        return parse(words, _MOMENT, "orders", place, []), notes
    except DataError as fault:
        bad = pd.Series(np.isin(place, fault.rows), index=values.index)
        raise fail(fault.problem, bad, "correct the value.") from None


@dataclass(frozen=True)
class Look:
    """Describe what the values of a column look like: shares between 0 and 1 of those that are there."""

    filled: float
    dates: float
    clocks: float
    numbers: float
    whole: float
    positive: float
    cents: float
    letters: float
    words: float
    distinct: float
    count: int
    mails: float
    largest: float
    states: float = 0.0


def look(values: pd.Series) -> Look:
    """Describe a column by at most 3,000 of its values, spread over the whole."""
    there = values.dropna()
    filled = len(there) / max(1, len(values))
    step = max(1, len(there) // _SAMPLE)
    sample = there.iloc[::step].astype(str)
    if sample.empty:
        return Look(filled, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 0.0)
    number_words = bare(sample).astype(str)
    number = number_words.map(lambda word: bool(_NUMBER.fullmatch(word)) and not _DOTTED_DATE.fullmatch(word))
    point, comma = decimal_signs(number_words)
    plain = number_words[number].str.replace(*((",", "") if point >= comma else (".", "")), regex=False)
    size = pd.to_numeric(plain.str.replace(",", ".", regex=False), errors="coerce")
    tail = number_words.str.extract(r"[.,](\d+)$")[0]
    return Look(
        filled=filled,
        dates=float(sample.map(lambda word: _parts(word) is not None).mean()),
        clocks=float(
            sample.map(lambda word: _clock(word) not in ("", None) or bool(_BARE_CLOCK.fullmatch(word))).mean()
        ),
        numbers=float(number.mean()),
        whole=float((number & (tail.fillna("0").str.strip("0") == "")).mean()),
        positive=float((size > 0).sum() / len(sample)),
        cents=float((number & tail.notna() & (tail.str.len() <= 4)).mean()),
        letters=float(sample.str.contains(r"[^\W\d_]").mean()),
        words=float(sample.str.count(r"\S+").mean()),
        distinct=sample.nunique() / len(sample),
        count=int(there.nunique()),
        mails=float(sample.str.contains(r"[^@\s]+@[^@\s]+\.\w+").mean()),
        largest=float(size.abs().max()) if size.notna().any() else 0.0,
        states=states(there),
    )
