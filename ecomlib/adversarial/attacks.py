"""Defines attacks on a forecast that a shop could meet, and their cost to the attacker (lesson 06, sections 1 to 4).

An attacker places fake orders: whole units, never negative, limited per week and in all, because a fraud team watches.
Or an attacker shows a scraper false prices, within a few per cent of the true ones. The attacker is assumed to know
the network (the worst case): a gradient says which weeks to buy in. An attack moves only what the network reads of the
past; actual demand is unchanged, so the damage is measured against the clean target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ecomlib.adversarial.budgets import Threat, full_plans, open_weeks, project, steepest, whole
from ecomlib.errors import DataError
from ecomlib.models import Network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch

Objective = Callable[[Network, Batch], Tensor]  # (B,): what the attacker wants large, one number a window
Reading = Callable[[Batch], Batch]  # what the shop does to its history before the network reads it
Perturbation = tuple[Tensor, Tensor]  # fake units (B, T), and the share by which prices are shown wrong (B, T)


def poisoned(
    batch: Batch, settings: WindowSettings, fake: Tensor, price: Tensor | None = None, price_column: str | None = None
) -> Batch:
    """The batch as the network would meet it after the attack; differentiable in both (lesson 06, section 3).

    ``fake`` (B, T) units are added to the weeks that are known; the window's level, and all that is scaled by it, is
    taken anew, because the shop would do so too. ``price`` (B, T) is a share: 0.05 shows a price 5 per cent too high.
    Last year's units among the columns known ahead stay true: those weeks lie outside the look-back.
    """
    place = settings.past.index("y")
    seen = batch.seen.to(batch.x.dtype)
    units = settings.units(batch.x[..., place], batch.scale).clamp(min=0) * seen + fake * seen  # (B, T)
    scale = settings.scale_of(units, batch.seen)  # (B, 1)

    def again(table: Tensor, names: tuple[str, ...]) -> list[Tensor]:
        """Columns in units, put on the new scale; the others as they were."""
        columns = list(table.unbind(-1))
        for k, name in enumerate(names):
            if name in settings.in_units:
                columns[k] = settings.scaled(settings.units(columns[k], batch.scale), scale)
        return columns

    past, ahead = again(batch.x, settings.past), again(batch.f, settings.future)
    past[place] = settings.scaled(units, scale)
    if price is not None and price_column is not None:
        k = settings.past.index(price_column)
        past[k] = past[k] * (1 + price)
    x = torch.stack(past, dim=-1) * seen.unsqueeze(-1)
    f = torch.stack(ahead, dim=-1) if ahead else batch.f
    target = settings.scaled(batch.y, scale) * batch.mask
    return replace(batch, x=x, f=f, scale=scale, target=target)


def forecast(model: Network, batch: Batch, settings: WindowSettings, reads: Reading | None = None) -> Tensor:
    """The middle forecast (B, H) in units, with its gradient; ``reads`` comes between history and network
    (lesson 06, section 5)."""
    met = batch if reads is None else reads(batch)
    values = model.head.predict(model(met), met.scale)
    return settings.units(values[..., values.shape[-1] // 2], met.scale).clamp(min=0)


def error_objective(settings: WindowSettings, reads: Reading | None = None) -> Objective:
    """The attacker wants the forecast wrong: absolute error in units, summed (lesson 06, section 2)."""

    def objective(model: Network, batch: Batch) -> Tensor:
        return ((forecast(model, batch, settings, reads) - batch.y).abs() * batch.mask).sum(1)

    return objective


def push_objective(settings: WindowSettings, up: bool = True, reads: Reading | None = None) -> Objective:
    """The attacker wants the forecast high (or low), whatever is true: it moves the order (lesson 06, section 1)."""

    def objective(model: Network, batch: Batch) -> Tensor:
        return forecast(model, batch, settings, reads).sum(1) * (1 if up else -1)

    return objective


def seller_objective(settings: WindowSettings, reads: Reading | None = None) -> Objective:
    """The seller wants more of his product ordered: up, and only up (lesson 06, section 1).

    He knows no future, so what came is not asked: the plan is the same whatever ``y`` holds. What it does to the error
    is measured afterwards: ``error_objective`` of ``attack.batch``, good windows for the shop included.
    """
    return push_objective(settings, up=True, reads=reads)


def rival_objective(settings: WindowSettings, reads: Reading | None = None) -> Objective:
    """The rival wants the product out of stock: the forecast down, by orders, which can only be added (lesson 06,
    section 2)."""
    return push_objective(settings, up=False, reads=reads)


@dataclass(frozen=True, eq=False)
class Attack:
    """What an attack did.

    ``fake`` (B, T) whole units, ``price`` (B, T) shares, the batch that the network then meets, ``gain`` (B,) of the
    objective over the clean batch, and ``path``, the mean gain of the best plan after each step (of every start).
    """

    fake: Tensor
    price: Tensor
    batch: Batch
    gain: Tensor
    path: tuple[float, ...]


def fgsm(model: Network, batch: Batch, settings: WindowSettings, threat: Threat, objective: Objective) -> Attack:
    """One step as far as the budget goes, along the gradient's sign (lesson 06, section 3).

    Goodfellow, Shlens and Szegedy (2015). Where only a total is affordable, its units go to the weeks of largest slope.
    """
    return pgd(model, batch, settings, threat, objective, steps=1, rate=1.0, restarts=1)


@dataclass(frozen=True)
class Search:
    """How long a gradient attack searches (lesson 06, section 3).

    Attributes
    ----------
    steps: of each start.
    restarts: starts; the first is the clean history, the others are random plans within the budget.
    rate: size of a step, as a share: of the way (`frank_wolfe`) or of the weekly budget (`projected_gradient`). None:
        2 / (k + 2) at step k = 0, 1, …: the first step goes all the way, later ones less and less, so that the curve of
        the gain is flat at its end. A constant rate has spent only 1 - (1 - rate)^k of the budget after k steps.
    seed: of the random starts.
    """

    steps: int = 20
    restarts: int = 2
    rate: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.restarts) < 1 or (self.rate is not None and not 0 < self.rate <= 1):
            raise DataError(
                "a search has a step and a start at least, and a rate above 0, at most 1",
                value=(self.steps, self.restarts, self.rate),
            )

    def share(self, step: int) -> float:
        """The size of step ``step``, counted from 0."""
        return 2 / (step + 2) if self.rate is None else self.rate


Move = Callable[[Tensor, Tensor, float], Tensor]  # from a plan, its slope and the step's size to the next plan


def frank_wolfe(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    search: Search = Search(),
) -> Attack:
    """Go part of the way to the best full plan of the present slope, again and again (lesson 06, section 3).

    Frank and Wolfe (1956). Each step asks which affordable plan would gain most if the slope stayed as it is (the
    steepest weeks, bought full) and goes ``search.share(k)`` of the way there: nothing has to be projected, and no step
    leaves the budget. The best whole plan of each window is kept, so the gain is never negative.
    """

    def move(fake: Tensor, slope: Tensor, share: float) -> Tensor:
        return fake + share * (steepest(slope, threat) - fake)

    return _ascend(model, batch, settings, threat, objective, (search, move, "inf"))


def projected_gradient(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    search: Search = Search(),
) -> Attack:
    """Step along the gradient itself, then take the nearest affordable plan (lesson 06, section 3).

    Madry et al. (2018), in the norm 2: a step has length ``share * per_week * sqrt(T)`` and may leave the budget;
    `project` brings it back by the same number of units off every week. The best whole plan of each window is kept.
    """

    def move(fake: Tensor, slope: Tensor, share: float) -> Tensor:
        return project(fake + threat.per_week * share * _direction(slope, "2"), threat)

    return _ascend(model, batch, settings, threat, objective, (search, move, "2"))


def pgd(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    *,
    steps: int = 20,
    rate: float = 0.25,
    restarts: int = 2,
    norm: str | None = None,
    generator: torch.Generator | None = None,
) -> Attack:
    """Projected gradient ascent with restarts; the best whole plan of each window is kept (lesson 06, section 3).

    Madry et al. (2018). Each step moves by ``rate`` of the weekly budget: along the sign of the gradient
    (``norm="inf"``), along the gradient itself, scaled to length ``rate * per_week * sqrt(T)`` (``norm="2"``), or
    (``norm="1"``, the default where there is a total) that share of the way to the plan that spends the whole budget
    where the slope is largest: a sign has forgotten which weeks those are. That last one projects nothing; it is
    `frank_wolfe` with a constant rate, and `projected_gradient` is the norm 2.

    The first start is the clean history, the others are random within the budget. A plan worse than doing nothing is
    dropped: the gain is never negative, and more steps never make it smaller. The model's weights and mode are left as
    they were.
    """
    norm = norm or ("inf" if threat.total is None else "1")
    if norm not in ("inf", "2", "1"):
        raise DataError("there is no such norm", value=norm, remedy="take inf, 2 or 1.")

    def move(fake: Tensor, slope: Tensor, share: float) -> Tensor:
        if norm == "1":
            return fake + share * (steepest(slope, threat) - fake)
        return project(fake + threat.per_week * share * _direction(slope, norm), threat)

    search = Search(steps, restarts, rate)
    return _ascend(model, batch, settings, threat, objective, (search, move, norm), generator)


def _ascend(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    how: tuple[Search, Move, str],
    generator: torch.Generator | None = None,
) -> Attack:
    """Move on from each start and keep the best whole plan; prices go by the sign, or by the norm 2."""
    search, move, norm = how
    generator = generator or torch.Generator().manual_seed(search.seed)
    with _evaluating(model):
        best = _Best(model, batch, settings, threat, objective)
        reached = best.clean.repeat(search.steps, 1)  # best of all starts after so many steps each
        for restart in range(search.restarts):
            fake, price = random_start(batch, threat, None if restart == 0 else generator)
            own = best.clean
            for step in range(search.steps):
                share = search.share(step)
                slopes = slopes_of(model, batch, settings, threat, objective, fake, price)
                fake = move(fake, slopes[0], share)
                price = (price + threat.price * share * _direction(slopes[1], norm)).clamp(-threat.price, threat.price)
                own = torch.maximum(own, best.consider(whole(fake, threat), price))
                reached[step] = torch.maximum(reached[step], own)
    return best.attack(tuple((reached - best.clean).mean(1).tolist()))


def enumerate_plans(
    model: Network, batch: Batch, settings: WindowSettings, threat: Threat, objective: Objective, width: int = 2
) -> Attack:
    """Try every plan that buys up to ``width`` weeks full: no gradient is needed (lesson 06, section 2).

    Eight weeks are 36 plans of one or two weeks; so small a set can be tried whole, and no masked gradient hides
    from it. It ends where plans are many: 26 weeks and four of them are 17,901. Prices stay true. ``path`` is
    the mean gain of the best plan so far, plan by plan.
    """
    path = []
    with _evaluating(model):
        best = _Best(model, batch, settings, threat, objective)
        true = torch.zeros_like(batch.x[..., 0])
        for plan in full_plans(threat, true.shape[1], width).to(true):
            best.consider(plan.expand_as(true), true)
            path.append(float((best.value - best.clean).mean()))
    return best.attack(tuple(path))


class _Best:
    """The best plan of each window so far; doing nothing is the first."""

    def __init__(
        self, model: Network, batch: Batch, settings: WindowSettings, threat: Threat, objective: Objective
    ) -> None:
        self.model, self.batch, self.settings, self.threat, self.objective = model, batch, settings, threat, objective
        self.clean = objective(model, batch).detach()
        self.value = self.clean.clone()
        self.fake = torch.zeros_like(batch.x[..., 0])
        self.price = self.fake.clone()

    def consider(self, fake: Tensor, price: Tensor) -> Tensor:
        """The objective (B,) under whole plans (B, T); those that gain are kept."""
        fake = fake * self.batch.seen  # nobody can buy in a week before the launch
        with torch.no_grad():
            met = poisoned(self.batch, self.settings, fake, price, self.threat.price_column)
            value = self.objective(self.model, met)
        better = value > self.value
        self.value = torch.where(better, value, self.value)
        self.fake = torch.where(better.unsqueeze(1), fake, self.fake)
        self.price = torch.where(better.unsqueeze(1), price, self.price)
        return value

    def attack(self, path: tuple[float, ...]) -> Attack:
        met = poisoned(self.batch, self.settings, self.fake, self.price, self.threat.price_column)
        return Attack(self.fake, self.price, met, self.value - self.clean, path)


@contextlib.contextmanager
def _evaluating(model: Network) -> Iterator[None]:
    """The model in evaluation mode, and back in its own whatever happens."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def random_attack(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    *,
    tries: int = 40,
    generator: torch.Generator | None = None,
) -> Attack:
    """The best of so many random plans of the same budget: what anyone can do (lesson 06, section 4).

    A gradient attack that is weaker than this one has been masked, not defended against (Athalye, Carlini and Wagner,
    2018).
    """
    path = []
    generator = generator or torch.Generator().manual_seed(0)
    with _evaluating(model):
        best = _Best(model, batch, settings, threat, objective)
        for _ in range(tries):
            start, price = random_start(batch, threat, generator)
            best.consider(whole(start, threat), price)
            path.append(float((best.value - best.clean).mean()))
    return best.attack(tuple(path))


def transfer(
    model: Network, batch: Batch, settings: WindowSettings, threat: Threat, objective: Objective, found: Attack
) -> Attack:
    """A plan found against another network, or another objective, tried on this one (lesson 06, section 4).

    Windows where it does not pay keep their clean history. An attack that comes over from elsewhere and beats the
    network's own gradients tells of a masked gradient (Athalye, Carlini and Wagner, 2018).
    """
    with _evaluating(model), torch.no_grad():
        clean = objective(model, batch)
        gain = objective(model, poisoned(batch, settings, found.fake, found.price, threat.price_column)) - clean
    pays = (gain > 0).unsqueeze(1)
    fake, price = found.fake * pays, found.price * pays
    met = poisoned(batch, settings, fake, price, threat.price_column)
    return Attack(fake, price, met, gain.clamp(min=0), (float(gain.clamp(min=0).mean()),))


def strongest(batch: Batch, settings: WindowSettings, threat: Threat, *attacks: Attack) -> Attack:
    """For each window the best of several attacks on one objective: what a defence is judged by (lesson 06, section 4).

    A defence is as good as the strongest attack that was tried on it, and no better (Carlini et al., 2019).
    """
    gains = torch.stack([attack.gain for attack in attacks])  # (A, B)
    gain, which = gains.max(0)
    row = torch.arange(len(which), device=which.device)
    fake = torch.stack([attack.fake for attack in attacks])[which, row]
    price = torch.stack([attack.price for attack in attacks])[which, row]
    met = poisoned(batch, settings, fake, price, threat.price_column)
    return Attack(fake, price, met, gain, tuple(float(each.mean()) for each in gains))


def random_start(batch: Batch, threat: Threat, generator: torch.Generator | None) -> Perturbation:
    """A random plan within the budget, not yet whole; without a generator the clean history (lesson 06, section 3)."""
    zero = torch.zeros_like(batch.x[..., 0])
    if generator is None:
        return zero, zero.clone()

    def draw() -> Tensor:
        return torch.rand(zero.shape, generator=generator).to(zero)

    # Not spread evenly: a plan that is thin everywhere is the weakest there is, so each draw favours a few weeks.
    fake = project(threat.per_week * draw() ** 2 * 2, threat)
    return fake, threat.price * torch.sign(draw() - 0.5)


def slopes_of(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    fake: Tensor,
    price: Tensor,
) -> Perturbation:
    """The objective's slopes by fake units and by prices, (B, T) each, zero where nothing can be changed (lesson 06,
    section 3)."""
    fake, price = fake.detach().requires_grad_(), price.detach().requires_grad_()
    # cuDNN's recurrent layers have no gradient in evaluation mode; torch's own kernels do.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        value = objective(model, poisoned(batch, settings, fake, price, threat.price_column)).sum()
        found = torch.autograd.grad(value, [fake, price], allow_unused=True)
    first, second = (torch.zeros_like(fake) if slope is None else slope for slope in found)
    return first * open_weeks(fake, threat) * batch.seen, second


def _direction(slope: Tensor, norm: str) -> Tensor:
    if norm != "2":
        return slope.sign()
    length = slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return slope / length * slope.shape[1] ** 0.5
