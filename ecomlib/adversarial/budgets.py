"""Defines what an attacker can afford, and the plans within it (lesson 06, section 1).

Fake orders are whole units, never negative, limited per week and in all, because a fraud team watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from ecomlib.errors import DataError


@dataclass(frozen=True)
class Threat:
    """What the attacker can afford (lesson 06, section 1).

    per_week: most fake units a product and week. total: most fake units a product over the look-back (None: no limit).
    weeks: only the last so many weeks of the look-back can still be changed (None: all of it).
    price: most that a price of the past may be shown wrong, as a share (0.05: within 5 per cent either way).
    price_column: name of the price among the windows' past columns; needed when ``price`` is above zero.
    """

    per_week: int = 3
    total: int | None = None
    weeks: int | None = None
    price: float = 0.0
    price_column: str | None = None

    def __post_init__(self) -> None:
        limits = (self.per_week, self.total or 0, self.weeks or 0, self.price)
        if min(limits) < 0 or self.price >= 1 or int(self.per_week) != self.per_week:
            raise DataError("a budget is a whole number of units, not negative, and a share below 1", value=limits)
        if self.price and self.price_column is None:
            raise DataError("an attack on prices must know their column", remedy="name it in price_column.")


def project(fake: Tensor, threat: Threat) -> Tensor:
    """The nearest affordable plan of fake units (B, T), not yet whole (lesson 06, section 3).

    Box 0 … per_week, closed weeks at zero, sum at most ``total``: where the sum is too large, the Euclidean projection
    takes the same number from every week until it fits (Duchi et al., 2008), found by bisection.
    """
    open_ = open_weeks(fake, threat)
    plan = fake.clamp(0, threat.per_week) * open_
    if threat.total is None:
        return plan
    low, high = torch.zeros_like(plan[:, :1]), fake.amax(1, keepdim=True).clamp(min=0)
    for _ in range(40):
        middle = (low + high) / 2
        spent = ((fake - middle).clamp(0, threat.per_week) * open_).sum(1, keepdim=True)
        low, high = torch.where(spent > threat.total, middle, low), torch.where(spent > threat.total, high, middle)
    over = plan.sum(1, keepdim=True) > threat.total
    return torch.where(over, (fake - high).clamp(0, threat.per_week) * open_, plan)


def whole(fake: Tensor, threat: Threat) -> Tensor:
    """A plan (B, T) in whole units that is still affordable (lesson 06, section 3).

    Rounding each week may exceed the total. So all are rounded down, and the units left over go to the weeks with the
    largest remainders, one each, as far as budget and sum reach.
    """
    plan = project(fake, threat)
    floor = torch.floor(plan + 1e-6)
    rest = plan - floor
    spare = torch.round(rest.sum(1)).long()  # (B,)
    if threat.total is not None:
        spare = torch.minimum(spare, (threat.total - floor.sum(1)).clamp(min=0).long())
    room = (floor < threat.per_week) & (open_weeks(fake, threat) > 0)
    rank = torch.where(room, rest, torch.full_like(rest, -1.0)).argsort(1, descending=True).argsort(1)
    return floor + ((rank < spare.unsqueeze(1)) & room & (rest > 1e-6))


def full_plans(threat: Threat, weeks: int, width: int = 2) -> Tensor:
    """Every plan (P, T) that buys up to ``width`` weeks as full as the total allows (lesson 06, section 2).

    Eight open weeks, three units each and a total of six make 36 plans: 8 of one week, 28 of two. Where the total does
    not fill all of them, one week gets what is left, and each of them in turn.
    """
    if width < 1 or threat.per_week < 1:
        raise DataError("a plan buys a unit in a week at least", value=(width, threat.per_week))
    first = 0 if threat.weeks is None else max(weeks - threat.weeks, 0)
    plans: list[list[int]] = []
    for count in range(1, min(width, weeks - first) + 1):
        budget = threat.per_week * count if threat.total is None else min(threat.total, threat.per_week * count)
        last = budget - threat.per_week * (count - 1)  # for the week that may not be full
        if last < 1:
            break
        for chosen in combinations(range(first, weeks), count):
            for short in chosen if last < threat.per_week else chosen[:1]:
                amounts = dict.fromkeys(chosen, threat.per_week) | {short: last}
                plans.append([amounts.get(week, 0) for week in range(weeks)])
    if not plans:
        raise DataError("the budget allows no plan", value=threat, remedy="raise total or weeks.")
    return torch.tensor(plans, dtype=torch.get_default_dtype())


def open_weeks(fake: Tensor, threat: Threat) -> Tensor:
    """1 for the weeks that can still be changed, else 0: like ``fake`` (B, T) (lesson 06, section 1)."""
    weeks = torch.arange(fake.shape[1], device=fake.device)
    first = 0 if threat.weeks is None else fake.shape[1] - threat.weeks
    return (weeks >= first).to(fake.dtype).expand_as(fake)


def steepest(slope: Tensor, threat: Threat) -> Tensor:
    """The affordable plan (B, T) that gains most if the slope were the same everywhere: the steepest weeks, bought
    full (lesson 06, section 3)."""
    order = slope.argsort(1, descending=True)
    budget = threat.per_week * slope.shape[1] if threat.total is None else threat.total
    place = torch.arange(slope.shape[1], device=slope.device)
    bought = (budget - threat.per_week * place).clamp(0, threat.per_week).to(slope.dtype).expand_as(slope)
    return torch.zeros_like(slope).scatter(1, order, bought) * (slope > 0)
