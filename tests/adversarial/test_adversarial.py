"""Attacks within a budget: whole, affordable, stronger than chance, and the same as if the shop had met the orders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib.adversarial import (
    Hardening,
    Threat,
    error_objective,
    fgsm,
    pgd,
    poisoned,
    project,
    push_objective,
    random_attack,
    smoothed,
    strongest,
    stuff,
    transfer,
    whole,
)
from ecomlib.errors import DataError
from ecomlib.models import Network
from ecomlib.training import TrainSettings, fit, make_network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet

WINDOW = WindowSettings(look_back=12, horizon=3, past=("y", "price"), future=("price",), scale="log1p_shift")


def shop(weeks: int = 60, products: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for k in range(products):
        level, price = rng.gamma(2, 4) + 2, rng.uniform(0.8, 1.2, weeks)
        swing = np.convolve(rng.normal(0, 0.4, weeks + 3), np.ones(4) / 2, "valid")
        rows.append(
            pd.DataFrame(
                {
                    "unique_id": f"p{k:02d}",
                    "ds": pd.date_range("2023-01-02", periods=weeks, freq="W-MON"),
                    "y": rng.poisson(level * np.exp(swing - 1.5 * (price - 1))).astype(float),
                    "price": price,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def trained() -> tuple[Network, WindowSet]:
    windows = WindowSet.from_panel(shop(), WINDOW)
    model = make_network("gru", windows, hidden=16, decoder=16)
    fit(model, windows.between(last="2023-11-06"), settings=TrainSettings(epochs=6, lr=1e-2, batch_size=128))
    return model, windows


def late(windows: WindowSet, count: int = 64) -> Batch:
    test = windows.between("2023-11-27")
    return test.batch(torch.arange(min(count, len(test))))


def test_nothing_done_is_nothing_changed(trained: tuple[Network, WindowSet]) -> None:
    batch = late(trained[1])
    same = poisoned(batch, WINDOW, torch.zeros_like(batch.x[..., 0]))
    for name in ("x", "f", "scale", "target"):
        assert torch.allclose(getattr(same, name), getattr(batch, name), atol=1e-5), name


def test_a_poisoned_batch_is_what_the_shop_would_have_read() -> None:
    """Fake orders put into the panel, and the same put into the batch: the network meets the same numbers."""
    panel = shop(weeks=20, products=5)
    cutoff = panel["ds"].max() - pd.Timedelta(weeks=3)
    clean = WindowSet.from_panel(panel, WINDOW).at(cutoff)
    batch = clean.batch(torch.arange(5))
    fake = torch.randint(0, 4, batch.seen.shape, generator=torch.Generator().manual_seed(1)).float()
    inside = panel["ds"].between(cutoff - pd.Timedelta(weeks=11), cutoff)
    bought = panel.copy()
    bought.loc[inside, "y"] += fake.numpy().ravel()
    expected = WindowSet.from_panel(bought, WINDOW).at(cutoff).batch(torch.arange(5))
    met = poisoned(batch, WINDOW, fake)
    for name in ("x", "f", "scale", "target", "y"):
        assert torch.allclose(getattr(met, name), getattr(expected, name), atol=1e-4), name


@pytest.mark.parametrize("total", [None, 5])
def test_projection_and_whole_units_keep_to_the_budget(total: int | None) -> None:
    threat = Threat(per_week=3, total=total, weeks=8)
    raw = torch.randn(200, 12, generator=torch.Generator().manual_seed(2)) * 4
    plan = project(raw, threat)
    assert (plan >= 0).all() and (plan <= 3).all() and (plan[:, :4] == 0).all()
    units = whole(raw, threat)
    assert torch.equal(units, units.round()) and (units >= 0).all() and (units <= 3).all() and (units[:, :4] == 0).all()
    if total is not None:
        assert (plan.sum(1) <= total + 1e-4).all() and (units.sum(1) <= total).all()
        assert (units.sum(1) == total).float().mean() > 0.9, "rounding must not waste what was paid for"
    assert torch.equal(whole(units, threat), units)
    flat = whole(torch.full((3, 12), 0.4), Threat(per_week=3, total=total, weeks=8))
    assert (flat.sum(1) == 3).all(), "eight weeks of 0.4 are three whole units"


def test_projection_is_the_nearest_plan() -> None:
    scipy = pytest.importorskip("scipy.optimize")
    threat = Threat(per_week=2, total=3)
    raw = torch.randn(5, 6, generator=torch.Generator().manual_seed(3)).double() * 2
    for row, ours in zip(raw, project(raw, threat), strict=True):
        solved = scipy.minimize(
            lambda v, row=row: float(((v - row.numpy()) ** 2).sum()),
            np.full(6, 0.4),
            jac=lambda v, row=row: 2 * (v - row.numpy()),
            bounds=[(0, 2)] * 6,
            constraints={"type": "ineq", "fun": lambda v: 3 - v.sum()},
            method="SLSQP",
            options={"ftol": 1e-12},
        )
        assert np.allclose(solved.x, ours, atol=1e-3)


def test_rounding_beyond_the_budget_is_the_mistake_that_whole_avoids() -> None:
    threat = Threat(per_week=2, total=2)
    plan = torch.full((1, 4), 0.5)
    assert torch.ceil(plan).sum() > 2 and whole(plan, threat).sum() == 2


def test_attacks_pay_and_the_gradient_pays_most(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, threat = late(windows), Threat(per_week=3, total=12)
    for objective in (error_objective(WINDOW), push_objective(WINDOW)):
        one = fgsm(model, batch, WINDOW, threat, objective)
        many = pgd(model, batch, WINDOW, threat, objective, steps=15)
        chance = random_attack(model, batch, WINDOW, threat, objective, tries=30)
        assert (many.gain >= 0).all() and many.gain.mean() > 0
        assert many.gain.mean() >= one.gain.mean() - 1e-6
        assert many.gain.mean() > chance.gain.mean()
        assert list(many.path) == sorted(many.path) or max(np.diff(many.path)) >= 0
        for attack in (one, many, chance):
            assert torch.equal(attack.fake, attack.fake.round()) and (attack.fake.sum(1) <= 12).all()
            assert (attack.fake[~batch.seen] == 0).all()
            gained = objective(model, attack.batch) - objective(model, batch)
            assert torch.allclose(gained, attack.gain, atol=1e-3), "the gain is what the shop would see"


def test_more_steps_and_budget_are_never_weaker(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, objective = late(windows), error_objective(WINDOW)
    short = pgd(model, batch, WINDOW, Threat(total=8), objective, steps=4, restarts=1)
    longer = pgd(model, batch, WINDOW, Threat(total=8), objective, steps=24, restarts=1)
    assert (longer.gain >= short.gain - 1e-5).all()
    two, once = (pgd(model, batch, WINDOW, Threat(total=8), objective, steps=n) for n in (4, 1))
    assert two.path[0] == pytest.approx(float(once.gain.mean())), "a path compares the starts after as many steps"
    assert two.path[-1] == pytest.approx(float(two.gain.mean()))
    rich = pgd(model, batch, WINDOW, Threat(total=24), objective, steps=24, restarts=1)
    assert rich.gain.mean() > longer.gain.mean()


def test_scraped_prices_stay_within_their_share(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch = late(windows)
    threat = Threat(per_week=0, price=0.05, price_column="price")
    attack = pgd(model, batch, WINDOW, threat, push_objective(WINDOW), steps=10)
    assert (attack.fake == 0).all() and attack.price.abs().max() <= 0.05 + 1e-6 and attack.gain.mean() > 0
    shown = attack.batch.x[..., 1] / batch.x[..., 1].where(batch.seen, torch.ones(()))
    assert (shown[batch.seen] - 1).abs().max() <= 0.05 + 1e-5
    assert torch.equal(attack.batch.f, batch.f), "the price plan ahead is the shop's own"


def test_the_slope_is_the_slope_of_the_attacked_forecast(trained: tuple[Network, WindowSet]) -> None:
    """Finite differences through scaling, network and back into units, in double precision."""
    model, windows = trained
    batch, settings = late(windows, 4), WINDOW
    objective = push_objective(settings)
    model.double()
    try:
        doubled = {n: getattr(batch, n).double() for n in ("x", "f", "z", "y", "target", "scale")}
        batch = type(batch)(e=None, seen=batch.seen, mask=batch.mask, index=batch.index, **doubled)
        model.head.forward = lambda features: model.head.linear(features)  # type: ignore[method-assign]
        fake = torch.full(batch.seen.shape, 0.5, dtype=torch.float64, requires_grad=True)
        slope = torch.autograd.grad(objective(model, poisoned(batch, settings, fake)).sum(), fake)[0]
        step = torch.zeros_like(fake)
        step[:, -2] = 1e-5
        with torch.no_grad():
            up, down = (objective(model, poisoned(batch, settings, fake + sign * step)) for sign in (1, -1))
        assert torch.allclose((up - down) / 2e-5, slope[:, -2], rtol=1e-4, atol=1e-7)
    finally:
        del model.head.forward
        model.float()


def test_mode_weights_and_random_state_are_left_alone(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train()
    state = torch.get_rng_state()
    first = pgd(model, late(windows), WINDOW, Threat(), error_objective(WINDOW), steps=3)
    again = pgd(model, late(windows), WINDOW, Threat(), error_objective(WINDOW), steps=3)
    assert model.training and torch.equal(state, torch.get_rng_state()) and torch.equal(first.fake, again.fake)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    model.eval()


def test_impossible_budgets_are_refused() -> None:
    with pytest.raises(DataError, match="whole number"):
        Threat(per_week=-1)
    with pytest.raises(DataError, match="price_column"):
        Threat(price=0.1)


def test_strongest_takes_the_best_of_each_window(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, threat, objective = late(windows), Threat(total=8), error_objective(WINDOW)
    one = pgd(model, batch, WINDOW, threat, objective, steps=6)
    two = random_attack(model, batch, WINDOW, threat, objective, tries=10)
    both = strongest(batch, WINDOW, threat, one, two)
    assert torch.equal(both.gain, torch.maximum(one.gain, two.gain)) and both.gain.sum() > one.gain.sum()
    assert torch.allclose(objective(model, both.batch) - objective(model, batch), both.gain, atol=1e-3)


def test_a_plan_brought_from_elsewhere_is_used_where_it_pays(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, threat = late(windows), Threat(total=8)
    up = pgd(model, batch, WINDOW, threat, push_objective(WINDOW), steps=6)
    brought = transfer(model, batch, WINDOW, threat, error_objective(WINDOW), up)
    clean = error_objective(WINDOW)(model, batch)
    assert torch.allclose(error_objective(WINDOW)(model, brought.batch) - clean, brought.gain, atol=1e-3)
    assert (brought.gain == 0).any() and (brought.gain > 0).any(), "an upward push hurts some windows and helps others"
    assert (brought.fake[brought.gain == 0] == 0).all()


def test_a_step_function_masks_its_gradient_and_chance_sees_through_it(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, threat = late(windows), Threat(per_week=5, total=10)

    def rounded(met: Batch) -> Batch:
        units = WINDOW.units(met.x[..., 0], met.scale).clamp(min=0) * met.seen
        return poisoned(met, WINDOW, 4 * torch.round(units / 4) - units)

    objective = error_objective(WINDOW, rounded)
    own = pgd(model, batch, WINDOW, threat, objective, steps=8, restarts=1)
    chance = random_attack(model, batch, WINDOW, threat, objective, tries=10)
    assert own.gain.sum() < 0.2 * chance.gain.sum()


def test_a_running_median_drops_a_lone_spike_and_keeps_the_rest() -> None:
    panel = shop(weeks=30, products=3)
    panel["y"] = 10.0
    windows = WindowSet.from_panel(panel, WINDOW)
    batch = windows.between("2023-05-01").batch(torch.arange(6))
    fake = torch.zeros_like(batch.x[..., 0])
    fake[:, 7] = 5
    spiked = poisoned(batch, WINDOW, fake)
    for name in ("x", "scale", "target"):
        assert torch.allclose(getattr(smoothed(spiked, WINDOW), name), getattr(batch, name), atol=1e-4), name
    mean = smoothed(spiked, WINDOW, 3, "mean")
    units = WINDOW.units(mean.x[..., 0], mean.scale)
    assert torch.allclose(units[:, 7:10], torch.full((6, 3), 10 + 5 / 3), atol=1e-3) and mean.y.equal(batch.y)
    fake[:, 8] = 5
    both = smoothed(poisoned(batch, WINDOW, fake), WINDOW)
    assert WINDOW.units(both.x[..., 0], both.scale).max() > 14, "two of three weeks pass a median"
    with pytest.raises(DataError, match="median or mean"):
        smoothed(batch, WINDOW, 3, "mode")


def test_hardening_stays_within_the_budget_and_hurts_more_than_chance(trained: tuple[Network, WindowSet]) -> None:
    model, windows = trained
    batch, threat = late(windows), Threat(per_week=3, total=8, weeks=6)
    hurt = {}
    for steps in (0, 1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            met = Hardening(threat, WINDOW, share=1.0, steps=steps)(model, batch)
        added = WINDOW.units(met.x[..., 0], met.scale) - WINDOW.units(batch.x[..., 0], batch.scale)
        assert added.min() > -1e-3 and added.max() < 3 + 1e-3 and (added.sum(1) < 8 + 1e-2).all()
        assert added[:, :6].abs().max() < 1e-3, "closed weeks"
        assert torch.equal(met.y, batch.y), "what came is not poisoned"
        hurt[steps] = error_objective(WINDOW)(model, met).mean().item()
    assert hurt[1] > hurt[0] and hurt[2] > hurt[0]
    with pytest.raises(DataError, match="share"):
        Hardening(threat, WINDOW, share=0.0)


def test_training_against_an_attack_makes_it_weaker() -> None:
    windows = WindowSet.from_panel(shop(), WINDOW)
    train, batch = windows.between(last="2023-11-06"), late(windows)
    threat, objective = Threat(per_week=5, total=15), error_objective(WINDOW)
    how, gains, networks = TrainSettings(epochs=8, lr=1e-2, batch_size=128), {}, {}
    for name, perturb in {"plain": None, "hard": Hardening(threat, WINDOW), "again": Hardening(threat, WINDOW)}.items():
        model = make_network("gru", windows, hidden=16, decoder=16)
        fit(model, train, settings=how, perturb=perturb)
        found = pgd(model, batch, WINDOW, threat, objective, steps=8)
        gains[name], networks[name] = float(found.gain.mean()), model.state_dict()
    assert gains["hard"] < 0.8 * gains["plain"]
    assert all(torch.equal(value, networks["again"][name]) for name, value in networks["hard"].items()), "repeatable"


def test_a_checkpoint_of_other_training_data_is_not_taken_up(tmp_path: Path) -> None:
    windows = WindowSet.from_panel(shop(weeks=30, products=6), WINDOW)
    how, file, networks = TrainSettings(epochs=2, batch_size=64), tmp_path / "state.safetensors", {}
    for name, perturb in {"plain": None, "hard": Hardening(Threat(total=6), WINDOW), "resumed": None}.items():
        model = make_network("gru", windows, hidden=8, decoder=8)
        fit(model, windows, settings=how, perturb=perturb, checkpoint=file if name != "resumed" else None)
        networks[name] = model.state_dict()["encoder.weight_ih_l0"]
    assert not torch.equal(networks["plain"], networks["hard"]), "the plain run's checkpoint is another run's"
    assert torch.equal(networks["plain"], networks["resumed"])


def test_stuffing_is_greedy_keeps_to_its_budget_and_stops_where_nothing_helps() -> None:
    worth = {"luxury": 2.0, "oak": 1.0, "bargain": -1.0, "mug": 0.0}

    def score(texts: list[str]) -> np.ndarray:
        return np.array([sum(worth[word] for word in text.split()) for text in texts])

    assert stuff("mug", list(worth), score, 1) == ("mug luxury", [0.0, 2.0])
    assert stuff("mug", list(worth), score, 3) == ("mug luxury oak", [0.0, 2.0, 3.0])
    assert stuff("mug", list(worth), score, 2, first=True)[0] == "oak luxury mug"
    assert stuff("mug", list(worth), score, 0) == ("mug", [0.0])
    with pytest.raises(DataError, match="budget"):
        stuff("mug", [], score)
