"""Finds what no rule forbids and an owner should know: stray dates, doubled lines, names (lesson 00, section 6).

Nothing here is an error of a table; each is a sentence for the data check and the notes of a store that was read. Stray
dates alone can also stop what would run until the year 2099 (``raise_for_stray_dates``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.rhythm import raise_for_late_books
from ecomlib.stores.schema import SCHEMA

_NOTED, _STOPPED = 56, 182  # days between the stray orders and all others
_WIDER = 4  # times the longest silence among the others: a shop that is open in December only is not a mistake
_CODES = (
    "aed ars aud brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr jpy krw mxn myr ngn nok nzd pen php "
    "pln ron rub sar sek sgd thb try twd uah usd vnd zar"
)
CURRENCIES = frozenset(_CODES.split())
# Silences after which more lines than a few are mistakes too: an empty date is often written as 1970-01-01.
_SILENCES = ((730, 10), (3650, 2))  # days, and the part of the lines: a tenth, a half
_LINES = 50  # below which nothing is said of a line's or a customer's share
# Words of a status that say that nothing was sold.
_UNSOLD = re.compile(
    r"(partially |partly )?(cancel+ed|cancelation|cancel+ad[oa]|refunded|void(ed)?|failed|declined|rejected|expired|"
    r"returned|storn(o|iert)|erstattet|annul[eé]|annul+[ae]t[oa]|rembours[eé]|reembolsad[oa]|geannuleerd|test|draft)"
)
_CURRENCY_NAMES = ("currency", "währung", "waehrung", "devise", "moneda", "valuta")


@dataclass(frozen=True)
class Stray:
    """Hold a few orders that lie far before or after all others: their places, how far, and of how many lines."""

    places: np.ndarray
    days: int
    later: bool
    lines: int

    def said(self) -> str:
        """Say in half a sentence how many lines lie how far away."""
        count, unit = (round(self.days / 365.25), "year") if self.days >= 548 else (round(self.days / 30.4), "month")
        lie = "lies" if len(self.places) == 1 else "lie"
        side = "after" if self.later else "before"
        return f"{len(self.places)} of {self.lines:,} lines {lie} {count} {unit}s {side} all others"


def stray_dates(moments: pd.Series) -> list[Stray]:
    """Find the few orders that lie far before or after all others (lesson 00, section 6).

    Few are three, or one in two hundred; far is eight weeks, and four times the longest silence among the others. After
    a silence of two years a tenth of the lines are few, after one of ten years the smaller half.

    Parameters
    ----------
    moments : Series of datetime
        When each order was placed, in any order; missing ones are left out.

    Returns
    -------
    list of Stray
        Those before, then those after; ``places`` count from 0 in ``moments``.
    """
    held = np.flatnonzero(moments.notna().to_numpy())
    days = moments.to_numpy()[held].astype("datetime64[D]").astype(np.int64)
    few = min(max(3, len(days) // 200), len(days) // 10)
    if not few:
        return []
    order = np.argsort(days, kind="stable")
    gaps = np.diff(days[order])
    usual = int(gaps[few : len(gaps) - few].max(initial=1))
    least = max(_NOTED, _WIDER * usual)
    rhythm = _WIDER * int(np.median(gaps[gaps > 0])) if gaps.any() else 0
    before = np.arange(1, len(days))
    found = []
    for later, there in ((False, before), (True, len(days) - before)):
        cut = (gaps > least) & (there <= few)
        for silence, part in _SILENCES:
            cut |= (gaps >= max(silence, rhythm)) & (there < len(days) / part)
        far = np.flatnonzero(cut[::-1] if later else cut)
        if len(far):
            count = int(far[-1]) + 1  # the widest group that a long silence cuts off
            places = held[order[len(order) - count :] if later else order[:count]]
            found.append(Stray(np.sort(places), int((gaps[::-1] if later else gaps)[far[-1]]), later, len(days)))
    return found


def raise_for_stray_dates(orders: pd.DataFrame) -> None:
    """Raise where a few orders lie half a year and more before or after all others (lesson 00, section 6).

    Every week up to them would be a week without sales: a forecast after one order of the year 2099 is one of nothing.

    Raises
    ------
    DataError
        Names the rows and how far they lie.
    """
    for stray in stray_dates(orders["ordered_at"]):
        if stray.days >= _STOPPED:
            raise DataError(
                f"{stray.said()}; every week between would count as one without sales",
                table="orders",
                column="ordered_at",
                rows=(stray.places + 1).tolist(),
                value=str(orders["ordered_at"].iloc[stray.places[0]].date()),
                remedy="correct the date, or take the line out.",
            )


def raise_for_wrong_dates(orders: pd.DataFrame, inventory: pd.DataFrame | None = None) -> None:
    """Raise where orders or inventory reach so far beyond all other orders that nothing can be learnt from them.

    Raises
    ------
    DataError
        Names the table, the rows or the day.
    """
    raise_for_stray_dates(orders)
    if inventory is not None and orders["ordered_at"].notna().any():
        raise_for_late_books(orders["ordered_at"].max(), inventory["date"].max())


def oddities(frames: Mapping[str, pd.DataFrame], rows: Mapping[str, np.ndarray]) -> list[str]:
    """List what is odd in these tables and no error, a sentence each (lesson 00, section 6).

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Frame by table name; columns that could not be read are absent.
    rows : mapping of str to ndarray
        Row numbers as the owner counts them, by table.
    """
    found = [f"{name}, {said}" for name, frame in frames.items() for said in _currencies(frame)]
    found += [*_alike(frames), *_garbled(frames)]
    orders = frames.get("orders")
    if orders is not None and len(orders):
        numbers = rows["orders"]
        said = (
            *_dates(orders, numbers),
            *_doubled(orders),
            *_guests(orders),
            *_giants(orders, numbers),
            *_given(orders),
        )
        found += [f"orders{sentence}" for sentence in (*said, *_unsold(orders), *_nowhere(orders))]
    places = frames.get("regions", pd.DataFrame()).get("region_id", pd.Series(dtype=object))
    if places.eq("all").any():
        found.append("regions, region_id: 'all' stands for the sum of all regions in the service; rename that region.")
    return found


def _nowhere(orders: pd.DataFrame) -> Iterator[str]:
    missing = int(orders["region_id"].isna().sum()) if "region_id" in orders else 0
    if 0 < missing < len(orders) and not any(", region_id:" in said for said in _guests(orders)):
        yield (
            f", region_id: {missing:,} of {len(orders):,} lines have no region. They count in sums of all regions; "
            "forecasts of single regions share them out as the other lines are shared."
        )


def _bare(name: str) -> str:
    """An identifier without what people and systems write differently: blanks, capitals, zeros in front, a '.0'."""
    name = "".join(name.split()).casefold()
    if not name.isascii():
        name = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    whole = name.removesuffix(".0")
    return (whole.lstrip("0") or "0") if whole.isdigit() else name


def _garbled(frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Words whose letters were lost or doubled on the way here: 'grÃ¼n' was 'grün' in another encoding."""
    for table, name in (
        ("products", "title"),
        ("products", "description"),
        ("products", "category"),
        ("regions", "name"),
    ):
        words = frames.get(table, pd.DataFrame()).get(name, pd.Series(dtype=object))
        bad = [word for word in words.unique()[:5000] if isinstance(word, str) and _is_garbled(word)]
        if bad:
            hold = "1 text holds" if len(bad) == 1 else f"{len(bad):,} texts hold"
            yield (
                f"{table}, {name}: {hold} signs of another encoding (such as '{bad[0][:40]}'). Export the table once "
                "more as 'CSV UTF-8': what is lost is not in this file."
            )


def _is_garbled(word: str) -> bool:
    if word.isascii():
        return False
    try:
        return word.encode("cp1252").decode("utf-8") != word
    except UnicodeError:
        return "\ufffd" in word


def _alike(frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Identifiers that differ in writing only: two products, regions or customers, or one that was typed twice."""
    for name, parent in (("product_id", "products"), ("region_id", "regions"), ("customer_id", "customers")):
        table = parent if name in frames.get(parent, ()) else "orders"
        if name not in frames.get(table, ()):
            continue
        known = pd.Series([value for value in frames[table][name].unique() if isinstance(value, str)], dtype=object)
        bare = known.map(_bare)
        same = known[bare.duplicated(keep=False).to_numpy(dtype=bool)]
        if len(same):
            pair = [repr(value) for value in same[bare[same.index] == bare[same.index[0]]]][:2]
            yield (
                f"{table}, {name}: {len(same):,} identifiers differ from another one in blanks, capitals or zeros only "
                f"({' and '.join(pair)}). Each counts for itself: write them alike if they are the same."
            )


def _rows(numbers: np.ndarray) -> str:
    shown = ", ".join(str(row) for row in numbers[:5]) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
    return f"row{'s' if len(numbers) > 1 else ''} {shown}"


def _dates(orders: pd.DataFrame, rows: np.ndarray) -> Iterator[str]:
    if "ordered_at" not in orders or not pd.api.types.is_datetime64_dtype(orders["ordered_at"]):
        return
    moments = orders["ordered_at"]
    for stray in stray_dates(moments):
        day = f"{moments.iloc[stray.places[0]]:%Y-%m-%d}"
        yield (
            f", ordered_at: {stray.said()}: {_rows(rows[stray.places])} ({day}). Correct the date or take the line "
            "out; else every week between counts as one without sales."
        )
    ahead = np.flatnonzero((moments > pd.Timestamp.now() + pd.Timedelta(days=1)).to_numpy())
    if len(ahead):
        last = f"{moments.max():%Y-%m-%d}"
        are = "line is" if len(ahead) == 1 else "lines are"
        yield f", ordered_at: {len(ahead):,} {are} dated after today: {_rows(rows[ahead])} (up to {last})."


def _doubled(orders: pd.DataFrame) -> Iterator[str]:
    keys = [name for name in ("order_id", "product_id") if name in orders]
    if not keys:
        return
    # Lines that share order and product are few in most shops, and comparing every column of all lines is slow.
    again = orders[orders.duplicated(keys, keep=False)]
    count = int(again.duplicated().sum()) if len(again) else 0
    alike = "alike in every column"
    if 4 * count < len(orders) and len(keys) == 2:
        # A number of the line or a mark of the file makes each line different; so many in one shop are no accident.
        known = [name for name in orders if SCHEMA["orders"].column(name)]
        most = int(again.duplicated(known).sum()) if len(again) else 0
        count, alike = (most, "alike in every column of the schema") if 4 * most >= len(orders) else (count, alike)
    if count > 1 and 100 * count >= len(orders):
        some = f"{count:,} of {len(orders):,} lines stand twice"
        each = f"every line stands twice ({count:,} of {len(orders):,})" if 2 * count == len(orders) else some
        yield f": {each}, {alike}; its units are counted twice. Was an export appended to itself?"


def _giants(orders: pd.DataFrame, rows: np.ndarray) -> Iterator[str]:
    """One line that holds most of what a shop sold, and one customer who bought at least every fifth line."""
    if len(orders) >= _LINES and pd.api.types.is_numeric_dtype(orders.get("quantity")):
        units = orders["quantity"].to_numpy(dtype=float)  # whole numbers of 64 bits could not hold the sum
        share = units / max(units.sum(), 1)
        most = int(share.argmax())
        if share[most] > 1 / 3:
            yield (
                f", quantity: row {rows[most]} alone holds {share[most]:.0%} of all units "
                f"({orders['quantity'].iloc[most]:,}). Is it right? It rules every mean and every error."
            )
    if len(orders) >= _LINES and pd.api.types.is_numeric_dtype(orders.get("unit_price")):
        prices = orders["unit_price"].to_numpy(dtype=float)
        most, usual = int(np.nan_to_num(prices).argmax()), float(np.nanmedian(prices))
        if usual > 0 and prices[most] > 100_000 * usual:
            found = f"{prices[most]:,.6g}, the usual price is {usual:,.6g}"
            yield f", unit_price: row {rows[most]} has {found}. Is it right?"
    buyers = orders["customer_id"].value_counts() if "customer_id" in orders else pd.Series(dtype=int)
    if len(buyers) > 20 and buyers.sum() >= _LINES and buyers.iloc[0] > 0.2 * buyers.sum():
        name, share = buyers.index[0], buyers.iloc[0] / buyers.sum()
        yield (
            f", customer_id: '{name}' has {share:.0%} of the lines. If it stands for guests, leave these cells empty; "
            "else they count as one customer."
        )


def _unsold(orders: pd.DataFrame) -> Iterator[str]:
    """Lines of a status such as 'cancelled', which the reader does not know and counts as sold."""
    for name in map(str, orders.columns):
        if SCHEMA["orders"].column(name) or not _holds_words(orders[name]):
            continue
        counts = orders[name].value_counts()
        found = [word for word in counts.index[:50] if _UNSOLD.fullmatch(str(word).strip().casefold())]
        if found and len(found) < len(counts) <= 50:
            lines, words = int(counts[found].sum()), " or ".join(f"'{word}'" for word in found[:3])
            count = f"1 line of {words} counts" if lines == 1 else f"{lines:,} lines of {words} count"
            yield (
                f", {name}: {count} as sold. Take them out if nothing was sold; what came back is marked in the "
                "column 'returned'."
            )


def _holds_words(values: pd.Series) -> bool:
    return pd.api.types.is_object_dtype(values) or isinstance(values.dtype, pd.StringDtype)


def _given(orders: pd.DataFrame) -> Iterator[str]:
    """Lines without a price that repeat a priced one: many systems write a variant below its parent so."""
    keys = ["order_id", "product_id", "quantity"]
    if not {*keys, "unit_price"} <= set(orders):
        return
    free = orders["unit_price"] == 0
    if not free.any():
        return
    again = orders[orders.duplicated(keys, keep=False)]
    priced = (again["unit_price"] > 0).groupby([again[name] for name in keys]).transform("any")
    count = int((priced & free[again.index]).sum())
    if count > 1 and 100 * count >= len(orders):
        yield (
            f": {count:,} lines have a price of 0 and repeat a priced line of the same order, product and quantity; "
            "their units count as well. If they are variants below their parents, take them out."
        )


def _guests(orders: pd.DataFrame) -> Iterator[str]:
    """Optional fields that stand on an order's first line only: the other lines would be a guest's, or of no region."""
    if "order_id" not in orders:
        return
    if not any(name in orders and orders[name].isna().any() for name in ("customer_id", "region_id")):
        return
    below = orders["order_id"].duplicated().to_numpy() & orders["order_id"].notna().to_numpy()
    if not below.any():
        return
    several = orders["order_id"].isin(orders["order_id"][below]).to_numpy()
    for name in ("customer_id", "region_id"):
        if name in orders:
            bare = orders[name].isna().to_numpy()
            # Guests are bare on every line of an order, so it is the difference that tells.
            if bare[below].mean() > 0.9 and bare[several & ~below].mean() < 0.5:
                yield (
                    f", {name}: it stands on an order's first line only, and {int(bare[below].sum()):,} other lines "
                    "lack it. Copy it from the first line, or let 'ecomlib data map' do so."
                )


def _currencies(frame: pd.DataFrame) -> Iterator[str]:
    for name in map(str, frame.columns):
        words = frame[name]
        if not _holds_words(words):
            continue
        named = any(part in name.lower() for part in _CURRENCY_NAMES)
        first = words.first_valid_index()
        if not named and (first is None or not _is_currency(str(words[first]))):
            continue
        counts = words.dropna().astype(str).str.strip().str.upper().value_counts()
        counts = counts[counts.index != ""]
        if len(counts) > 1 and (named or all(map(_is_currency, counts.index))):
            shown = ", ".join(f"{word} on {count:,} lines" for word, count in counts.head(4).items())
            yield (
                f"{name}: there are {len(counts)} currencies ({shown}), and amounts of all are added up. Convert "
                "prices to one currency, or keep the lines of one."
            )


def _is_currency(word: str) -> bool:
    word = word.strip()
    return word.casefold() in CURRENCIES or (0 < len(word) < 4 and unicodedata.category(word[-1]) == "Sc")
