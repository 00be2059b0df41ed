"""Attacks on a linear forecast, whose best plan is known by hand; caps; and where a gradient sees nothing."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from ecomlib.adversarial import (
    Attack,
    Search,
    Threat,
    cap_accounts,
    cap_history,
    enumerate_plans,
    error_objective,
    frank_wolfe,
    full_plans,
    pgd,
    poisoned,
    projected_gradient,
    random_attack,
    rival_objective,
    seller_objective,
)
from ecomlib.adversarial.attacks import Objective
from ecomlib.errors import DataError
from ecomlib.models import Network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch

WINDOW = WindowSettings(look_back=8, horizon=1, past=("y",), future=(), scale="none")
WEIGHTS = torch.tensor([0.05, 0.0, 0.1, -0.05, 0.1, 0.3, 0.0, 0.5])  # they sum to one: 10 units a week are 10 next week
SIX = Threat(per_week=3, total=6)
BEST = torch.tensor([0.0, 0, 0, 0, 0, 3, 0, 3])  # the two steepest weeks bought full: 0.3 · 3 + 0.5 · 3 = 2.4 units


class Linear(nn.Module):
    """The forecast is a weighted sum of the weeks; ``bend`` may bend it."""

    def __init__(self, weights: Tensor = WEIGHTS, bend: float | None = None) -> None:
        super().__init__()
        self.weights, self.bend = nn.Parameter(weights), bend
        self.head = SimpleNamespace(predict=lambda raw, scale: raw)

    def forward(self, batch: Batch) -> Tensor:
        total = (batch.x[..., 0] * self.weights).sum(1)
        if self.bend is not None:
            total = 10 + (total - 10 - self.bend).clamp(min=0)  # flat, until enough has been bought
        return total.reshape(-1, 1, 1)


def linear(weights: Tensor = WEIGHTS, bend: float | None = None) -> Network:
    return cast(Network, Linear(weights, bend))


def flat(came: float = 10.0, windows: int = 3) -> Batch:
    known, units = torch.ones(windows, 8, dtype=torch.bool), torch.full((windows, 1), came)
    return Batch(
        x=torch.full((windows, 8, 1), 10.0),
        seen=known,
        f=torch.zeros(windows, 1, 0),
        z=torch.zeros(windows, 0),
        e=None,
        y=units,
        target=units,
        mask=torch.ones(windows, 1, dtype=torch.bool),
        scale=torch.ones(windows, 1),
        index=torch.arange(windows),
    )


def test_eight_weeks_are_36_plans_bought_full() -> None:
    plans = full_plans(SIX, 8)
    assert plans.shape == (36, 8) and len({tuple(plan.tolist()) for plan in plans}) == 36
    assert (plans > 0).sum(1).tolist() == [1] * 8 + [2] * 28 and set(plans.unique().tolist()) == {0.0, 3.0}
    assert (
        len(full_plans(replace(SIX, weeks=4), 8)) == 4 + 6 and (full_plans(replace(SIX, weeks=4), 8)[:, :4] == 0).all()
    )
    assert len(full_plans(Threat(per_week=3), 26, 4)) == comb(26, 1) + comb(26, 2) + comb(26, 3) + comb(26, 4) == 17901
    short = full_plans(Threat(per_week=3, total=5), 3)  # of two weeks one gets the two units that are left
    assert short.tolist()[3:] == [[2, 3, 0], [3, 2, 0], [2, 0, 3], [3, 0, 2], [0, 2, 3], [0, 3, 2]]
    assert len(full_plans(Threat(per_week=3, total=3), 8)) == 8, "a second week cannot be paid"
    assert full_plans(Threat(per_week=3, total=2), 3).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    with pytest.raises(DataError, match="allows no plan"):
        full_plans(Threat(per_week=3, total=0), 8)
    with pytest.raises(DataError, match="a unit in a week"):
        full_plans(SIX, 8, width=0)


def attacks(model: Network, batch: Batch, threat: Threat, asked: Objective) -> dict[str, Attack]:
    return {
        "enumerated": enumerate_plans(model, batch, WINDOW, threat, asked),
        "frank_wolfe": frank_wolfe(model, batch, WINDOW, threat, asked),
        "projected": projected_gradient(model, batch, WINDOW, threat, asked),
    }


def test_all_three_find_the_best_plan_of_a_linear_forecast() -> None:
    for name, attack in attacks(linear(), flat(), SIX, seller_objective(WINDOW)).items():
        assert torch.equal(attack.fake, BEST.expand(3, 8)), name
        assert attack.gain.tolist() == pytest.approx([2.4] * 3) and attack.path[-1] == pytest.approx(2.4), name
        assert torch.equal(attack.batch.x[..., 0], 10 + attack.fake), name


def test_the_seller_knows_no_future_and_the_clairvoyant_does() -> None:
    """Where 20 units come the shop orders too little: pushing up would help it, so an enemy buys what lowers."""
    for came, plan, gain in ((10.0, BEST, 2.4), (20.0, torch.tensor([0.0, 0, 0, 3, 0, 0, 0, 0]), 0.15)):
        seller = frank_wolfe(linear(), flat(came), WINDOW, SIX, seller_objective(WINDOW))
        assert torch.equal(seller.fake[0], BEST), "whatever comes"
        enemy = enumerate_plans(linear(), flat(came), WINDOW, SIX, error_objective(WINDOW))
        assert torch.equal(enemy.fake[0], plan) and float(enemy.gain[0]) == pytest.approx(gain, abs=1e-5)
    hurt = error_objective(WINDOW)(linear(), seller.batch) - error_objective(WINDOW)(linear(), flat(20.0))
    assert hurt.tolist() == pytest.approx([-2.4] * 3), "the seller's push makes this forecast better"


def test_the_rival_can_only_add_and_lowers_what_has_a_negative_weight() -> None:
    for name, attack in attacks(linear(), flat(), SIX, rival_objective(WINDOW)).items():
        assert attack.fake[0].tolist() == [0, 0, 0, 3, 0, 0, 0, 0], name
        assert float(attack.gain[0]) == pytest.approx(0.15, abs=1e-5), name
    for name, attack in attacks(linear(WEIGHTS.clamp(min=0)), flat(), SIX, rival_objective(WINDOW)).items():
        assert (attack.fake == 0).all() and (attack.gain == 0).all(), f"{name}: no order lowers this forecast"


def test_the_open_step_goes_all_the_way_first_and_its_curve_is_flat_at_the_end() -> None:
    assert [Search().share(k) for k in range(4)] == pytest.approx([1, 2 / 3, 1 / 2, 2 / 5])
    assert [Search(rate=0.25).share(k) for k in range(3)] == [0.25] * 3
    one = Search(steps=8, restarts=1)
    open_ = frank_wolfe(linear(), flat(), WINDOW, SIX, seller_objective(WINDOW), one)
    constant = frank_wolfe(linear(), flat(), WINDOW, SIX, seller_objective(WINDOW), replace(one, rate=0.25))
    assert open_.path == pytest.approx([2.4] * 8)
    assert constant.path[0] < 0.75 * 2.4, "a quarter of the way, in whole units"
    assert constant.path == tuple(sorted(constant.path)) and constant.path[-1] < 2.4 + 1e-5
    same = pgd(linear(), flat(), WINDOW, SIX, seller_objective(WINDOW), steps=8, restarts=1)
    assert same.path == constant.path, "what pgd does with a total is Frank and Wolfe's"
    for wrong in ({"steps": 0}, {"restarts": 0}, {"rate": 0.0}, {"rate": 1.5}):
        with pytest.raises(DataError, match="a step and a start"):
            Search(**wrong)


def test_a_flat_start_hides_its_gradient_and_enumeration_sees_through_it() -> None:
    """Nothing moves below two units of forecast: the clean history's slope is zero."""
    model, batch, alone = linear(bend=2.0), flat(), Search(restarts=1)
    for attack in (frank_wolfe, projected_gradient):
        assert (attack(model, batch, WINDOW, SIX, seller_objective(WINDOW), alone).gain == 0).all()
    found = enumerate_plans(model, batch, WINDOW, SIX, seller_objective(WINDOW))
    assert torch.equal(found.fake[0], BEST) and float(found.gain[0]) == pytest.approx(0.4)


def test_enumeration_ends_where_more_weeks_are_affordable() -> None:
    """Four weeks can be paid: pairs miss the two others, the gradient does not."""
    rich = Threat(per_week=3, total=12)
    pairs = enumerate_plans(linear(), flat(), WINDOW, rich, seller_objective(WINDOW))
    best = frank_wolfe(linear(), flat(), WINDOW, rich, seller_objective(WINDOW))
    assert float(pairs.gain[0]) == pytest.approx(2.4) and float(best.gain[0]) == pytest.approx(2.4 + 0.6)


def test_a_week_before_the_launch_is_not_bought_and_the_mode_is_left_as_it_was() -> None:
    batch = flat()
    batch.seen[:, 7] = False
    model = linear()
    model.train()
    found = enumerate_plans(model, batch, WINDOW, SIX, seller_objective(WINDOW))
    assert (found.fake[:, 7] == 0).all() and model.training

    def broken(network: Network, met: Batch) -> Tensor:
        raise RuntimeError("no forecast")

    for attack in (enumerate_plans, random_attack, frank_wolfe):
        with pytest.raises(RuntimeError, match="no forecast"):
            attack(model, flat(), WINDOW, SIX, broken)
        assert model.training


def test_a_cap_cuts_the_peak_and_leaves_what_lies_below() -> None:
    batch = flat()
    batch.x[:, 5, 0], batch.x[:, 2, 0] = 30.0, 12.0
    cut = cap_history(batch, WINDOW, most=1.5)
    assert cut.x[0, :, 0].tolist() == [10, 10, 12, 10, 10, 15, 10, 10] and torch.equal(cut.y, batch.y)
    assert torch.equal(cap_history(batch, WINDOW, most=3.0).x, batch.x)
    slow = flat()
    slow.x[:] = 0.0
    slow.x[:, 6, 0] = 5.0
    assert cap_history(slow, WINDOW, most=2.0, least=3.0).x[0, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 3, 0]
    late = flat()
    late.x[:, :5], late.seen[:, :5] = 0.0, False  # launched three weeks ago: its median is of what is known
    assert torch.equal(cap_history(late, WINDOW, most=1.0, least=0.0).x, late.x)
    with pytest.raises(DataError, match="at least the median"):
        cap_history(batch, WINDOW, most=0.5)


def test_a_cap_leaves_a_tenth_of_two_full_weeks_and_is_lifted_by_who_buys_in_most_of_them() -> None:
    """Weeks of ten may hold eleven: of 2.4 is left 0.5 + 0.3. Five weeks of one lift the median, and so the cap."""

    def read(batch: Batch) -> Batch:
        return cap_history(batch, WINDOW, most=1.1)

    capped, batch = seller_objective(WINDOW, read), flat()
    found = enumerate_plans(linear(), batch, WINDOW, SIX, capped)
    assert float(found.gain[0]) == pytest.approx(0.8, abs=1e-4)
    spread = torch.tensor([1.0, 0, 1, 0, 1, 1, 0, 2]).expand(3, 8)  # a median of 11, a cap of 12.1
    gain = capped(linear(), poisoned(batch, WINDOW, spread)) - capped(linear(), batch)
    assert gain.tolist() == pytest.approx([0.05 + 0.1 + 0.1 + 0.3 + 2 * 0.5] * 3, abs=1e-4)
    knowing = frank_wolfe(linear(), batch, WINDOW, SIX, capped)
    assert 0.8 < float(knowing.gain[0]) <= 1.55 + 1e-4, "random starts find plans that lift it"


def test_an_account_adds_no_more_than_its_cap() -> None:
    lines = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "a", "a", "a", "a"],
            "product_id": ["mug", "mug", "mug", "mug", "lamp", "mug", "mug"],
            "week": [1, 1, 1, 1, 1, 2, 1],
            "quantity": [2, 9, 2, 5, 1, 2, -1],
        },
        index=[7, 7, 3, 2, 1, 0, 9],
    )
    cut = cap_accounts(lines, 3)
    assert cut["quantity"].tolist() == [2, 3, 1, 0, 1, 2, -1] and cut.index.equals(lines.index)
    assert lines["quantity"].tolist() == [2, 9, 2, 5, 1, 2, -1], "the lines handed in stay"
    assert cap_accounts(lines, 100).equals(lines)
    assert cap_accounts(lines, 3, by=["product_id"])["quantity"].tolist() == [2, 1, 0, 0, 1, 0, -1]
    with pytest.raises(DataError, match="column is missing"):
        cap_accounts(lines.drop(columns="week"), 3)
    with pytest.raises(DataError, match="not below zero"):
        cap_accounts(lines, -1)
