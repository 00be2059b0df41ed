"""Defines attacks on a forecast that a shop could meet, and their cost to the attacker (lesson 06, sections 1 to 3).

An attacker places fake orders: whole units, never negative, limited per week and in all, because a fraud team watches.
Or an attacker shows a scraper false prices, within a few per cent of the true ones. The attacker is assumed to know
the network (the worst case): a gradient says which weeks to buy in. An attack moves only what the network reads of the
past; actual demand is unchanged, so the damage is measured against the clean target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ecomlib.errors import DataError
from ecomlib.models import Network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch

Objective = Callable[[Network, Batch], Tensor]  # (B,): what the attacker wants large, one number a window
Reading = Callable[[Batch], Batch]  # what the shop does to its history before the network reads it
Perturbation = tuple[Tensor, Tensor]  # fake units (B, T), and the share by which prices are shown wrong (B, T)


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


def poisoned(
    batch: Batch, settings: WindowSettings, fake: Tensor, price: Tensor | None = None, price_column: str | None = None
) -> Batch:
    """The batch as the network would meet it after the attack; differentiable in both (lesson 06, section 2).

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


def project(fake: Tensor, threat: Threat) -> Tensor:
    """The nearest affordable plan of fake units (B, T), not yet whole (lesson 06, section 2).

    Box 0 … per_week, closed weeks at zero, sum at most ``total``: where the sum is too large, the Euclidean projection
    takes the same number from every week until it fits (Duchi et al., 2008), found by bisection.
    """
    open_ = _open(fake, threat)
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
    """A plan (B, T) in whole units that is still affordable (lesson 06, section 2).

    Rounding each week may exceed the total. So all are rounded down, and the units left over go to the weeks with the
    largest remainders, one each, as far as budget and sum reach.
    """
    plan = project(fake, threat)
    floor = torch.floor(plan + 1e-6)
    rest = plan - floor
    spare = torch.round(rest.sum(1)).long()  # (B,)
    if threat.total is not None:
        spare = torch.minimum(spare, (threat.total - floor.sum(1)).clamp(min=0).long())
    room = (floor < threat.per_week) & (_open(fake, threat) > 0)
    rank = torch.where(room, rest, torch.full_like(rest, -1.0)).argsort(1, descending=True).argsort(1)
    return floor + ((rank < spare.unsqueeze(1)) & room & (rest > 1e-6))


def forecast(model: Network, batch: Batch, settings: WindowSettings, reads: Reading | None = None) -> Tensor:
    """The middle forecast (B, H) in units, with its gradient; ``reads`` comes between history and network
    (lesson 06, section 6)."""
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
    """One step as far as the budget goes, along the gradient's sign (lesson 06, section 2).

    Goodfellow, Shlens and Szegedy (2015). Where only a total is affordable, its units go to the weeks of largest slope.
    """
    return pgd(model, batch, settings, threat, objective, steps=1, rate=1.0, restarts=1)


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
    """Projected gradient ascent with restarts; the best whole plan of each window is kept (lesson 06, section 2).

    Madry et al. (2018). Each step moves by ``rate`` of the weekly budget: along the sign of the gradient
    (``norm="inf"``), along the gradient itself, scaled to length ``rate * per_week * sqrt(T)`` (``norm="2"``), or
    (``norm="1"``, the default where there is a total) that share of the way to the plan that spends the whole budget
    where the slope is largest (Frank and Wolfe, 1956): a sign has forgotten which weeks those are.

    The first start is the clean history, the others are random within the budget. A plan worse than doing nothing is
    dropped: the gain is never negative, and more steps never make it smaller. The model's weights and mode are left as
    they were.
    """
    norm = norm or ("inf" if threat.total is None else "1")
    if norm not in ("inf", "2", "1"):
        raise DataError("there is no such norm", value=norm, remedy="take inf, 2 or 1.")
    was_training = model.training
    model.eval()
    generator = generator or torch.Generator().manual_seed(0)
    clean = objective(model, batch).detach()
    best_fake, best_price = torch.zeros_like(batch.x[..., 0]), torch.zeros_like(batch.x[..., 0])
    best, reached = clean.clone(), clean.repeat(steps, 1)  # reached: best of all starts after so many steps each
    try:
        for restart in range(restarts):
            fake, price = _start(batch, threat, None if restart == 0 else generator)
            own = clean
            for step in range(steps):
                slopes = _slopes(model, batch, settings, threat, objective, fake, price)
                if norm == "1":
                    fake = fake + rate * (_steepest(slopes[0], threat) - fake)
                else:
                    fake = project(fake + threat.per_week * rate * _direction(slopes[0], norm), threat)
                price = (price + threat.price * rate * _direction(slopes[1], norm)).clamp(-threat.price, threat.price)
                value, plan = _value(model, batch, settings, threat, objective, whole(fake, threat), price)
                own = torch.maximum(own, value)
                reached[step] = torch.maximum(reached[step], own)
                better = value > best
                best = torch.where(better, value, best)
                best_fake = torch.where(better.unsqueeze(1), plan, best_fake)
                best_price = torch.where(better.unsqueeze(1), price, best_price)
    finally:
        model.train(was_training)
    met = poisoned(batch, settings, best_fake, best_price, threat.price_column)
    return Attack(best_fake, best_price, met, best - clean, tuple((reached - clean).mean(1).tolist()))


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
    """The best of so many random plans of the same budget: what anyone can do (lesson 06, section 3).

    A gradient attack that is weaker than this one has been masked, not defended against (Athalye, Carlini and Wagner,
    2018).
    """
    was_training = model.training
    model.eval()
    clean = objective(model, batch).detach()
    best, best_fake, best_price = clean.clone(), torch.zeros_like(batch.x[..., 0]), torch.zeros_like(batch.x[..., 0])
    path = []
    generator = generator or torch.Generator().manual_seed(0)
    for _ in range(tries):
        start, price = _start(batch, threat, generator)
        value, plan = _value(model, batch, settings, threat, objective, whole(start, threat), price)
        better = value > best
        best = torch.where(better, value, best)
        best_fake = torch.where(better.unsqueeze(1), plan, best_fake)
        best_price = torch.where(better.unsqueeze(1), price, best_price)
        path.append(float((best - clean).mean()))
    model.train(was_training)
    met = poisoned(batch, settings, best_fake, best_price, threat.price_column)
    return Attack(best_fake, best_price, met, best - clean, tuple(path))


def transfer(
    model: Network, batch: Batch, settings: WindowSettings, threat: Threat, objective: Objective, found: Attack
) -> Attack:
    """A plan found against another network, or another objective, tried on this one (lesson 06, section 3).

    Windows where it does not pay keep their clean history. An attack that comes over from elsewhere and beats the
    network's own gradients tells of a masked gradient (Athalye, Carlini and Wagner, 2018).
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        clean = objective(model, batch)
        gain = objective(model, poisoned(batch, settings, found.fake, found.price, threat.price_column)) - clean
    model.train(was_training)
    pays = (gain > 0).unsqueeze(1)
    fake, price = found.fake * pays, found.price * pays
    met = poisoned(batch, settings, fake, price, threat.price_column)
    return Attack(fake, price, met, gain.clamp(min=0), (float(gain.clamp(min=0).mean()),))


def strongest(batch: Batch, settings: WindowSettings, threat: Threat, *attacks: Attack) -> Attack:
    """For each window the best of several attacks on one objective: what a defence is judged by (lesson 06, section 3).

    A defence is as good as the strongest attack that was tried on it, and no better (Carlini et al., 2019).
    """
    gains = torch.stack([attack.gain for attack in attacks])  # (A, B)
    gain, which = gains.max(0)
    row = torch.arange(len(which), device=which.device)
    fake = torch.stack([attack.fake for attack in attacks])[which, row]
    price = torch.stack([attack.price for attack in attacks])[which, row]
    met = poisoned(batch, settings, fake, price, threat.price_column)
    return Attack(fake, price, met, gain, tuple(float(each.mean()) for each in gains))


def _open(fake: Tensor, threat: Threat) -> Tensor:
    """1 for the weeks that can still be changed."""
    weeks = torch.arange(fake.shape[1], device=fake.device)
    first = 0 if threat.weeks is None else fake.shape[1] - threat.weeks
    return (weeks >= first).to(fake.dtype).expand_as(fake)


def _start(batch: Batch, threat: Threat, generator: torch.Generator | None) -> Perturbation:
    zero = torch.zeros_like(batch.x[..., 0])
    if generator is None:
        return zero, zero.clone()

    def draw() -> Tensor:
        return torch.rand(zero.shape, generator=generator).to(zero)

    # Not spread evenly: a plan that is thin everywhere is the weakest there is, so each draw favours a few weeks.
    fake = project(threat.per_week * draw() ** 2 * 2, threat)
    return fake, threat.price * torch.sign(draw() - 0.5)


def _slopes(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    fake: Tensor,
    price: Tensor,
) -> Perturbation:
    fake, price = fake.detach().requires_grad_(), price.detach().requires_grad_()
    # cuDNN's recurrent layers have no gradient in evaluation mode; torch's own kernels do.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        value = objective(model, poisoned(batch, settings, fake, price, threat.price_column)).sum()
        found = torch.autograd.grad(value, [fake, price], allow_unused=True)
    first, second = (torch.zeros_like(fake) if slope is None else slope for slope in found)
    return first * _open(fake, threat) * batch.seen, second


def _steepest(slope: Tensor, threat: Threat) -> Tensor:
    """The affordable plan (B, T) that gains most if the slope were the same everywhere: the steepest weeks, bought
    full."""
    order = slope.argsort(1, descending=True)
    budget = threat.per_week * slope.shape[1] if threat.total is None else threat.total
    place = torch.arange(slope.shape[1], device=slope.device)
    bought = (budget - threat.per_week * place).clamp(0, threat.per_week).to(slope.dtype).expand_as(slope)
    return torch.zeros_like(slope).scatter(1, order, bought) * (slope > 0)


def _direction(slope: Tensor, norm: str) -> Tensor:
    if norm != "2":
        return slope.sign()
    length = slope.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return slope / length * slope.shape[1] ** 0.5


def _value(
    model: Network,
    batch: Batch,
    settings: WindowSettings,
    threat: Threat,
    objective: Objective,
    fake: Tensor,
    price: Tensor,
) -> Perturbation:
    with torch.no_grad():
        fake = fake * batch.seen  # nobody can buy in a week before the launch
        return objective(model, poisoned(batch, settings, fake, price, threat.price_column)), fake
