"""Parses text columns into typed ones and notes every assumption (lesson 00, section 6).

A value is never guessed: where a column could be read in two ways (03/04/2011; 1,234), that is an error whose remedy
names both. What the whole column settles is stated in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.folder.dialects import one_way_numbers
from ecomlib.stores.folder.moments import Fail, as_text, parse_moments
from ecomlib.stores.schema import KIND_WORDS, Column

_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+")
# 1,234,567; and 12,34,567, as in India.
_THOUSANDS_COMMA = re.compile(r"[+-]?([1-9]\d{0,2}(,\d{3})+|[1-9]\d?(,\d\d)+,\d{3})(\.\d+)?")
_YES = "true t yes y 1 1.0 wahr ja vrai oui verdadero sí vero waar tak"
_NO = "false f no n 0 0.0 falsch nein faux non falso não onwaar nee nie"
_FLAGS = dict.fromkeys(_YES.split(), True) | dict.fromkeys(_NO.split(), False)
# What databases and spreadsheets write where nothing is known; "NA" is not among them: it may be a region.
_NOTHING = r"null (null) <null> none n/a #n/a nan <na> nil \n undefined 0000-00-00"
NULL_WORDS = frozenset((*_NOTHING.split(), "0000-00-00 00:00:00"))
_THOUSANDS_POINT = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
# How a spreadsheet shows a long number of which it has kept fifteen digits.
_DATED = re.compile(r"\d\d?[-. ](jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)", re.IGNORECASE)
_ROUNDED = re.compile(r"\d[.,]?\d*E\+\d\d")


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
        first = values.iloc[place[0]]
        value = None if pd.isna(first) else str(first)
        if value is not None and len(value) > 60:
            value = value[:57] + "…"
        return DataError(
            problem, table=table, column=column.name, rows=rows[place].tolist(), value=value, remedy=remedy
        )

    def note(text: str) -> None:
        notes.append(f"{table}, {column.name}: {text}")

    if column.kind in ("id", "text"):
        words = _words(values, fail, note)
        if column.kind == "id":
            return _known(words, column, fail, note)
        null = _null_words(_distinct(words))
        if null:
            note(f"{_cells(words.isin(null), null)}; kept as text.")
        return words
    if column.null:
        values = _without_null_words(values, note)
    if column.kind in ("day", "moment"):
        moments = parse_moments(values, fail, note)
        if column.kind == "day" and (moments.notna() & (moments != moments.dt.normalize())).any():
            note("times of day were dropped.")
            return moments.dt.normalize()
        return moments
    if column.kind == "flag":
        return _flags(values, fail)
    numbers = _numbers(values, fail, note, column)
    if column.kind != "count":
        return numbers
    missing = numbers.isna().to_numpy()
    if missing.any():
        raise fail("the value is missing", missing, f"fill it in: {column.means}.")
    broken = ((numbers % 1 != 0) | (numbers.abs() >= 2**53)).to_numpy()
    if broken.any():
        unit = "count what is sold by weight or volume in a smaller unit (1.5 kg are 1500 g), its price likewise"
        raise fail("must hold a whole number", broken, f"correct the value ({column.means}); {unit}.")
    return numbers.astype("int64")


def _words(values: pd.Series, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        exact = 2 ** (np.finfo(getattr(values.dtype, "numpy_dtype", values.dtype)).nmant + 1)
        rounded = (values.abs() >= exact).fillna(False).to_numpy(dtype=bool)
        if rounded.any():
            problem = f"a long number stored as a decimal one, which holds whole numbers exactly below {exact} only"
            raise fail(problem, rounded, "export identifiers as text, or as whole numbers of 64 bits.")
        # A column of whole numbers with gaps becomes floats in many tools: 17850.0 means 17850.
        note("whole numbers stored with decimals were read as text without them.")
        values = values.astype("Int64")
    return as_text(values)


def _distinct(values: pd.Series) -> list[str]:
    return [value for value in values.unique() if isinstance(value, str)]


def _null_words(distinct: list[str]) -> list[str]:
    """The words that stand for nothing: NULL, None, N/A, …"""
    return [word for word in distinct if len(word) < 20 and word.strip().casefold() in NULL_WORDS]


def _cells(bare: pd.Series, null: list[str]) -> str:
    word = " or ".join(word.strip() for word in null)
    return f"1 cell holds the word {word}" if bare.sum() == 1 else f"{bare.sum():,} cells hold the word {word}"


def _known(words: pd.Series, column: Column, fail: Fail, note: Callable[[str], None]) -> pd.Series:
    """Identifiers, of which those that are none are taken for missing, or refused where one is needed."""
    distinct = _distinct(words)
    held = {word: word[2:-1] for word in distinct if word.startswith('="') and word.endswith('"') and len(word) > 3}
    if held:
        note(f"identifiers such as {next(iter(held))} were read without the signs that keep a spreadsheet off them.")
        words = words.map(lambda word: held.get(word, word))
        distinct = _distinct(words)
    rounded = [word for word in distinct if "E+" in word and _ROUNDED.fullmatch(word)]
    if rounded:
        note(
            f"identifiers such as {rounded[0]} look like long numbers that a spreadsheet has rounded; "
            "different ones may have become one. Export them as text."
        )
    dated = [word for word in distinct if len(word) < 7 and _DATED.fullmatch(word)]
    if dated:
        note(
            f"identifiers such as {dated[0]} look like codes (3-1) that a spreadsheet took for dates; different ones "
            "may have become one. Export them as text."
        )
    null = _null_words(distinct)
    if null and not column.null:
        remedy = f"fill it in: {column.means}; an identifier that really is this word must be another one."
        raise fail(f"the word {null[0].strip()} stands where an identifier is needed", words.isin(null), remedy)
    blank = [word for word in distinct if not word.strip()] if column.null else []
    if null:
        words = _dropped(words, null, note)
    if blank:
        bare = words.isin(blank)
        hold = "1 cell holds" if bare.sum() == 1 else f"{bare.sum():,} cells hold"
        note(f"{hold} blanks only; read as missing.")
        words = words.where(~bare, None)
    return words


def _without_null_words(values: pd.Series, note: Callable[[str], None]) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values
    null = _null_words(_distinct(values))
    return _dropped(values, null, note) if null else values


def _dropped(values: pd.Series, null: list[str], note: Callable[[str], None]) -> pd.Series:
    bare = values.isin(null)
    note(f"{_cells(bare, null)}; read as missing.")
    return values.where(~bare, None)


def _flags(values: pd.Series, fail: Fail) -> pd.Series:
    words = values.map(lambda value: _FLAGS.get(str(value).strip().casefold()))
    bad = words.isna().to_numpy()
    if bad.any():
        blank = np.array([pd.isna(value) or not str(value).strip() for value in values])
        if (bad & ~blank).any():
            remedy = "write true or false (yes/no and 1/0 are read too)."
            raise fail("must hold true or false", bad & ~blank, remedy)
        remedy = "write true or false in each row: false where a blank means no; or leave the column out."
        raise fail("the cell is blank, and must hold true or false", blank, remedy)
    return words.astype(bool)


def _numbers(values: pd.Series, fail: Fail, note: Callable[[str], None], column: Column) -> pd.Series:
    if pd.api.types.is_bool_dtype(values.dtype):
        every = values.notna().to_numpy()
        raise fail("true or false where a number is needed", every, f"write digits ({column.means}).")
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype("float64")
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    bad = (numbers.isna() & values.notna()).to_numpy() | np.isinf(numbers.to_numpy())
    if bad.any():
        values, read, currencies = one_way_numbers(values, money="price" in column.name or "cost" in column.name)
        if currencies:
            remedy = "convert all amounts to one currency, and write digits only."
            raise fail(f"amounts in {len(currencies)} currencies ({', '.join(currencies[:4])})", bad, remedy)
        for sentence in read:
            note(sentence)
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        bad = (numbers.isna() & values.notna()).to_numpy() | np.isinf(numbers.to_numpy())
    if not bad.any():
        unclear = _unclear_points(values, column)
        if unclear is not None:
            instead = "2 or 2000" if column.kind == "count" else "1290; or 1.2900 where the point is a decimal sign"
            raise fail(
                "a point that could be a decimal sign or a separator of thousands",
                unclear,
                f"write the numbers without separators of thousands, and with other than three decimals ({instead}).",
            )
        return numbers
    plain = _without_separators(values, bad, partial(_refused, fail, column), note, small=_small(column))
    return pd.to_numeric(plain, errors="coerce").astype("float64")


def _unclear_points(values: pd.Series, column: Column) -> np.ndarray | None:
    """Where 1.290 may mean 1290: everywhere among counts, else in a column that holds no other point; or None."""
    if _small(column):
        return None
    unclear = set()
    for word in values.unique() if column.kind == "count" else values:
        if isinstance(word, str) and "." in word:
            if _THOUSANDS_POINT.fullmatch(word.strip()):
                unclear.add(word)
            elif column.kind != "count":
                return None
    return values.isin(unclear).to_numpy() if unclear else None


def _refused(fail: Fail, column: Column, problem: str, bad: np.ndarray, remedy: str) -> DataError:
    wanted = {"wanted": KIND_WORDS[column.kind], "means": column.means}
    return fail(problem.format(**wanted), bad, remedy.format(**wanted))


def _small(column: Column) -> bool:
    """Whether no value can be a thousand: a latitude, a share, a rating."""
    return column.high is not None and column.high < 1000


def _without_separators(
    values: pd.Series, bad: np.ndarray, fail: Fail, note: Callable[[str], None], small: bool
) -> pd.Series:
    """Rewrite numbers that did not parse with a decimal point and nothing else; ``bad`` are their places."""
    # Only what did not parse is looked at: a comma is either a decimal sign or a separator of thousands.
    odd = values[bad].astype(str).str.strip()
    commas = odd.map(lambda word: bool(_DECIMAL_COMMA.fullmatch(word)))
    thousands = odd.map(lambda word: bool(_THOUSANDS_COMMA.fullmatch(word)))
    by_points = odd.map(lambda word: bool(_THOUSANDS_POINT.fullmatch(word)))
    readable = (commas | thousands | by_points).to_numpy()
    if not readable.all():
        wrong = np.zeros(len(values), dtype=bool)
        wrong[np.flatnonzero(bad)[~readable]] = True
        remedy = "write digits only, without units or signs ({means})."
        raise fail("text where {wanted} is needed", wrong, remedy)
    others = values[~bad & values.notna().to_numpy()].astype(str).str.strip()
    pointed = others[others.str.contains(".", regex=False)]
    unclear = pointed.map(lambda word: bool(_THOUSANDS_POINT.fullmatch(word)))
    if by_points.all() and unclear.all():
        note("points were read as separators of thousands.")  # 1.234.567 leaves no other way
        return values.astype(object).map(lambda word: None if pd.isna(word) else str(word).replace(".", ""))
    if commas.all() and (small or not thousands.all()) and not len(pointed):
        note("commas were read as decimal signs.")
        return values.astype(object).map(
            lambda word: None if pd.isna(word) else str(word).replace(".", "").replace(",", ".")
        )
    if thousands.all() and (not unclear.all() or not commas.all()):
        note("commas were read as separators of thousands.")
        return values.astype(object).map(lambda word: None if pd.isna(word) else str(word).replace(",", ""))
    if commas.all() and thousands.all():
        raise fail(
            "a comma that could be a decimal sign or a separator of thousands",
            bad,
            "write the numbers with a decimal point and without separators (1234.5).",
        )
    signs = "points as decimal signs and as separators of thousands"
    raise fail(
        f"numbers written in two ways, with {signs if by_points.all() else 'decimal commas and with decimal points'}",
        bad,
        "write all numbers with a decimal point (1234.5).",
    )
