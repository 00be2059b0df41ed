"""Holds the rules of the store as a game: what is played, at what cost, and what a policy is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from ecomlib.errors import DataError, explained

Action = Mapping[str, Any]
Obs = dict[str, Any]
Policy = Callable[[Obs, Any], Action | None]
LEVERS = ("order", "price", "promote", "mail")
MOST_UNITS = 10_000  # of one order line
LEAST_PRICE, MOST_PRICE = 0.05, 10_000.0  # money
MOST_COST = 1_000_000  # of an order line or a letter, money; of holding, times a unit's cost a year
MOST_AHEAD = 4  # weeks of the shop's own plan


@explained()
@dataclass(frozen=True)
class Game:
    """Hold the rules of one game.

    Parameters
    ----------
    weeks : int
        How many are played: the last ones of the store, unless ``start`` is given.
    start : int, optional
        First week of play, counted from the store's first, which is 0.
    levers : tuple of str
        Which of ``order``, ``price``, ``promote`` and ``mail`` a policy may move; the others stay the shop's.
    pooled : bool
        One stock serves all regions, and an order has shape (P,); else each region has its own, and (P, R).
    holding : float
        Cost of holding a unit for a year, as a share of its cost; 2.6 is 5 % a week.
    order_cost, mailing_cost : float
        Money for each order line above zero, and for each letter.
    mail_gap : int
        Fewest weeks from one letter to a customer to the next, where letters are played; one that comes too early is
        neither sent nor paid. Four, as the truth of a letter is told over 28 days that hold no other. The shop's own
        letters are eight weeks apart.
    places : int, optional
        Places on the offers page: one in ten products unless given. The shop's own habit is never cut.
    rails : pair of float, optional
        Lowest and highest price, times the list price. Unless given, what was paid for the product before play. A
        price test may lie beyond. Where demand answers weakly (the misspecified store) or moves to substitutes, which
        it does even from what is sold out, wide rails let prices that hardly anybody pays earn without end.
    price_tests : float
        Share of product-weeks in which a price of the policy's own is moved at random, as in the shop's price tests:
        without them nobody could learn from its prices again.
    ahead : int
        Weeks of the shop's own plan that are seen, this one included: two to four. The shop puts on its offers page
        what has lagged in the week before, so a plan tells of weeks that are still to come: of what last week's
        momentum leaves open of next week's, four weeks of it tell 9 % (three 6 %, twelve would tell 15 %).
    opens : tuple of int, optional
        Week of play from which each of ``levers`` may be moved, in their order; all from the first, 0, unless given. A
        lever that is not open yet stays the shop's own, whatever is asked of it.

    Examples
    --------
    >>> Game(weeks=13, levers=("order", "price"), opens=(0, 4)).open_in(3)
    ('order',)
    """

    weeks: int = 26
    start: int | None = None
    levers: tuple[str, ...] = ("order",)
    pooled: bool = False
    holding: float = 0.25
    order_cost: float = 0.0
    mailing_cost: float = 0.1
    mail_gap: int = 4
    places: int | None = None
    rails: tuple[float, float] | None = None
    price_tests: float = 0.1
    ahead: int = 4
    opens: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        unknown = set(self.levers) - set(LEVERS)
        if unknown or not self.levers or isinstance(self.levers, str):
            raise DataError("levers are a tuple of names", value=self.levers, remedy=f"choose from {LEVERS}.")
        for name, least in (("weeks", 1), ("mail_gap", 1), ("ahead", 2), ("start", 0), ("places", 0)):
            value = getattr(self, name)
            free = value is None and name in ("start", "places")
            if not free and not (is_number(Integral, value) and value >= least):
                raise DataError(f"{name} is a whole number of at least {least}", value=value, remedy=f"give {least}.")
        if self.ahead > MOST_AHEAD:
            raise DataError(
                f"no plan is seen further ahead than {MOST_AHEAD} weeks: it tells what demand will be",
                value=self.ahead,
                remedy=f"give {MOST_AHEAD} or less.",
            )
        for name in ("holding", "order_cost", "mailing_cost", "price_tests"):
            value, most = getattr(self, name), 1 if name == "price_tests" else MOST_COST
            if not (is_number(Real, value) and 0 <= value <= most):
                raise DataError(f"{name} lies between 0 and {most:,}", value=value, remedy="give another number.")
        opens = self.opens
        whole = isinstance(opens, tuple) and all(is_number(Integral, week) and week >= 0 for week in opens)
        if opens is not None and not (whole and len(opens) == len(self.levers)):
            raise DataError(
                "opens is a tuple with a week for each lever, 0 for the first",
                value=opens,
                remedy=f"give {len(self.levers)} whole numbers, in the order of {self.levers}.",
            )
        rails = self.rails
        if rails is None:
            return
        pair = isinstance(rails, tuple | list) and len(rails) == 2 and all(is_number(Real, rail) for rail in rails)
        if not (pair and 0 < rails[0] <= rails[1]):
            raise DataError(
                "rails are the lowest and the highest price, times the list price",
                value=rails,
                remedy="give two numbers, as rails=(0.7, 1.3).",
            )

    def open_in(self, week: int) -> tuple[str, ...]:
        """List the levers that a policy may move in a week of play, counted from 0.

        Parameters
        ----------
        week : int
            ``obs["week"]``.

        Returns
        -------
        tuple of str
        """
        opens = self.opens or (0,) * len(self.levers)
        return tuple(lever for lever, first in zip(self.levers, opens, strict=True) if first <= week)


def is_number(kind: type, value: Any) -> bool:
    """Tell whether a value is a number of this kind; True and False are none.

    Parameters
    ----------
    kind : type
        ``numbers.Integral`` or ``numbers.Real``.
    value : object
        Anything.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_number(Integral, 3), is_number(Integral, True), is_number(Real, "3")
    (True, False, False)
    """
    return isinstance(value, kind) and not isinstance(value, bool)
