"""Rewrites moments and numbers that other systems write in a way of their own (lesson 00, section 6).

What can be read in one way only is rewritten as the parsers know it: 2:30 PM as 14:30, 1'234.50 as 1234.50. What could
mean two things (a year of two digits, a sign on some amounts only) is left as it is, or named.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.oddities import CURRENCIES

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? +)?"
_DAY_MONTH = re.compile(rf"{_WEEKDAY}(\d\d?)(?:st|nd|rd|th)?[ ./-]+{_MONTH}[ ,./-]+(\d{{4}})", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"{_WEEKDAY}{_MONTH} *(\d\d?)(?:st|nd|rd|th)?,? +(\d{{4}})", re.IGNORECASE)
_WEEK_DAY = re.compile(r"(\d{4})-?W(\d\d)-?([1-7])")
_TWELVE = re.compile(r"(.*?[T ])(\d\d?)((?::\d\d){0,2}(?:\.\d+)?) ?([ap])\.?m\.?(?![a-z])(.*)", re.IGNORECASE)
_CLOCK = re.compile(r".*[T ]0?[1-9]:\d\d.*|.*[T ]1[0-2]:\d\d.*")
_BLANKS = re.compile(r"[\s\u00a0\u2000-\u200a\u202f]+")
# Units of the time since 1970, by how many digits the years 2001 to 2033 have.
_SINCE_1970 = (("s", "seconds", 10), ("ms", "milliseconds", 13), ("us", "microseconds", 16), ("ns", "nanoseconds", 19))

_GROUPED = re.compile(r"([+-]?\d{1,3}(?:([ '’`\u00a0\u2009\u202f])\d{3})(?:\2\d{3})*)([.,]\d+)?")
_BRACKETS = re.compile(r"\( ?(.*\d) ?\)")
_MINUS_LAST = re.compile(r"(.*\d) ?-")
_WHOLE = re.compile(r"(.*\d)[.,]-{1,2}")  # 12,- and 12.-- are whole amounts
_HELD = re.compile(r'="(.*)"|\'(?=[\d.,]+$)(.*)')  # how spreadsheets keep a number from being changed
_WORDS = (*sorted(CURRENCIES), "kr", "kč", "zł", "fr", "ft", "lei", "rs", "rm", "rp", "tl", "kn", "руб", "лв")
_SIGN = rf"(?:[a-z]{{1,3}} ?)?[$¢£¤¥฿₠-⃏]|(?:{'|'.join(_WORDS)})\.?"
_MONEY = re.compile(
    rf"(?P<minus>-?) ?(?P<before>{_SIGN})? ?(?P<amount>[+-]?[\d., '’\u00a0\u2009\u202f-]*\d[.,-]*)"
    rf" ?(?P<after>{_SIGN})?",
    re.IGNORECASE,
)


def one_way_moments(words: pd.Series, fail: Callable[..., DataError], note: Callable[[str], None]) -> pd.Series:
    """Write moments that can be read in one way only as dates with the year first and clocks of 24 hours.

    Parameters
    ----------
    words : Series
        Text without blanks around it, with None where the cell is empty.
    fail : callable
        Makes the error from a problem, a mask of the values at fault, and a remedy.
    note : callable
        Takes a sentence about what was inferred from the data.

    Returns
    -------
    Series
        Text; other words stay as they are.

    Raises
    ------
    DataError
        A clock of twelve hours says 14:30 PM, or some of its times lack AM and PM.
    """
    unique = pd.Series(words.dropna().unique(), dtype=object)
    since = _since_1970(unique, note)
    if since is not None:
        return words.map(since)
    plain = [_named_date(_spaced(word)) for word in unique]
    halves = [_TWELVE.fullmatch(word) for word in plain]
    if any(halves):
        wrong = [bool(half and not 1 <= int(half[2]) <= 12) for half in halves]
        if any(wrong):
            remedy = "write times from 00:00:00 to 23:59:59; a clock with AM and PM goes from 12:00 to 11:59."
            raise fail("there is no such time", words.isin(unique[wrong]).to_numpy(), remedy)
        bare = [not half and bool(_CLOCK.fullmatch(word)) for half, word in zip(halves, plain, strict=True)]
        if any(bare):
            remedy = "write AM or PM behind all of them, or none and hours from 00 to 23."
            raise fail("a time without AM or PM among others with it", words.isin(unique[bare]).to_numpy(), remedy)
    clocks = [_of_24(half) if half else word for half, word in zip(halves, plain, strict=True)]
    found = words.map(dict(zip(unique, clocks, strict=True)))
    return found.astype(object).where(words.notna(), None)


def _spaced(word: str) -> str:
    word = _BLANKS.sub(" ", word)
    return word.replace(", ", " ").replace(" at ", " ") if ":" in word else word


def _named_date(word: str) -> str:
    """A date with a month's English name, or with a week of the year, as YYYY-MM-DD; what follows it stays."""
    match, day = _DAY_MONTH.match(word), 1
    if not match:
        match, day = _MONTH_DAY.match(word), 2
    if match:
        month = _MONTHS.index(match[3 - day][:3].lower()) + 1
        return f"{match[3]}-{month:02d}-{int(match[day]):02d}{word[match.end() :]}"
    week = _WEEK_DAY.match(word)
    if week:
        try:
            return f"{dt.date.fromisocalendar(*map(int, week.groups()))}{word[week.end() :]}"
        except ValueError:
            return word
    return word


def _of_24(half: re.Match[str]) -> str:
    hour = int(half[2]) % 12 + 12 * (half[4] in "pP")
    return f"{half[1]}{hour:02d}{half[3] or ':00'}{half[5]}"


def _since_1970(unique: pd.Series, note: Callable[[str], None]) -> dict[str, str] | None:
    for unit, name, digits in _SINCE_1970:
        if len(unique) and unique.str.fullmatch(rf"1\d{{{digits - 1}}}(?:\.\d+)?").all():
            note(f"numbers were read as {name} since 1970, in universal time (UTC).")
            moments = pd.to_datetime(unique.str.split(".").str[0].astype("int64"), unit=unit)
            return dict(zip(unique, moments.dt.strftime("%Y-%m-%d %H:%M:%S"), strict=True))
    return None


def unread_moment(unread: Iterable[str]) -> tuple[str, str]:
    """Say what is wrong with moments that cannot be read, and what to do, where all are of one kind."""
    words = pd.Series(list(unread), dtype=object)
    iso = "write all dates as YYYY-MM-DD, or YYYY-MM-DD HH:MM where there is a time."
    if words.str.fullmatch(r"\d{5}([.,]\d+)?").all():
        return (
            "a spreadsheet's day number instead of a date",
            "give the column the format YYYY-MM-DD HH:MM in the spreadsheet, and export it once more.",
        )
    if words.str.fullmatch(r"\d\d?[-/.]\d\d?[-/.]\d\d?( .*)?|\d\d?[ -][A-Za-z]{3,9}\.?[ -]\d\d( .*)?").all():
        return "not a date that can be read: its year has two digits", f"write years with four digits; {iso}"
    if words.str.fullmatch(r"\d{4}-?W\d\d?|\d{4}[-/.]\d\d?|\d\d?[-/.]\d{4}|[A-Za-z]{3,9}\.?[ -]\d{4}").all():
        return (
            "not a date that can be read: a week or a month without a day",
            f"write the day of each order, or the Monday of each week; {iso}",
        )
    return "not a date that can be read", iso


def one_way_numbers(words: pd.Series, money: bool) -> tuple[pd.Series, list[str], list[str]]:
    """Write numbers that can be read in one way only with digits, one minus, points and commas.

    Parameters
    ----------
    words : Series
        Text, with None where the cell is empty.
    money : bool
        Whether a currency sign may stand beside each amount: it is left away where all have the same.

    Returns
    -------
    plain : Series
        Text; other words stay as they are, blank ones are None.
    notes : list of str
        What was read how.
    currencies : list of str
        The signs, where they are several: nothing was left away.
    """
    unique = [word for word in words.unique() if isinstance(word, str)]
    notes: dict[str, None] = {}
    bare = [_in_ascii(word) for word in unique]
    if money:
        signs = {sign for _, sign in map(_money, bare) if sign is not None}
        if len(signs) > 1 and "" not in signs:
            return words, [], sorted(signs)
        if len(signs) == 1 and any(signs):
            notes[f"the sign '{next(iter(signs))}' was left away."] = None
            bare = [_money(word)[0] if word else word for word in bare]
    plain = {word: _plain_number(cell, notes) for word, cell in zip(unique, bare, strict=True)}
    found_words = words.map(lambda word: plain.get(word, word) or None)
    return found_words.astype(object).where(found_words.notna(), None), list(notes), []


def _in_ascii(word: str) -> str:
    held = _HELD.fullmatch(word.strip())
    word = (held[1] or held[2] or "") if held else word.strip()
    if word.isascii():
        return word
    word = word.replace("\u2212", "-").replace("–", "-").replace("—", "-")
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in word)


def _money(word: str) -> tuple[str, str | None]:
    """An amount without its currency sign, and the sign; an empty one where there is none, None where no amount is."""
    brackets = _BRACKETS.fullmatch(word)
    match = _MONEY.fullmatch(brackets[1] if brackets else word)
    if not match or (match["before"] and match["after"]):
        return word, None
    amount = match["minus"] + match["amount"].strip()
    return f"({amount})" if brackets else amount, (match["before"] or match["after"] or "").strip(" .").upper()


def _plain_number(word: str, notes: dict[str, None]) -> str:
    brackets, last, whole = _BRACKETS.fullmatch(word), _MINUS_LAST.fullmatch(word), _WHOLE.fullmatch(word)
    if brackets or last:
        match = brackets or last
        notes["numbers in brackets or with a minus behind them were read as negative."] = None
        word = f"-{match[1].strip()}" if match and match[1][0] not in "+-" else word
    elif whole:
        word = whole[1]
    if re.match(r"[+-] \d", word):
        word = word[0] + word[2:]
    if re.fullmatch(r"[+-]?,\d+", word):
        word = word.replace(",", "0,")
    grouped = _GROUPED.fullmatch(word)
    if grouped:
        shown = {" ": "blanks", "\u00a0": "blanks", "\u2009": "blanks", "\u202f": "blanks"}.get(
            grouped[2], "apostrophes"
        )
        notes[f"{shown} were read as separators of thousands."] = None
        word = grouped[1].replace(grouped[2], "") + (grouped[3] or "")
    return word


__all__ = ["one_way_moments", "one_way_numbers", "unread_moment"]
