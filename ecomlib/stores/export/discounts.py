"""Takes discounts off prices, so that revenue is what was paid, and finds out what a column of discounts means.

A discount may stand in money or percent, on a line or once for its order, and the price beside it may hold it already.
Where the amounts of the export tell, they decide: what is left after a discount stands in another column, or the same
product cost less on the lines that have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ecomlib.stores.export.role import plain
from ecomlib.stores.export.scores import SURE, Guess

DISCOUNTS = ("discount", "discount_percent", "order_discount", "unit_discount")
_TAXES = ("tax", "taxes", "steuer", "mwst", "ust", "vat", "tva", "iva", "btw")
_WITH = ("incl", "excl", "inc", "ex", "inkl", "exkl", "ohne", "mit", "ttc", "ht", "htva")
_BEFORE = ("gross", "subtotal", "before", "brutto", "row total", "list", "original", "base")
_AGREE = 0.8  # the share of discounted rows on which the amounts must tell the same


@dataclass(frozen=True)
class Amounts:
    """Hold what is known of the lines as numbers: order, product, quantity, amount of the line before any discount.

    Parameters
    ----------
    lines : DataFrame
        Columns ``order``, ``product``, ``quantity`` and ``gross``, and one for each column of discounts.
    others : mapping of str to Series
        Further columns of numbers, in which what was paid may stand.
    amount : Guess
        The column of the amount: its role is ``unit_price`` or ``line_total``.
    layout : bool
        Whether a known export says that discounts stand beside the amount.
    """

    lines: pd.DataFrame
    others: Mapping[str, pd.Series]
    amount: Guess
    layout: bool


def weigh(amounts: Amounts, picks: Mapping[str, Guess]) -> tuple[dict[str, Guess], list[str]]:
    """Decide which columns of discounts are taken off, and as what.

    Parameters
    ----------
    amounts : Amounts
        The lines' numbers.
    picks : mapping of str to Guess
        The columns that could be discounts, by role.

    Returns
    -------
    dict of str to Guess
        Those that are to be taken off, by the role that the amounts say.
    list of str
        What is said of the others.
    """
    lines = amounts.lines
    there = {role: guess for role, guess in picks.items() if lines[guess.column].fillna(0).ne(0).any()}
    if not there:
        return {}, []
    schemes = list(_schemes(lines, there))
    found = max(((scheme, *_paid(amounts, scheme)) for scheme in schemes), key=lambda one: one[1])
    scheme, share, where = found
    if share >= _AGREE:
        why = f"with it taken off a line costs what '{where}' says"
        return {
            role: replace(g, role=role, confidence=max(g.confidence, SURE), reason=f"{g.reason}; {why}")
            for role, g in scheme.items()
        }, []
    names = " and ".join(f"'{guess.column}'" for guess in there.values())
    said = _holds_it_already(amounts, schemes[0])
    if said:
        way = "to take them off, name the column as discount, discount_percent or order_discount in the mapping file"
        return {}, [f"{names} (discounts) are not taken off: {said}; {way}."]
    return {role: replace(guess, role=role) for role, guess in schemes[0].items()}, []


def _schemes(lines: pd.DataFrame, there: Mapping[str, Guess]) -> Iterator[dict[str, Guess]]:
    """The readings of the columns, the likeliest first."""
    line, percent, order, unit = (there.get(role) for role in DISCOUNTS)
    if line is not None and order is None and _once_an_order(lines, line.column):
        line, order = None, line
    guesses = zip(DISCOUNTS, (line, percent, order, unit), strict=True)
    whole = {role: guess for role, guess in guesses if guess is not None}
    if line is not None and percent is not None:
        whole.pop("discount_percent")  # one discount, written in two ways
    if line is not None and order is not None:
        again = _told_twice(lines, line.column, order.column)
        if again:
            yield {role: guess for role, guess in whole.items() if role != again}
    yield whole
    if len(whole) > 1:
        yield from ({role: guess} for role, guess in whole.items())
    for column in dict.fromkeys(there.values()):
        yield from ({role: column} for role in DISCOUNTS if {role: column} != whole)


def _told_twice(lines: pd.DataFrame, line: str, order: str) -> str:
    """The role to leave out where an order's discount is that of its lines, told once more; else an empty text."""
    by_order = lines.groupby("order")
    whole = by_order[order].first().abs().fillna(0)
    of_lines, of_first = by_order[line].sum().abs(), by_order[line].first().abs().fillna(0)
    there = (whole > 0) | (of_lines > 0)
    for told, again in ((of_lines, "order_discount"), (of_first, "discount")):
        if ((whole - told).abs() <= 0.011)[there].mean() >= _AGREE:
            return again
    return ""


def _once_an_order(lines: pd.DataFrame, column: str) -> bool:
    """Whether money is an order's: on its first line only where the others are blank, or the same on all lines."""
    several = lines[lines.groupby("order")["order"].transform("size") > 1]
    values, order = several[column], several["order"]
    discounted = values.abs().groupby(order).transform("max") > 0
    if not discounted.any():
        return False
    first = ~order.duplicated()
    if values[first].notna().all() and values[~first].isna().all():
        return True
    of_first = several.groupby("order")[[column, "gross"]].transform("first")
    same = (values == of_first[column])[discounted].all()
    return bool(same and (several["gross"] != of_first["gross"])[discounted].any())


def _net(lines: pd.DataFrame, scheme: Mapping[str, Guess]) -> tuple[pd.Series, pd.Series]:
    """What is left of each line, and whether it has a discount."""
    columns = {role: lines[guess.column].abs() for role, guess in scheme.items()}
    net = left(lines["gross"].abs(), lines["order"], of_lines(columns, lines["quantity"].abs()))
    return net, (net - lines["gross"].abs()).abs() > 0.005


def _paid(amounts: Amounts, scheme: Mapping[str, Guess]) -> tuple[float, str]:
    """The largest share of discounted lines (or orders) whose rest stands in another column, and that column."""
    net, changed = _net(amounts.lines, scheme)
    if not changed.any():
        return 0.0, ""
    taken = {guess.column for guess in scheme.values()}
    order = amounts.lines["order"]
    sums = net.groupby(order).transform("sum")
    discounted = changed.groupby(order).transform("any") & ~order.duplicated()
    best = 0.0, ""
    for name, paid in _candidates(amounts):
        if name in taken:
            continue
        whole = paid.groupby(order).transform("first")
        for share in (_alike(net, paid, changed), _alike(sums, whole, discounted)):
            best = max(best, (share, name), key=lambda one: one[0])
    return best


def _candidates(amounts: Amounts) -> Iterator[tuple[str, pd.Series]]:
    """The other columns, as they are and without a tax."""
    taxes = {name: values for name, values in amounts.others.items() if set(plain(name).split()) & set(_TAXES)}
    amounts_of_tax = [tax for tax in taxes.values() if tax.fillna(0).ne(0).any()]
    for name, values in amounts.others.items():
        # "Total incl tax" is an amount that was paid, "tax" is none.
        if name in taxes and not set(plain(name).split()) & set(_WITH):
            continue
        yield name, values.abs()
        yield from ((name, values.abs() - tax.abs()) for tax in amounts_of_tax)


def _alike(one: pd.Series, other: pd.Series, where: pd.Series) -> float:
    if not where.any():
        return 0.0
    # What costs nothing is no evidence.
    near = ((one - other).abs() <= 0.011 + 0.001 * one.abs()) & (one > 0)
    return float(near[where].mean())


def _holds_it_already(amounts: Amounts, scheme: Mapping[str, Guess]) -> str:
    """Say by what the amount is what was paid; an empty text where nothing tells, so that discounts are taken off."""
    lines = amounts.lines
    gross = lines["gross"].abs()
    net, changed = _net(lines, scheme)
    if not changed.any():
        return ""
    # "Gross price", "discount", "net price": another column less the discount is this one. Each may be the unit's.
    quantity = lines["quantity"].abs()
    per_unit = amounts.amount.role == "unit_price"
    raw = gross / quantity if per_unit else gross
    for name, values in _candidates(amounts):
        own = _net(lines.assign(gross=values), scheme)[0]
        of_line = _net(lines.assign(gross=values * quantity), scheme)[0] / quantity if per_unit else own
        if max(_alike(less, raw, changed) for less in (own, of_line)) >= _AGREE:
            return f"'{amounts.amount.column}' is '{name}' less it"
    # The same product without a discount: does it cost as much as before the discount, or more?
    price, less = gross / lines["quantity"].abs(), net / lines["quantity"].abs()
    usual = lines["product"].map(price[~changed].groupby(lines["product"]).median())
    known = changed & usual.notna()
    if known.sum() >= 3:
        as_usual = ((price - usual).abs() <= 0.005 * usual)[known].mean()
        lower = ((price - usual + (price - less)).abs() <= 0.02 * usual)[known].mean()
        if as_usual >= _AGREE:
            return ""
        if lower >= _AGREE:
            return f"'{amounts.amount.column}' is lower already where there is one"
    if amounts.layout:
        return ""
    for name, values in _candidates(amounts):
        words = plain(name)
        if not any(word in words for word in _BEFORE) and _alike(gross, values, changed) >= _AGREE:
            return f"'{name}' is the same with and without one"
    words = plain(amounts.amount.column)
    if amounts.amount.role == "line_total" and not any(word in words for word in _BEFORE):
        return f"'{amounts.amount.column}' is read as what was paid for the line"
    return ""


def of_lines(discounts: Mapping[str, pd.Series], quantity: pd.Series) -> dict[str, pd.Series]:
    """Turn discounts of units into those of their lines."""
    lines = {role: values for role, values in discounts.items() if role != "unit_discount"}
    if "unit_discount" in discounts:
        units = discounts["unit_discount"].fillna(0) * quantity
        lines["discount"] = lines["discount"].fillna(0) + units if "discount" in lines else units
    return lines


def left(gross: pd.Series, order: pd.Series, discounts: Mapping[str, pd.Series]) -> pd.Series:
    """Take discounts off amounts of lines; what is an order's is spread over its lines by what they cost.

    Parameters
    ----------
    gross : Series
        Amounts of whole lines, none below zero.
    order : Series
        The order of each.
    discounts : mapping of str to Series
        By role, none below zero; blank where there is none.

    Returns
    -------
    Series
        Never below zero.

    Examples
    --------
    >>> lines, order = pd.Series([30.0, 10.0, 8.0]), pd.Series(["A", "A", "B"])
    >>> left(lines, order, {"order_discount": pd.Series([4.0, 4.0, None])}).tolist()
    [27.0, 9.0, 8.0]
    >>> left(lines, order, {"discount_percent": pd.Series([10.0, None, 50.0])}).tolist()
    [27.0, 10.0, 4.0]
    """
    net = gross
    if "discount" in discounts:
        net = net - discounts["discount"].fillna(0)
    if "discount_percent" in discounts:
        percent = discounts["discount_percent"].fillna(0)
        # 0.15 is fifteen percent where no number is above one.
        times = 1.0 if percent.max() <= 1 and (percent % 1 != 0).any() else 100.0
        net = net * (1 - (percent / times).clip(upper=1))
    net = net.clip(lower=0)
    if "order_discount" in discounts:
        once = discounts["order_discount"].groupby(order).transform("first").fillna(0)
        total = net.groupby(order).transform("sum")
        net = (net - once * (net / total.where(total > 0))).where(total > 0, net).clip(lower=0)
    return net


def take_off(lines: pd.DataFrame, discounts: Mapping[str, pd.Series], columns: Sequence[str]) -> tuple[pd.Series, str]:
    """Give the prices of one unit after discounts, and say how much was taken off.

    Parameters
    ----------
    lines : DataFrame
        ``order_id``, ``quantity`` and ``unit_price`` as numbers.
    discounts : mapping of str to Series
        By role; a sign does not matter.
    columns : sequence of str
        Their names in the export.
    """
    # A negative line takes a sale back: it shares no discount, and is gone before revenue is counted.
    sale = (lines["quantity"] > 0) & (lines["unit_price"] > 0)
    gross = (lines["unit_price"] * lines["quantity"])[sale]
    parts = {role: values.abs()[sale] for role, values in discounts.items()}
    net = left(gross, lines["order_id"][sale], of_lines(parts, lines["quantity"][sale]))
    changed = (gross - net) > 1e-9
    price = lines["unit_price"].copy()
    price[net.index[changed]] = (net / lines["quantity"][sale])[changed].round(4)
    names = " and ".join(f"'{column}'" for column in columns)
    if not changed.any():
        return price, f"unit_price: no line has a discount in {names}."
    off = float((gross - net).sum())
    said = f"unit_price: discounts in {names} were taken off: {off:,.2f} in all, on {int(changed.sum()):,} lines"
    nothing = int((changed & (net <= 0)).sum())
    return price, said + (f" ({nothing} of them cost nothing then)." if nothing else ".")
