"""Turns order lines into a regular long frame (lesson 01, section 4).

A panel has one row for every period of every series, sorted by ``unique_id`` and ``ds``, without gaps. A zero is
written only where it is a fact: after the launch (or first sale) and up to the last full period. What is known ahead of
time bears a name in ``KNOWN_AHEAD``; every other column is known only when its period is over.

A panel knows its frequency: ``frequency`` reads it off the dates. ``attrs["freq"]``, which ``make_panel`` writes, is
asked only where the dates fit several frequencies (one row a series).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ecomlib.errors import DataError, explained
from ecomlib.frames import require_panel
from ecomlib.periods import FREQUENCIES, infer_frequency, parse_date, parse_frequency, period_index, period_start
from ecomlib.stores.returns import came_back, sold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecomlib.stores import Store

__all__ = [
    "CALENDAR",
    "FREQUENCIES",
    "KNOWN_AHEAD",
    "LAST_YEAR",
    "PRICES",
    "check_panel",
    "frequency",
    "join_id",
    "known_ahead",
    "make_panel",
    "period_index",
    "period_start",
    "split_id",
]

CALENDAR = ("week_sin", "week_cos", "week_sin2", "week_cos2", "month", "weekday", "to_christmas", "holidays")
LAST_YEAR = ("last_year_before", "last_year", "last_year_after", "last_year_known")
PRICES = ("usual_price", "rel_price")
# The plan of prices and promotions, the calendar, (for horizons below a year) last year's same periods, and the plan's
# price beside the usual one: as ``features.usual_price`` and ``features.relative_price`` make them from ``price``.
KNOWN_AHEAD = ("price", "promoted", "depth", *CALENDAR, *LAST_YEAR, *PRICES)

_PLAN = ("price", "promoted", "depth")
_NEVER = np.iinfo(np.int64).max
_MOST_ROWS = 20_000_000  # about 2 GB: beyond it a typing slip ends in a sentence, not in a dead kernel


def known_ahead(panel: pd.DataFrame) -> tuple[str, ...]:
    """List the columns of this panel that are known for the future, in the order of ``KNOWN_AHEAD``."""
    return tuple(column for column in KNOWN_AHEAD if column in panel.columns)


@explained()
def check_panel(panel: pd.DataFrame, freq: str | None = None) -> tuple[NDArray[np.int64], str]:
    """Prove that a long frame is a panel: sorted by series and date, a row a period, no gaps (lesson 01, section 4).

    Parameters
    ----------
    panel : DataFrame
        With ``unique_id`` and ``ds``.
    freq : str, optional
        The frequency that it must have. Left out, it is read off the dates; where these fit several (one row a
        series), ``panel.attrs["freq"]`` decides.

    Returns
    -------
    starts : ndarray of int64, shape (series + 1,)
        The row at which each series starts, with the number of rows appended.
    freq : str
        ``"D"``, ``"W-MON"`` or ``"MS"``.

    Raises
    ------
    DataError
        Not a panel (the first row at fault is named), or its frequency cannot be told.
    """
    require_panel(panel, "unique_id", "ds")
    if panel.empty:
        raise DataError("no rows", table="panel", remedy="check start, end and by of make_panel.")
    ids, ds = panel["unique_id"].to_numpy(), panel["ds"].to_numpy(dtype="datetime64[ns]")
    new = np.flatnonzero(ids[1:] != ids[:-1]) + 1
    starts = np.concatenate([[0], new, [len(ids)]]).astype(np.int64)
    inside = np.ones(len(ids), dtype=bool)
    inside[starts[:-1]] = False
    heads = ids[starts[:-1]].astype(str)
    order = np.flatnonzero(heads[1:] <= heads[:-1])
    if order.size:
        raise DataError(
            "the series are not sorted, or one is in two pieces",
            table="panel",
            column="unique_id",
            rows=[int(starts[order[0] + 1]) + 1],
            value=heads[order[0] + 1],
            remedy="make unique_id text (astype(str)), then sort by unique_id, ds.",
        )
    steps = np.diff(ds, prepend=ds[:1])[inside]
    freq = infer_frequency(ds, steps, panel.attrs.get("freq")) if freq is None else parse_frequency(freq)
    # The label must be its period's first day, and every period be one after the one before it.
    index = period_index(ds, freq)
    wrong = (np.diff(index, prepend=index[:1]) != 1) & inside
    wrong |= period_start(index, freq) != ds
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"not a regular panel at frequency {freq}: a period is missing, doubled or mislabelled",
            table="panel",
            column="ds",
            rows=[row + 1],
            value=f"{ids[row]} {str(ds[row])[:10]}",
            remedy="make it with make_panel, or fill the gap first.",
        )
    return starts, freq


@explained()
def frequency(panel: pd.DataFrame) -> str:
    """Return the frequency of a panel: ``"D"``, ``"W-MON"`` or ``"MS"`` (lesson 01, section 4).

    The dates say it. Where each series has a single row and the dates fit several frequencies, ``panel.attrs["freq"]``
    decides; without it the question is refused.

    Raises
    ------
    DataError
        Not a panel, or its frequency cannot be told.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.DataFrame({"unique_id": "mug", "ds": pd.date_range("2024-01-01", periods=3, freq="7D")})
    >>> frequency(weeks)
    'W-MON'
    """
    return check_panel(panel)[1]


def join_id(keys: pd.DataFrame) -> pd.Series:
    r"""Join the key columns of each row to one identifier, so that different keys never merge (lesson 01, section 4).

    A single column is taken as it is, as text. Several are joined by ``|``; a ``|`` inside a value is written ``\|``,
    and backslashes right before a bar or at a value's end are doubled. Values without these stay as they are.

    Examples
    --------
    >>> import pandas as pd
    >>> join_id(pd.DataFrame({"product_id": ["mug", "a|b"], "region_id": ["N", "c"]})).tolist()
    ['mug|N', 'a\\|b|c']
    """
    texts = [keys[column].astype(str) for column in keys.columns]
    if len(texts) == 1:
        return texts[0].rename(None)
    for place, text in enumerate(texts):
        at_risk = text.str.contains("|", regex=False) | text.str.endswith("\\")
        if at_risk.any():
            texts[place] = text.where(~at_risk, [_escaped(value) for value in text])
    return texts[0].str.cat(texts[1:], sep="|").rename(None)


def _escaped(value: str) -> str:
    return re.sub(r"(\\*)(\||$)", lambda found: 2 * found[1] + found[2].replace("|", r"\|"), value)


def split_id(ids: pd.Series | Sequence[str], by: str | Sequence[str]) -> pd.DataFrame:
    r"""Split identifiers into the key columns that they were joined from; the inverse of ``join_id``.

    Parameters
    ----------
    ids : Series or sequence of str
        ``unique_id`` of a panel or of forecasts (lesson 01, section 4).
    by : str or sequence of str
        The keys that the panel was made with, in their order.

    Returns
    -------
    DataFrame
        One column of text a key, with the index of ``ids`` if it has one.

    Raises
    ------
    DataError
        An identifier does not have as many parts as ``by``.

    Examples
    --------
    >>> split_id(["mug|N", r"a\|b|c"], ("product_id", "region_id")).to_numpy().tolist()
    [['mug', 'N'], ['a|b', 'c']]
    """
    names = [by] if isinstance(by, str) else list(by)
    texts = ids if isinstance(ids, pd.Series) else pd.Series(list(ids), dtype=object)
    if len(names) == 1:
        return texts.astype(str).to_frame(names[0])
    code, distinct = pd.factorize(texts.astype(str))
    parts = [_parts(value) for value in distinct]
    for row, found in enumerate(parts):
        if len(found) != len(names):
            raise DataError(
                f"this identifier has {len(found)} parts, and {len(names)} keys are asked for",
                column="unique_id",
                rows=[int(np.flatnonzero(code == row)[0]) + 1],
                value=str(distinct[row]),
                remedy="name the keys that the panel was made with.",
            )
    table = pd.DataFrame(parts, columns=names, dtype=object)
    return table.take(code).set_axis(texts.index)


def _parts(joined: str) -> list[str]:
    """The values behind one identifier: a bar separates where an even number of backslashes stands before it."""
    parts, part, slashes = [], "", 0
    for sign in joined:
        if sign == "\\":
            slashes += 1
            continue
        if sign != "|":
            part += "\\" * slashes + sign
        elif slashes % 2:
            part += "\\" * (slashes // 2) + "|"
        else:
            parts.append(part + "\\" * (slashes // 2))
            part = ""
        slashes = 0
    return [*parts, part + "\\" * (slashes // 2)]


@explained(
    h="rows after the last period are called ahead here: make_panel(store, ahead=4).",
    horizon="rows after the last period are called ahead here: make_panel(store, ahead=4).",
    product='name the columns of a series: make_panel(store, by=("product_id", "region_id")).',
    products='leave rows out afterwards: panel[panel["product_id"].isin(products)].',
    fill_value='zeros are written where they are a fact; fill="nan" marks periods with nothing to sell.',
    target='units are counted, as y; money is store.orders["quantity"] * store.orders["unit_price"].',
)
def make_panel(
    store: Store,
    freq: str = "W-MON",
    by: str | Sequence[str] = ("product_id",),
    start: Any = None,
    end: Any = None,
    *,
    begin: Literal["launch", "sale"] = "launch",
    fill: Literal["zero", "nan"] = "zero",
    first: Literal["keep", "drop"] = "keep",
    ahead: int = 0,
    books_end: Any = None,
    returns: Literal["gross", "net"] = "gross",
) -> pd.DataFrame:
    """Count units by series and period, with the covariates that the store's tables allow (lesson 01, section 4).

    Parameters
    ----------
    store : Store
        Its ``orders`` and ``products``; ``regions``, ``prices`` and ``inventory`` where it has them.
    freq : str
        ``"D"``, ``"W-MON"`` (weeks from Monday to Sunday) or ``"MS"``, or another name of theirs, such as ``"weekly"``
        (``periods.parse_frequency``). A period is named by its first day.
    by : str or sequence of str
        One or more columns of ``orders``, ``products`` or ``regions``. ``unique_id`` joins their values as
        ``join_id`` does: with ``|``, and so that different keys stay different series. ``"A "`` and ``"A"`` are
        different keys; ``1`` and ``"1"``, which are written alike, are refused.
    start, end : date, optional
        Periods outside are left out. Without ``end`` the last *full* period closes the panel.
    begin : {"launch", "sale"}
        "launch" starts a series at its product's launch (``products.launched_on``), in every region from the region's
        first sale, even where it never sold: leaving such series out would be knowledge of the future. A product
        without a launch date, and every series under "sale", starts at its first sale.
    fill : {"zero", "nan"}
        "nan" writes NaN instead of zero where there was nothing to sell in the whole period.
    first : {"keep", "drop"}
        "drop" leaves out the store's first period where the store did not open on its first day.
    ahead : int
        So many periods after the last are appended with the plan alone (``y`` and all past columns NaN); where the
        plan ends, its last price stands and no promotion is assumed.
    books_end : date, optional
        A day up to which the books are known to be kept, where orders and inventory do not reach it: what was not
        sold until then is zero, as in a shop that was closed.
    returns : {"gross", "net"}
        "net" leaves lines that came back (``orders.returned``) out of all counts. Series begin and end as in "gross".
        Lines of the last periods may come back yet: of these, net units are too many.

    Returns
    -------
    DataFrame
        Sorted by ``unique_id, ds``, with the columns of ``by`` and, float64: ``y`` units (those that came back
        included, unless ``returns`` is "net"), ``orders`` and ``customers`` distinct ones behind them (guests are not
        customers), ``price_paid`` mean price a unit, carried forward; with ``prices``: ``price`` mean of the plan,
        ``promoted`` share of days, ``depth`` mean discount; with ``inventory``: ``stockout`` share of days that ended
        without stock (sales may be less than demand), ``unstocked`` share of days with nothing to sell at all. Shares
        and means of a group are over its product-days. ``attrs["freq"]`` is the frequency.

    Raises
    ------
    DataError
        An unknown frequency or column, a missing key, keys that are written alike, a panel above 20 million rows, or
        net units of a store that does not say what came back.

    Notes
    -----
    Known at: ``price``, ``promoted``, ``depth`` ahead of time; everything else when the period is over.

    Examples
    --------
    >>> import pandas as pd
    >>> from ecomlib.stores import Store
    >>> products = pd.DataFrame({"product_id": ["mug"], "title": ["red mug"]})
    >>> orders = pd.DataFrame({
    ...     "order_id": ["1", "2", "3"], "product_id": "mug", "quantity": [2, 1, 4], "unit_price": 5.0,
    ...     "ordered_at": pd.to_datetime(["2024-01-01 09:00", "2024-01-16 12:00", "2024-01-21 18:00"]),
    ... })
    >>> make_panel(Store("shop", products, orders), "weekly", by="product_id")[["unique_id", "ds", "y"]]
      unique_id         ds    y
    0       mug 2024-01-01  2.0
    1       mug 2024-01-08  0.0
    2       mug 2024-01-15  5.0
    """
    freq, by = parse_frequency(freq), _checked_keys(store, by)
    for name, value, words in (("begin", begin, _BEGINS), ("fill", fill, _FILLS), ("first", first, _FIRSTS)):
        if value not in words:
            raise DataError(f"unknown {name}", value=value, remedy=f"use {' or '.join(words)}.")
    if isinstance(ahead, bool) or not isinstance(ahead, int | np.integer) or ahead < 0:
        raise DataError("ahead counts whole periods", value=ahead, remedy="use 0 or more.")
    dates = {"start": start, "end": end, "books_end": books_end}
    start, end, books_end = (None if date is None else parse_date(date, name) for name, date in dates.items())
    sides = _Sides(store, by)
    lines = store.orders
    day = lines["ordered_at"].to_numpy(dtype="datetime64[D]")
    product, other = sides.codes(lines), sides.other_of_line
    n_other = len(sides.other)
    series, period = product * n_other + other, period_index(day, freq)
    last_day = _last_day(store, day)
    if books_end is not None:
        last_day = max(last_day, np.datetime64(books_end, "D"))
    last = int(period_index(last_day + 1, freq)) - 1  # the last full period
    if end is not None:
        last = int(period_index(end, freq))
        if last > period_index(last_day, freq):
            raise DataError(
                "this is after the books end",
                table="orders",
                column="ordered_at",
                value=str(end),
                remedy="leave end out, or append periods with ahead=.",
            )

    # Where each series begins.
    begins = np.full(len(sides.product) * n_other, _NEVER)
    np.minimum.at(begins, series, period)
    if begin == "launch":
        launch = sides.launches(freq)
        opened = np.full(n_other, _NEVER)
        np.minimum.at(opened, other, period)
        offered = np.maximum(launch[:, None], opened[None, :]).ravel()
        begins = np.minimum(begins, offered)
    floor = int(period.min())
    if first == "drop" and period_start(floor, freq) < day.min():
        floor += 1
    begins = np.maximum(begins, floor)  # a launch before the first line of the books is not observed
    if start is not None:
        floor = max(floor, int(period_index(start, freq)))
        if floor > last:
            raise DataError("start lies after the last period", value=str(start)[:10], remedy="take an earlier start.")

    alive = np.flatnonzero(begins <= last)
    if not alive.size:
        raise DataError("no full period up to the end", table="orders", value=str(period_start(last, freq))[:10])
    labels = join_id(pd.DataFrame(sides.key_columns(alive))).to_numpy(dtype=object)
    order = np.argsort(labels)
    alive, labels = alive[order], labels[order]
    twice = np.flatnonzero(labels[1:] == labels[:-1])
    if twice.size:
        raise DataError(
            "two different keys are written alike, such as the number 1 and the text '1'",
            column=by[0] if len(by) == 1 else " and ".join(by),
            value=str(labels[twice[0]]),
            remedy="bring the column to one type, such as text.",
        )
    length = last + ahead + 1 - begins[alive]
    offset = np.concatenate([[0], np.cumsum(length)])
    rows = int(offset[-1])
    if rows > _MOST_ROWS:
        raise DataError(
            f"the panel would have {rows:,} rows",
            table="panel",
            value=by,
            remedy='use a coarser freq, fewer keys, or begin="sale".',
        )
    member = np.repeat(np.arange(len(alive)), length)
    at = np.arange(rows) - offset[member] + begins[alive][member]  # the period of each row
    place = np.full(len(begins), -1)
    place[alive] = np.arange(len(alive))

    inside = (place[series] >= 0) & (period <= last) & (period >= begins[series])
    if sold(store, returns) is not store:
        inside &= ~came_back(lines).to_numpy()
    which = place[series[inside]]
    cell = offset[which] + period[inside] - begins[alive][which]
    quantity = lines["quantity"].to_numpy(dtype=float)[inside]
    y = np.bincount(cell, quantity, rows)
    columns: dict[str, Any] = {"y": y, "orders": _distinct(cell, lines["order_id"][inside], rows)}
    if "customer_id" in lines:
        columns["customers"] = _distinct(cell, lines["customer_id"][inside], rows)
    revenue = np.bincount(cell, quantity * lines["unit_price"].to_numpy(dtype=float)[inside], rows)
    paid = np.divide(revenue, y, out=np.full(rows, np.nan), where=y > 0)
    columns["price_paid"] = _carry_forward(paid, offset[member])

    past = at <= last
    if store.prices is not None:
        wanted = {"price": "unit_price", "promoted": "promoted", "depth": "depth"}
        values = {name: store.prices[c].to_numpy(dtype=float) for name, c in wanted.items() if c in store.prices}
        plan = sides.means(store.prices, values, freq, alive[member], at)
        plan["price"] = _carry_forward(plan["price"], offset[member])
        for name in plan.keys() - {"price"}:
            plan[name] = np.nan_to_num(plan[name])
        columns |= plan
        columns["price_paid"] = np.where(np.isnan(columns["price_paid"]), plan["price"], columns["price_paid"])
    if store.inventory is not None:
        stock = store.inventory
        had = stock["on_hand_start"].to_numpy(dtype=float) + stock["received"].to_numpy(dtype=float)
        values = {"stockout": had - stock["sold"].to_numpy(dtype=float) <= 0, "unstocked": had <= 0}
        columns |= sides.means(stock, values, freq, alive[member], at)
        if fill == "nan":
            columns["y"] = np.where((columns["unstocked"] == 1) & (y == 0), np.nan, y)
    for name in columns.keys() - set(_PLAN):
        columns[name] = np.where(past, columns[name], np.nan)

    head = {"unique_id": labels[member], "ds": period_start(at, freq)}
    panel = pd.DataFrame(head | sides.key_columns(alive[member]) | columns)
    panel = panel[at >= floor].reset_index(drop=True) if start is not None else panel
    panel.attrs["freq"] = freq
    return panel


_BEGINS, _FILLS, _FIRSTS = ("launch", "sale"), ("zero", "nan"), ("keep", "drop")


def _checked_keys(store: Any, by: Any) -> tuple[str, ...]:
    if not hasattr(store, "orders") or not hasattr(store, "products"):
        frame = isinstance(store, pd.DataFrame)
        remedy = "load one with load_store, or make Store(name, products, orders)."
        if frame and {"unique_id", "ds", "y"} <= set(store.columns):
            remedy = "this is a panel already; use it as it is."
        raise DataError("make_panel needs a store", value=type(store).__name__, remedy=remedy)
    keys = (by,) if isinstance(by, str) else tuple(by) if isinstance(by, Iterable) else ()
    if not keys or not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
        remedy = 'name columns, each once, such as by="product_id" or by=("product_id", "region_id").'
        raise DataError("by names the columns of a series", value=by, remedy=remedy)
    return keys


class _Sides:
    """The keys of a panel in two groups, as codes: the product's, and all others (region, customer…)."""

    def __init__(self, store: Store, by: tuple[str, ...]) -> None:
        self.store, self.by = store, by
        regions = store.regions if store.regions is not None else pd.DataFrame()
        offered = {*store.products.columns, *store.orders.columns, *regions.columns}
        for column in by or ("",):
            if column not in offered:
                raise DataError(
                    "no such column in products, orders or regions",
                    column=column or "by",
                    remedy=f"group by some of {', '.join(sorted(offered))}.",
                )
        self.left = [column for column in by if column in store.products]
        self.right = [column for column in by if column not in store.products]
        code, self.product = _groups(store.products, "products", self.left)
        self._group_of = pd.Series(code, index=store.products["product_id"])
        self.other_of_line, self.other = _groups(self._keys(store.orders), "orders", self.right)

    def _keys(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Those of the other side's columns that a table holds, its own or its region's."""
        held = {column: frame[column] for column in self.right if column in frame and frame[column].notna().any()}
        missing = [column for column in self.right if column not in frame]
        if missing and "region_id" in frame and self.store.regions is not None:
            code, names = pd.factorize(frame["region_id"])
            found = self.store.regions.set_index("region_id").reindex(names)
            for column in set(missing) & set(found.columns):
                held[column] = pd.Series(found[column].array.take(code, allow_fill=True), index=frame.index)
        return pd.DataFrame(held, index=frame.index)

    def codes(self, table: pd.DataFrame) -> NDArray[np.int64]:
        """The product side's group of each row of a table with ``product_id`` (a Store has proved that it exists)."""
        if not self.left:
            return np.zeros(len(table), dtype=np.int64)
        code, names = pd.factorize(table["product_id"])
        return self._group_of.reindex(names).to_numpy(dtype=np.int64)[code]

    def launches(self, freq: str) -> NDArray[np.int64]:
        """Period of the earliest launch in each product group; ``_NEVER`` where no date is known."""
        found = np.full(len(self.product), _NEVER)
        if "launched_on" in self.store.products:
            dated = self.store.products["launched_on"].notna().to_numpy()
            period = period_index(self.store.products["launched_on"][dated], freq)
            np.minimum.at(found, self._group_of.to_numpy()[dated], period)
        return found

    def key_columns(self, series: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The columns of ``by``, one value for each given series."""
        sides = (self.product, series // len(self.other)), (self.other, series % len(self.other))
        return {c: side[c].to_numpy()[row] for c in self.by for side, row in sides if c in side}

    def means(
        self,
        table: pd.DataFrame,
        values: dict[str, NDArray[Any]],
        freq: str,
        series: NDArray[np.int64],
        at: NDArray[np.int64],
    ) -> dict[str, NDArray[np.float64]]:
        """Mean of each value over the table's rows that fall into a panel row; NaN where there are none.

        A table without regions holds in all of them.
        """
        keys = self._keys(table)
        shared = list(keys.columns)
        both, groups = _groups(pd.concat([keys, self.other[shared]], ignore_index=True), "regions", shared)
        mine, theirs = both[: len(table)], both[len(table) :]
        period = period_index(table["date"], freq)
        low, span = int(period.min()), int(np.ptp(period)) + 1
        cell = (self.codes(table) * len(groups) + mine) * span + (period - low)
        wanted = (series // len(self.other) * len(groups) + theirs[series % len(self.other)]) * span
        there = (at >= low) & (at < low + span)
        wanted = np.where(there, wanted + at - low, 0)
        cells = len(self.product) * len(groups) * span
        count = np.bincount(cell, minlength=cells)[wanted]
        count = np.where(there & (count > 0), count, np.nan)
        return {column: np.bincount(cell, value, cells)[wanted] / count for column, value in values.items()}


def _groups(frame: pd.DataFrame, table: str, columns: list[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Group of each row, and the values of ``columns`` behind each group; one group without columns."""
    codes, parts = np.zeros(len(frame), dtype=np.int64), []
    for column in columns:
        code, values = pd.factorize(frame[column])
        if (code < 0).any():
            raise DataError(
                "the key is empty",
                table=table,
                column=column,
                rows=list(np.flatnonzero(code < 0)[:6] + 1),
                remedy="fill it, or leave those rows out before making a panel.",
            )
        codes = codes * len(values) + code
        parts.append((column, np.asarray(values)))
    if not columns:
        return codes, pd.DataFrame(index=[0])
    codes, distinct = pd.factorize(codes)
    found = {}
    for column, names in reversed(parts):
        found[column], distinct = names[distinct % len(names)], distinct // len(names)
    return codes, pd.DataFrame(found)[columns]


def _distinct(cell: NDArray[np.int64], names: pd.Series, cells: int) -> NDArray[np.float64]:
    """How many different names each cell holds; an empty name does not count."""
    code, values = pd.factorize(names)
    pairs = pd.unique((cell * (len(values) + 1) + code)[code >= 0])
    return np.bincount(pairs // (len(values) + 1), minlength=cells).astype(float)


def _carry_forward(values: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.float64]:
    """The last known value of the same series; ``start`` is the first row of each row's series."""
    known = np.where(np.isnan(values), -1, np.arange(len(values)))
    last = np.maximum.accumulate(known)
    return np.where(last >= start, values[last], np.nan)


def _last_day(store: Store, day: NDArray[np.datetime64]) -> np.datetime64:
    """The last day in the books, of orders and inventory."""
    stock = store.inventory
    return day.max() if stock is None or stock.empty else max(day.max(), stock["date"].to_numpy("datetime64[D]").max())
