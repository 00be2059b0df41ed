"""Proposes how an export becomes tables: which files hold lines, orders and products, and which column is which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.export.amounts import reduced
from ecomlib.stores.export.discounts import DISCOUNTS, Amounts, weigh
from ecomlib.stores.export.layouts import Layout, recognise
from ecomlib.stores.export.mapping import ExportMapping, Part
from ecomlib.stores.export.role import plain
from ecomlib.stores.export.roles import OF_ORDER, OF_PRODUCT, REQUIRED, ROLE
from ecomlib.stores.export.scores import LIKELY, LOWEST, Guess, assign, fits, line_totals, name_score
from ecomlib.stores.export.stack import Stack
from ecomlib.stores.export.values import bare, decimal_signs, is_packed, look

_FROM_ORDERS = (*OF_ORDER, "status")
_ENOUGH = 20_000  # lines that are looked at for what a discount is
_CLEAR = 3  # products in several quantities from which the values overrule a name


@dataclass(frozen=True)
class Proposal:
    """Hold a mapping and why it is proposed.

    Parameters
    ----------
    mapping : ExportMapping
        The mapping.
    guesses : mapping of (str, str) to Guess
        By part and role.
    layout : str
        The known export that was recognised; empty where none was.
    unused : tuple of str
        Files that nothing is read from.
    rivals : mapping of str to tuple of str
        By role, columns that could be it too.
    packed : tuple of str
        Columns of the lines whose cells hold several products each.
    notes : tuple of str
        What is said beside the columns.
    """

    mapping: ExportMapping
    guesses: Mapping[tuple[str, str], Guess]
    layout: str
    unused: tuple[str, ...]
    rivals: Mapping[str, tuple[str, ...]]
    packed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def open(self) -> list[str]:
        """List what must be decided: required roles without a column, or with one of low confidence."""
        found = {role: guess.confidence for (_, role), guess in self.guesses.items()}
        # One of the two names a product, and one of the two its price.
        for role, other in (("product_id", "title"), ("title", "product_id"), ("unit_price", "line_total")):
            if role not in found and other in found:
                found[role] = found[other] if role == "unit_price" else 1.0
        return [role for role in REQUIRED if found.get(role, 0.0) < LIKELY]


@dataclass(frozen=True)
class _Seen:
    """One stack of an export, with its scores and its first assignment."""

    stack: Stack
    layout: Layout | None
    scores: dict[str, list[Guess]]
    picks: dict[str, Guess]

    def sum_of(self, *roles: str) -> float:
        return sum(self.picks[role].confidence for role in roles if role in self.picks)

    @property
    def line_like(self) -> float:
        price = max(self.sum_of("unit_price"), self.sum_of("line_total"))
        return (
            2 * self.sum_of("quantity")
            + price
            + self.sum_of("order_id", "product_id")
            + 0.2 * self.sum_of("ordered_at")
        )


def propose(stacks: Sequence[Stack]) -> Proposal:
    """Guess a mapping for the stacked tables of an export.

    Raises
    ------
    DataError
        No table has a column that could be a quantity: nothing here is an order line.
    """
    seen = [_see(one) for one in stacks]
    main = max(seen, key=lambda one: (one.line_like, len(one.stack.frame)))
    if not main.picks:
        names = ", ".join(main.stack.frame.columns)
        remedy = "export the orders with a row a line: order, product, date, quantity and price."
        raise DataError("no column here looks like a part of an order line", value=names, remedy=remedy)
    picks = _title(main, dict(main.picks))
    others = [one for one in seen if one is not main]
    guesses: dict[tuple[str, str], Guess] = {}
    parts: dict[str, Part] = {}
    orders: tuple[Stack, str] | None = None
    for name, link in (("orders", "order_id"), ("products", "product_id")):
        joined = _joined(main, others, name, link, picks)
        if joined is None:
            continue
        other, key, chosen = joined
        others = [one for one in others if one is not other]
        orders = (other.stack, key) if name == "orders" else orders
        parts[name] = Part(other.stack.names, {role: guess.column for role, guess in chosen.items()}, key)
        guesses |= {(name, role): guess for role, guess in chosen.items()}
        for role in chosen:
            picks.pop(role, None)
    picks = _price(main.stack.frame, picks, main.scores, main.layout)
    picks, notes = _discounts(main, orders, guesses, picks)
    taken_off = any(role in picks or ("orders", role) in guesses for role in DISCOUNTS)
    if taken_off and "unit_price" in picks:
        picks.pop("line_total", None)  # it may hold the discount already
    # Columns that help only together with others.
    for role, wants in (("time", "ordered_at"), ("price_per", "unit_price")):
        if wants not in picks:
            picks.pop(role, None)
    guesses = {("lines", role): picks[role] for role in ROLE if role in picks} | guesses
    parts = {name: replace(part, columns=_chosen(guesses, name)) for name, part in parts.items()}
    lines = Part(main.stack.names, _chosen(guesses, "lines"))
    returned = main.layout.returned if main.layout and "status" in lines.columns else ()
    mapping = ExportMapping(lines, parts.get("orders"), parts.get("products"), keep=_kept(main), returned=returned)
    unused = tuple(name for one in others for name in one.stack.names)
    layout = main.layout.name if main.layout else ""
    rivals = {role: _rivals(main, role, picks.get(role)) for role in REQUIRED}
    packed = tuple(str(c) for c in main.stack.frame if is_packed(main.stack.frame[c]))
    return Proposal(mapping, guesses, layout, unused, rivals, packed, tuple(notes))


def _chosen(guesses: Mapping[tuple[str, str], Guess], name: str) -> dict[str, str]:
    return {role: guess.column for (part, role), guess in guesses.items() if part == name}


def _see(one: Stack) -> _Seen:
    layout = recognise(one.frame.columns)
    scores = fits({column: look(one.frame[column]) for column in one.frame.columns}, layout)
    return _Seen(one, layout, scores, assign(scores))


def _rivals(main: _Seen, role: str, pick: Guess | None) -> tuple[str, ...]:
    taken = pick.column if pick else ""
    return tuple(guess.column for guess in main.scores[role] if guess.column != taken and guess.confidence >= LOWEST)[
        :3
    ]


def _kept(main: _Seen) -> dict[str, tuple[str, ...]]:
    if main.layout is None:
        return {}
    named = {plain(column): column for column in main.stack.frame.columns}
    return {named[column]: values for column, values in main.layout.keep.items() if column in named}


def _joined(
    main: _Seen, others: Sequence[_Seen], name: str, link: str, picks: dict[str, Guess]
) -> tuple[_Seen, str, dict[str, Guess]] | None:
    """The table of orders (or products) among the others, its key, and the roles that are read from it."""
    if link not in picks:
        return None
    wanted = _FROM_ORDERS if name == "orders" else OF_PRODUCT
    telling = "ordered_at" if name == "orders" else "title"
    values = pd.Index(main.stack.frame[picks[link].column].dropna().unique())
    best: tuple[float, _Seen, str, dict[str, Guess]] | None = None
    for other in others:
        for column in other.stack.frame.columns:
            there = other.stack.frame[column].dropna()
            overlap = _overlap(values, there)
            named = name_score(ROLE[link], column)[0]
            if (
                overlap < 0.5
                or (named < LOWEST and overlap < 0.9)
                or (name == "orders" and there.nunique() < 0.9 * len(there))
            ):
                continue
            scores = {role: [g for g in other.scores[role] if g.column != column] for role in wanted}
            if name == "orders":  # a discount in a list of orders is the whole order's
                scores["order_discount"] += [
                    replace(g, role="order_discount") for g in other.scores["discount"] if g.column != column
                ]
            if name == "products":  # the price in a list of products is the one before any promotion
                scores["list_price"] += [
                    Guess("list_price", g.column, 0.9 * g.confidence, g.reason)
                    for g in other.scores["unit_price"]
                    if g.column != column and g.confidence > LIKELY
                ]
            chosen = assign(scores)
            # Of an order's columns, only what the lines do not say better themselves.
            chosen = {
                role: guess
                for role, guess in chosen.items()
                if role not in picks
                or (role in OF_PRODUCT and guess.confidence >= picks[role].confidence - 0.1)
                or guess.confidence > picks[role].confidence + 0.1
            }
            score = overlap + named + 2 * chosen[telling].confidence if telling in chosen else 0.0
            if score and (best is None or score > best[0]):
                best = score, other, column, chosen
    return best[1:] if best else None


def _overlap(values: pd.Index, there: pd.Series) -> float:
    """The share of identifiers that a column holds; a spreadsheet may have taken its leading zeros."""
    if not len(values):
        return 0.0
    bare_ones = values.str.lstrip("0").isin(there.str.lstrip("0"))
    return float(max(values.isin(there).mean(), bare_ones.mean()))


def _price(
    frame: pd.DataFrame, picks: dict[str, Guess], scores: dict[str, list[Guess]], layout: Layout | None
) -> dict[str, Guess]:
    """Tell a unit's price from a line's total by the values, where they say; of both, the unit's price is kept."""
    product = picks.get("product_id") or picks.get("title")
    quantity, unit, total = (picks.get(role) for role in ("quantity", "unit_price", "line_total"))
    picks = dict(picks)
    if quantity is None or (unit is None and total is None):
        return picks
    counts = _floats(frame[quantity.column])
    if total and layout and _only_total(layout, total):
        picks.pop("unit_price", None)  # the layout knows: what is called a price there is the line's
        return picks
    if unit and unit.confidence > LIKELY:
        taken = {guess.column for guess in picks.values() if guess.named and guess.role != "line_total"}
        total = _paid_total(frame, unit, counts, taken) or total
    if unit and total and unit.confidence > LIKELY:
        each, whole = _floats(frame[unit.column]), _floats(frame[total.column])
        there = (whole.abs() > 0) & each.notna() & counts.notna()
        near = (each * counts - whole).abs() <= 0.011 * whole.abs() + 0.02
        same = float(near[there].mean()) if there.any() else 0.0
        if less := reduced(each, counts, whole):
            why = f"{unit.column} times {quantity.column}, but less on {less:.0%} of rows"
            picks["unit_price"] = replace(unit, confidence=0.99)
            picks["line_total"] = replace(total, reason=f"{total.reason}; {why}: what was paid")
            picks.pop("discount", None)
            return picks
        if same > 0.8:
            picks["unit_price"] = replace(
                unit,
                confidence=0.99,
                reason=f"{unit.reason}; times {quantity.column} it is {total.column} on {same:.0%} of rows",
            )
        picks.pop("line_total", None)
        return picks
    if unit and total:  # neither name is strong: the stronger one is looked at
        picks.pop("line_total" if unit.confidence >= total.confidence else "unit_price")
    role = "unit_price" if "unit_price" in picks else "line_total"
    guess = picks[role]
    if product is None:
        return picks
    amounts = pd.DataFrame(
        {"product": frame[product.column], "quantity": counts, "amount": _floats(frame[guess.column])}
    )
    share, number = line_totals(amounts)
    is_total = role == "line_total"
    if number < _CLEAR or 0.25 < share < 0.75:
        return picks
    if (share >= 0.75) == is_total:
        why = "grows with the quantity" if is_total else "does not grow with the quantity"
        picks[role] = replace(guess, confidence=_surer(guess, 0.9), reason=f"{guess.reason}; it {why}")
        return picks
    if layout is not None and number < 4 * _CLEAR:
        return picks
    del picks[role]
    other = "unit_price" if is_total else "line_total"
    why = (
        "does not grow with the quantity, so it is for one unit"
        if is_total
        else "grows with the quantity, so it is the line's"
    )
    picks[other] = replace(guess, role=other, confidence=_surer(guess, 0.8), reason=f"{guess.reason}; it {why}")
    return picks


def _paid_total(frame: pd.DataFrame, unit: Guess, counts: pd.Series, taken: set[str]) -> Guess | None:
    """The column that is price times quantity, but less on some rows, whatever its name: what was paid for the line."""
    each = _floats(frame[unit.column])
    for column in frame:
        if column not in taken and reduced(each, counts, _floats(frame[column])):
            score, reason = name_score(ROLE["line_total"], str(column))
            return Guess("line_total", str(column), max(score, 0.8), reason or "by its values")
    return None


def _discounts(
    main: _Seen,
    orders: tuple[Stack, str] | None,
    guesses: dict[tuple[str, str], Guess],
    picks: dict[str, Guess],
) -> tuple[dict[str, Guess], list[str]]:
    """Keep the columns of discounts that are to be taken off the price, and say why not of the others."""
    own = {role: picks[role] for role in DISCOUNTS if role in picks}
    joined = {role: guesses["orders", role] for role in DISCOUNTS if ("orders", role) in guesses}
    amount, quantity = picks.get("unit_price") or picks.get("line_total"), picks.get("quantity")
    rest = {role: guess for role, guess in picks.items() if role not in DISCOUNTS}
    if not (own or joined) or amount is None or quantity is None:
        return rest, []
    frame = main.stack.frame
    # Without an identifier (it is asked for) each row is an order.
    order = frame[picks["order_id"].column].ffill() if "order_id" in picks else frame.index.to_series()
    if orders is not None:
        other, key = orders
        at = other.frame.drop_duplicates(key).set_index(key).reindex(order)
        fresh = [column for column in at if column not in frame]
        frame = pd.concat([frame, at[fresh].set_axis(frame.index)], axis=1)
    product = picks.get("product_id") or picks.get("title")
    lines = pd.DataFrame({"order": order, "quantity": _floats(frame[quantity.column])})
    lines["product"] = frame[product.column] if product else ""
    lines["gross"] = _floats(frame[amount.column]) * (lines["quantity"] if amount.role == "unit_price" else 1)
    spoken = {guess.column for guess in (*own.values(), *joined.values())}
    for column in spoken:
        lines[column] = _floats(frame[column])
    kept = lines["gross"].notna() & (lines["quantity"] > 0) & lines["product"].notna()
    # Of a large export as many orders as tell: those with a discount first.
    discounted = lines[list(spoken)].fillna(0).ne(0).any(axis=1).groupby(order).transform("any") & kept
    told = kept.index[discounted][:_ENOUGH].union(kept.index[kept][:_ENOUGH])
    lines, frame = lines.loc[told], frame.loc[told]
    taken = {quantity.column, amount.column, *spoken}
    numbers = [column for column in frame if column not in taken and look(frame[column]).numbers > 0.8]
    others = {column: _floats(frame[column]) for column in numbers}
    own = {_in_percent(frame[guess.column], role): guess for role, guess in own.items()}
    said = main.layout is not None and any(
        plain(column) in main.layout.columns.get(role, ()) for role in DISCOUNTS for column in spoken
    )
    found, notes = weigh(Amounts(lines, others, amount, said), own | joined)
    for role in joined:
        del guesses["orders", role]
    for role, guess in found.items():
        if guess.column in {one.column for one in joined.values()}:
            guesses["orders", role] = guess
        else:
            rest[role] = guess
    return rest, notes


def _in_percent(values: pd.Series, role: str) -> str:
    """The role of a discount by its values: those with a percent sign are percent, whatever the name says."""
    there = values.dropna().astype(str)
    return "discount_percent" if role == "discount" and there.str.contains("%").mean() > 0.5 else role


def _only_total(layout: Layout, total: Guess) -> bool:
    """Whether a layout knows this total of a line, and no price of a unit."""
    return "unit_price" not in layout.columns and plain(total.column) in layout.columns.get("line_total", ())


def _title(main: _Seen, picks: dict[str, Guess]) -> dict[str, Guess]:
    """Take another column as the title where the picked one differs from line to line of the same product."""
    product, title = picks.get("product_id"), picks.get("title")
    if product is None or title is None:
        return picks
    key = main.stack.frame[product.column]

    def steady(column: str) -> float:
        """The share of products sold more than once that always bear one title."""
        several = main.stack.frame[column].groupby(key).agg(["size", "nunique"])
        several = several[several["size"] > 1]
        return float((several["nunique"] == 1).mean()) if len(several) else 1.0

    if steady(title.column) > 0.5:
        return picks
    taken = {guess.column for role, guess in picks.items() if role in REQUIRED and role != "title"}
    for rival in main.scores["title"]:
        if rival.column not in taken and rival.confidence >= LOWEST and rival.named and steady(rival.column) > 0.9:
            rest = {role: guess for role, guess in picks.items() if guess.column != rival.column}
            return rest | {"title": replace(rival, reason=f"{rival.reason}; it is the same for a product")}
    return picks


def _surer(guess: Guess, least: float) -> float:
    """The confidence after the values agreed; a column that has no name for it stays one to ask about."""
    return max(least, guess.confidence) if guess.named else guess.confidence


def _floats(values: pd.Series) -> pd.Series:
    """Numbers for a look at them, with the decimal sign that most of the column has; what is none becomes missing."""
    words = bare(values)
    point, comma = decimal_signs(words.dropna().unique())
    text = words.astype(str).str.replace("." if comma > point else ",", "", regex=False)
    return pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
