"""Defends against poisoned histories by adversarial training, a cheap filter and caps (lesson 06, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from ecomlib.adversarial.attacks import error_objective, poisoned, random_start, slopes_of
from ecomlib.adversarial.budgets import Threat, steepest, whole
from ecomlib.errors import DataError
from ecomlib.models import Network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch


@dataclass(frozen=True)
class Hardening:
    """Hand it to ``fit(perturb=...)``: a share of each batch is attacked before the network learns from it
    (lesson 06, section 5).

    Each attacked window starts from a random plan within the budget and takes ``steps`` steps, the last one all the way
    to the plan that spends the budget where the error's slope is largest. Madry et al. (2018); one step from a random
    start is nearly as good and much cheaper (Wong, Rice and Kolter, 2020). No step trains on random plans, without any
    gradient: the control. What came stays the target: the network learns to be right although its history lies. Random
    numbers are torch's own, which ``fit`` seeds.
    """

    threat: Threat
    settings: WindowSettings
    share: float = 0.5
    steps: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.steps < 0:
            raise DataError(
                "share lies above 0 and at most at 1, steps are not negative", value=(self.share, self.steps)
            )

    def __call__(self, model: Network, batch: Batch) -> Batch:
        objective, was_training = error_objective(self.settings), model.training
        model.eval()
        fake, price = random_start(batch, self.threat, torch.default_generator)
        fake = whole(fake, self.threat) * batch.seen
        for step in range(1, self.steps + 1):
            slope, tilt = slopes_of(model, batch, self.settings, self.threat, objective, fake, price)
            fake = fake + step / self.steps * (steepest(slope, self.threat) * batch.seen - fake)
            price = self.threat.price * tilt.sign()
        model.train(was_training)
        chosen = (torch.rand(len(fake), 1) < self.share).to(fake)
        return poisoned(batch, self.settings, fake * chosen, price * chosen, self.threat.price_column)


def smoothed(batch: Batch, settings: WindowSettings, width: int = 3, how: str = "median") -> Batch:
    """The batch with each week's units replaced by the median (or "mean") of the last ``width`` known weeks
    (lesson 06, section 5).

    A median drops what stands alone, and answers a week late (Tukey, 1977). Where fewer weeks are known, units stay as
    they are. A median passes its gradient to one week only; the mean of the same weeks is the surrogate that lets an
    attacker see past it.
    """
    if how not in ("median", "mean") or width < 1:
        raise DataError("how is median or mean, width at least 1", value=(how, width))
    place = settings.past.index("y")
    seen = batch.seen.to(batch.x.dtype)
    units = settings.units(batch.x[..., place], batch.scale).clamp(min=0) * seen
    known = batch.seen.unfold(1, width, 1).all(-1)  # (B, T - width + 1)
    taken = units.unfold(1, width, 1)
    middle = taken.median(-1).values if how == "median" else taken.mean(-1)
    kept = torch.where(known, middle, units[:, width - 1 :])
    return poisoned(batch, settings, torch.cat([units[:, : width - 1], kept], dim=1) - units)


def cap_history(batch: Batch, settings: WindowSettings, most: float = 2.0, least: float = 3.0) -> Batch:
    """The batch with each week's units cut to ``most`` times the window's median week (lesson 06, section 5).

    A cap per week, the cheap rival of hardening: it needs no training and answers at once, but true peaks are cut as
    false ones are. ``least`` is a cap in units below which no week is cut: where the median week is zero, all weeks
    with a sale would be. Hand it as ``reads`` to an objective, so that the attacker knows of it: who buys in more than
    half of the weeks lifts the median, and the cap with it. Per account: `cap_accounts`, which nobody lifts.
    """
    if most < 1 or least < 0:
        raise DataError("a cap is at least the median week, and not below zero units", value=(most, least))
    seen = batch.seen.to(batch.x.dtype)
    units = settings.units(batch.x[..., settings.past.index("y")], batch.scale).clamp(min=0) * seen
    middle = units.masked_fill(~batch.seen.bool(), float("nan")).nanmedian(1, keepdim=True).values.nan_to_num()
    cap = (most * middle).clamp(min=least)
    return poisoned(batch, settings, torch.minimum(units, cap) - units)


def cap_accounts(
    lines: pd.DataFrame, most: float, by: Sequence[str] = ("customer_id", "product_id", "week"), units: str = "quantity"
) -> pd.DataFrame:
    """Order lines with each account's units of a product and week cut at ``most`` (lesson 06, section 5).

    The cap that a till has: before lines become a history, so that an account adds ``most`` units at most, in as many
    lines as it likes. Lines keep their order; the first ones count in full, the one that reaches the cap in part, the
    others zero. Lines of returns (below zero) stay as they are and make no room.

    Raises
    ------
    DataError
        A column of ``by``, or ``units``, is missing, or ``most`` is below zero.
    """
    absent = [column for column in (*by, units) if column not in lines]
    if absent:
        raise DataError("a column is missing", table="lines", column=absent[0], remedy="name it in by or units.")
    if most < 0:
        raise DataError("a cap is not below zero", value=most)
    bought = lines[units].clip(lower=0)
    so_far = bought.groupby([lines[column] for column in by], dropna=False, observed=True).cumsum()
    room = (most - (so_far - bought)).clip(lower=0)
    return lines.assign(**{units: lines[units].where(lines[units] <= 0, bought.where(bought <= room, room))})
