"""What attacks within a budget do to a small network's forecasts, and what defences leave of it."""

from __future__ import annotations

import pandas as pd
import torch
from record import sample
from shops import windows

from ecomlib import adversarial
from ecomlib.adversarial import Attack, Hardening, Threat
from ecomlib.models import Network
from ecomlib.training import TrainSettings, fit, make_network
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet

SHAPE = WindowSettings(look_back=8, horizon=3, past=("y", "price"), future=("price",), scale="log1p_shift")
MOST = 120  # windows that are attacked


def damage(found: Attack, where: pd.Index) -> pd.DataFrame:
    """Gain, fake units and false prices of each attacked window."""
    rows = pd.DataFrame(
        {
            "key": where,
            "gain": found.gain.double().numpy(),
            "units": found.fake.sum(1).double().numpy(),
            "weeks": (found.fake > 0).sum(1).double().numpy(),
            "price": found.price.abs().sum(1).double().numpy(),
        }
    )
    return sample(rows, "key", 30)


def trained(train: WindowSet, seed: int, perturb: Hardening | None = None) -> Network:
    """A small GRU after two epochs."""
    model = make_network("gru", train, hidden=12, decoder=12, seed=seed)
    fit(model, train, None, TrainSettings(epochs=2, batch_size=128, lr=1e-2, device="cpu", seed=seed), perturb=perturb)
    return model


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Damage of each attack with each norm, on a plain network, a hardened one and one that smooths its history."""
    train, test = windows(seed, SHAPE)
    batch: Batch = test.batch(torch.arange(min(MOST, len(test))))
    frame = test.frame().iloc[:: SHAPE.horizon].head(len(batch.y))
    where = pd.Index(frame["unique_id"].astype(str) + " " + frame["cutoff"].dt.strftime("%Y-%m-%d"))
    model = trained(train, seed)
    units = Threat(per_week=3, total=9)
    free = Threat(per_week=3)
    late = Threat(per_week=4, total=6, weeks=3, price=0.05, price_column="price")
    wrong, up = adversarial.error_objective(SHAPE), adversarial.push_objective(SHAPE)
    down = adversarial.push_objective(SHAPE, up=False)
    fgsm, pgd = adversarial.fgsm, adversarial.pgd
    attacks = {
        "FGSM, weekly budget": fgsm(model, batch, SHAPE, free, wrong),
        "FGSM, total": fgsm(model, batch, SHAPE, units, wrong),
        "FGSM, up": fgsm(model, batch, SHAPE, free, up),
        "PGD, inf": pgd(model, batch, SHAPE, free, wrong, steps=4),
        "PGD, 2": pgd(model, batch, SHAPE, free, wrong, steps=4, norm="2"),
        "PGD, 1": pgd(model, batch, SHAPE, units, wrong, steps=4),
        "PGD, units and prices": pgd(model, batch, SHAPE, late, wrong, steps=4),
        "PGD, down": pgd(model, batch, SHAPE, late, down, steps=3),
        "random": adversarial.random_attack(model, batch, SHAPE, units, wrong, tries=5),
    }
    other = trained(train, seed + 10)
    attacks["transfer"] = adversarial.transfer(other, batch, SHAPE, units, wrong, attacks["PGD, 1"])
    attacks["strongest"] = adversarial.strongest(batch, SHAPE, units, attacks["FGSM, total"], attacks["PGD, 1"])
    for name, steps in (("hardened", 1), ("hardened by chance", 0)):
        hard = trained(train, seed, Hardening(units, SHAPE, steps=steps))
        attacks[f"PGD on {name}"] = pgd(hard, batch, SHAPE, units, wrong, steps=3)

    def reads(met: Batch) -> Batch:
        return adversarial.smoothed(met, SHAPE)

    attacks["PGD on smoothed"] = pgd(model, batch, SHAPE, units, adversarial.error_objective(SHAPE, reads), steps=3)
    found = {f"attack: {name}": damage(one, where) for name, one in attacks.items()}
    paths = {name: pd.Series(one.path, index=range(1, len(one.path) + 1)) for name, one in attacks.items()}
    found["mean gain by step"] = pd.DataFrame(paths)
    for how in ("median", "mean"):
        plain = adversarial.forecast(
            model, batch, SHAPE, lambda met, how=how: adversarial.smoothed(met, SHAPE, how=how)
        )
        table = pd.DataFrame(plain.detach().double().numpy(), columns=[f"step {k + 1}" for k in range(SHAPE.horizon)])
        found[f"forecast: history smoothed by {how}"] = sample(table.assign(key=where), "key", 30)
    return found
