"""Finds what no rule forbids and an owner should know: stray dates, doubled lines, currencies (lesson 00, section 6).

Nothing here is an error of a table; each is a sentence for the data check and the notes of a store that was read. Stray
dates alone can also stop what would run until the year 2099 (``raise_for_stray_dates``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecomlib.errors import DataError

_NOTED, _STOPPED = 56, 182  # days between the stray orders and all others
_WIDER = 4  # times the longest silence among the others: a shop that is open in December only is not a mistake
_CODES = (
    "aed ars aud brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr jpy krw mxn myr ngn nok nzd pen php "
    "pln ron rub sar sek sgd thb try twd uah usd vnd zar"
)
_CURRENCIES = frozenset(_CODES.split())
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

    Few are three, or one in two hundred; far is eight weeks, and four times the longest silence among the others.

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
    found = []
    for later, part in ((False, gaps[:few]), (True, gaps[::-1][:few])):
        far = np.flatnonzero(part > least)
        if len(far):
            count = int(far[-1]) + 1  # the widest group that a long silence cuts off
            places = held[order[len(order) - count :] if later else order[:count]]
            found.append(Stray(np.sort(places), int(part[far[-1]]), later, len(days)))
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
    orders = frames.get("orders")
    if orders is not None and len(orders):
        found += [
            f"orders{said}"
            for said in (*_dates(orders, rows["orders"]), *_doubled(orders), *_given(orders), *_guests(orders))
        ]
    return found


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
    if count > 1 and 100 * count >= len(orders):
        some = f"{count:,} of {len(orders):,} lines stand twice"
        each = f"every line stands twice ({count:,} of {len(orders):,})" if 2 * count == len(orders) else some
        yield f": {each}, alike in every column; its units are counted twice. Was an export appended to itself?"


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
        if not (pd.api.types.is_object_dtype(words) or isinstance(words.dtype, pd.StringDtype)):
            continue
        named = any(part in name.lower() for part in _CURRENCY_NAMES)
        if not named and str(words.iloc[0] if len(words) else "").strip().casefold() not in _CURRENCIES:
            continue
        counts = words.dropna().astype(str).str.strip().str.upper().value_counts()
        counts = counts[counts.index != ""]
        if len(counts) > 1 and (named or all(word.casefold() in _CURRENCIES for word in counts.index)):
            shown = ", ".join(f"{word} on {count:,} lines" for word, count in counts.head(4).items())
            yield (
                f"{name}: there are {len(counts)} currencies ({shown}), and amounts of all are added up. Convert "
                "prices to one currency, or keep the lines of one."
            )
