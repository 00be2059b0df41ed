"""Scores how well a column of an export fits a role: by its name, then by whether its values allow it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from ecomlib.stores.export.layouts import Layout
from ecomlib.stores.export.role import NUMBER_WORDS, Role, plain
from ecomlib.stores.export.roles import OF_ORDER, REQUIRED, ROLE, ROLES
from ecomlib.stores.export.values import Look

SURE, LIKELY, LOWEST = 0.85, 0.6, 0.3
_CLEARLY, _ALONE = 0.15, 0.2  # without a rival within the one, a guess gains the other
_NOISE = frozenset(
    re.findall(
        r"\S+",
        """
    eur euro usd gbp chf sek pln cad aud netto brutto net gross ht ttc hors incl inkl excl exkl vat mwst in stk
    local base tva iva inc tax taxes zzgl ohne mit tvac htva btw moms ust incluse inclus compris dph ii per each pro
""",
    )
)
_TABLE_PREFIXES = ("vbap ", "vbak ", "makt ", "mara ", "vbrp ", "vbrk ", "lips ", "likp ")
_LEADING = ("lineitem", "line", "orders", "pos", "position", "order", "item", "items", "lines", "sales")
_STATES = 0.6  # share of known states from which a column holds states, whatever its name
_FEW = 20  # rows under which little is told by values


@dataclass(frozen=True)
class Guess:
    """Name a column for a role, with a confidence between 0 and 1 and its reason."""

    role: str
    column: str
    confidence: float
    reason: str
    named: bool = True  # whether the column's name speaks for it, not its values alone

    @property
    def word(self) -> str:
        """Say the confidence in a word: sure, likely or unsure."""
        return "sure" if self.confidence >= SURE else "likely" if self.confidence >= LIKELY else "unsure"


def fits(table: dict[str, Look], layout: Layout | None) -> dict[str, list[Guess]]:
    """Score each column of a table for each role.

    Parameters
    ----------
    table : dict of str to Look
        What the values of each column look like.
    layout : Layout or None
        The known export that this is.

    Returns
    -------
    dict of str to list of Guess
        By role, the best first; only those that are possible at all.
    """
    result: dict[str, list[Guess]] = {}
    named = {plain(column) for column in table}
    for role in ROLES:
        found = []
        known = bool(layout and named & set(layout.columns.get(role.key, ())))
        for column, look in table.items():
            allowed, doubt = allows(role.key, look)
            score, reason = name_score(role, column)
            if layout and plain(column) in layout.columns.get(role.key, ()) and look.filled > 0:
                place = layout.columns[role.key].index(plain(column))
                score, reason, allowed = 0.99 - 0.04 * place, f"so named in {layout.name}", max(allowed, 0.7)
            elif known:
                score *= 0.75
            if score and allowed:
                found.append(Guess(role.key, column, score * allowed, reason + (f"; {doubt}" if doubt else "")))
            elif allowed and not score:
                alone, why = by_values(role.key, look)
                if alone:
                    found.append(Guess(role.key, column, alone, why, named=False))
        result[role.key] = sorted(found, key=lambda guess: -guess.confidence)
    return result


@cache
def name_score(role: Role, column: str) -> tuple[float, str]:
    """Score a column's name for a role: 0 where it says nothing, with the reason in words."""
    # Odoo and others write the way to a field: Order Lines/Product/Internal Reference.
    path = column.split("/")
    names = ["/".join(path[start:]) for start in range(len(path))][:4]
    return max((_name_score(role, plain(name)) for name in names), key=lambda found: found[0])


def _name_score(role: Role, name: str) -> tuple[float, str]:
    for prefix in _TABLE_PREFIXES:
        name = name.removeprefix(prefix)
    score = _exact(role, name)
    if not score:
        words = name.split()
        while len(words) > 1 and words[-1] in _NOISE:
            words.pop()
        while len(words) > 1 and words[0] in _LEADING and role.kind != "id":
            words.pop(0)
        if words and " ".join(words) != name:
            score = 0.97 * _exact(role, " ".join(words))
    if score:
        return score, "by its name" if score > LIKELY else "by its name, which could mean other things"
    together = name.replace(" ", "")
    if together in _numbered(role.numbered):
        return 0.88, "by its name"
    words_in = set(name.split())
    if any((word in words_in) if len(word) <= 3 else (word.replace(" ", "") in together) for word in role.never):
        return 0.0, ""
    for part in role.parts:
        if (part in words_in) if len(part) <= 4 and " " not in part else (part.replace(" ", "") in together):
            return max(0.45, 0.6 - 0.004 * len(name)), f"its name holds '{part}'"
    if len(together) >= 5:
        near = difflib.get_close_matches(together, _joined(role.sure), n=1, cutoff=0.88)
        if near:
            return 0.6, f"its name is nearly '{near[0]}'"
    return 0.0, ""


@cache
def _numbered(nouns: tuple[str, ...]) -> frozenset[str]:
    """Names made of a noun and a word for number, either first: Rechnungsnr, N° facture, item_code."""
    pairs = ((noun.replace(" ", ""), word.replace(" ", "")) for noun in nouns for word in NUMBER_WORDS)
    return frozenset(name for noun, word in pairs for name in (noun + word, word + noun))


def _exact(role: Role, name: str) -> float:
    together = name.replace(" ", "")
    for names, most, step in ((role.sure, 0.95, 0.0002), (role.maybe, 0.72, 0.006)):
        if together in _joined(names):
            return most - step * _joined(names)[together]
    return 0.0


@cache
def _joined(names: tuple[str, ...]) -> dict[str, int]:
    """The names without spaces, and the place of each."""
    return {name.replace(" ", ""): place for place, name in reversed(list(enumerate(names)))}


def allows(role: str, look: Look) -> tuple[float, str]:
    """Weigh whether values of such a look can have a role: a factor between 0 and 1, and the doubt in words."""
    if look.filled == 0:
        return 0.0, ""
    if role in ("ordered_at", "launched_on"):
        return (1.0, "") if look.dates >= 0.95 else (0.8, "not all are dates") if look.dates > 0.5 else (0.0, "")
    if role == "time":
        return (1.0, "") if look.clocks > 0.8 and (look.dates < 0.5 or look.numbers > 0.8) else (0.0, "")
    if role == "discount_percent":
        return (1.0, "") if look.numbers >= 0.8 and look.largest <= 100 else (0.0, "")
    if role in ("quantity_returned", "quantity_cancelled"):
        return (1.0, "") if look.whole > 0.8 else (0.0, "")
    if role == "quantity":
        if look.numbers < 0.8 or look.largest > 1e7:
            return 0.0, ""
        if look.distinct == 1 and look.count > _FEW:
            return 0.4, "no two are alike"
        return (1.0, "whole numbers") if look.whole > 0.95 else (0.75, "not all are whole")
    if ROLE[role].kind == "money":
        if look.numbers < 0.8:
            return 0.0, ""
        sparse = 0.6 if look.filled < 0.3 and role in ("unit_price", "line_total") else 1.0
        return sparse, "mostly empty" if sparse < 1 else "amounts of money" if look.cents > 0.3 else ""
    if role == "price_per":
        return (
            (1.0, "")
            if look.whole > 0.95 and look.count <= 5 and look.largest in (1, 10, 100, 1000, 10000)
            else (0.0, "")
        )
    return _allows_words(role, look)


def _allows_words(role: str, look: Look) -> tuple[float, str]:
    """As ``allows``, for roles whose values are words or identifiers."""
    dates = look.dates > 0.8 and look.numbers < 0.8
    if role in ("order_id", "product_id"):
        if dates or look.mails > 0.3 or look.cents > 0.8 or (look.clocks > 0.8 and look.numbers < 0.8):
            return 0.0, ""
        if look.count == 1 and look.filled == 1 and look.distinct < 1 / _FEW:
            return 0.3, "all are the same"
        if look.words > 3.5:
            return 0.6, "whole phrases"
        if role == "order_id" and look.distinct < 0.03 and look.count < 5 * _FEW:
            return 0.3, "very few of them"
        if role == "product_id" and look.distinct == 1 and look.count > 4 * _FEW:
            return 0.7, "no two are alike"
        return 1.0, "they repeat" if look.distinct < 0.95 else ""
    if look.states > _STATES and role != "status":
        return 0.0, ""
    if role in ("title", "description"):
        if dates or look.mails > 0.3 or look.letters < 0.2:
            return (0.3 if look.letters and not dates else 0.0), "hardly any letters"
        return (0.5, "all are the same") if look.count == 1 and look.distinct < 1 / _FEW else (1.0, "")
    if role in ("customer_id", "region_id", "category", "postcode"):
        if dates or look.cents > 0.5:
            return 0.0, ""
        many = role in ("region_id", "category") and look.count > 500
        return (0.3, "very many of them") if many else (1.0, "")
    if role == "status":
        return (1.0, "") if look.count <= 40 and not dates else (0.0, "")
    if role in ("cancelled", "returned", "test"):
        flags = look.count <= 2
        return (1.0, "") if flags or look.filled < 0.6 else (0.0, "")
    if role == "unit":
        return (1.0, "") if look.count <= 30 and look.letters > 0.5 else (0.0, "")
    if role == "currency":
        return (1.0, "") if (look.count <= 30 and look.letters > 0.5) or look.count <= 3 else (0.0, "")
    return 1.0, ""


def by_values(role: str, look: Look) -> tuple[float, str]:
    """Score a column whose name says nothing: at most 0.45, so that it is asked about."""
    if role == "ordered_at" and look.dates > 0.95 and look.numbers < 0.5:
        return 0.45, "its values are dates"
    if role == "quantity" and look.whole > 0.98 and look.count > 1 and look.largest < 1000 and look.distinct < 0.5:
        return 0.38, "its values are small whole numbers"
    if role == "unit_price" and look.cents > 0.5 and look.positive > 0.5 and look.filled > 0.8:
        return 0.38, "its values look like money"
    if role == "title" and look.letters > 0.9 and look.words > 1.8 and look.distinct < 0.9 and look.count > 2:
        return 0.35, "its values are words"
    if role == "status" and look.states > _STATES:
        return LIKELY, "its values are states of orders"
    return 0.0, ""


def assign(scores: dict[str, list[Guess]]) -> dict[str, Guess]:
    """Give each role a column so that none is taken twice and what is required is served first."""
    from scipy.optimize import linear_sum_assignment

    roles = [role for role, guesses in scores.items() if guesses]
    columns = sorted({guess.column for role in roles for guess in scores[role]})
    if not roles:
        return {}
    value = np.zeros((len(roles), len(columns)))
    found = {}
    for row, role in enumerate(roles):
        weight = 3.0 if role in REQUIRED or role == "line_total" else 1.2 if role in OF_ORDER else 1.0
        for guess in scores[role]:
            if guess.confidence >= LOWEST:
                value[row, columns.index(guess.column)] = weight * guess.confidence
                found[role, guess.column] = guess
    rows, places = linear_sum_assignment(value, maximize=True)
    pairs = [(roles[row], columns[place]) for row, place in zip(rows, places, strict=True)]
    picks = {role: found[role, column] for role, column in pairs if (role, column) in found}
    return {role: _alone(guess, scores[role], picks) for role, guess in picks.items()}


def _alone(guess: Guess, scores: list[Guess], picks: dict[str, Guess]) -> Guess:
    """The guess with more confidence where no free column comes near it."""
    taken = {other.column for other in picks.values() if other.confidence >= LIKELY or other.role == guess.role}
    rivals = [other.confidence for other in scores if other.column not in taken and other.named >= guess.named]
    if guess.confidence >= SURE or max(rivals, default=0.0) > guess.confidence - _CLEARLY:
        return guess
    more = min(SURE - 0.01, guess.confidence + _ALONE)
    return replace(guess, confidence=more, reason=f"{guess.reason}; nothing else fits")


def line_totals(frame: pd.DataFrame) -> tuple[float, int]:
    """Tell a line's total from a unit's price: at the same product, a total grows with the quantity.

    Parameters
    ----------
    frame : DataFrame
        Columns ``product``, ``quantity`` and ``amount``.

    Returns
    -------
    float
        The share of products whose amount by unit varies less than the amount itself; 0.5 where nothing tells.
    int
        The number of products that were sold in several quantities.
    """
    lines = frame[(frame["quantity"] > 0) & (frame["amount"] > 0)].dropna()
    lines = lines.assign(amount=np.log(lines["amount"]), each=np.log(lines["amount"] / lines["quantity"]))
    groups = lines.groupby("product")
    several = groups["quantity"].nunique().gt(1)
    if not several.any():
        return 0.5, 0
    spread = groups[["amount", "each"]].std()[several]
    unlike = spread[(spread["amount"] - spread["each"]).abs() > 1e-9]
    if unlike.empty:
        return 0.5, 0
    return float((unlike["each"] < unlike["amount"]).mean()), len(unlike)
