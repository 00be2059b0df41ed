"""The shop that `adversarial.py` attacks: windows to train on, test windows with demand as the truth, costs, filters.

Demand is what customers wanted; an attack never changes it. `capped` is the same shop whose till counts at most so many
units an account, product and block of eight weeks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from benchmarks.simulated import common
from ecomlib import load_store
from ecomlib.adversarial import Threat, cap_accounts, cap_history, smoothed
from ecomlib.contract import rolling_origins
from ecomlib.decisions import newsvendor_cost, newsvendor_quantile
from ecomlib.stores import Store
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet

HORIZON, BLOCK = 4, 56  # days of a block in which an account is capped: as many as can be poisoned
THREAT = Threat(per_week=5, total=10, weeks=8)
WINDOW = WindowSettings(
    26,
    HORIZON,
    past=("y", "price_index", "promoted", "stockout"),
    future=(*common.PLAN, "week_sin", "week_cos"),
    static=("category",),
    also_known=("rel_price",),
)


@dataclass(frozen=True, eq=False)
class Shop:
    """One store: windows to train on, the windows of the test origins as one batch (target: demand), costs a row.

    ``year``, ``old`` and ``recent`` are three forecasts (n, H) without a network: last year's weeks, the mean of what
    is older than the weeks that can be poisoned, the mean of those weeks.
    """

    seed: int
    train: WindowSet
    late: Batch
    test: Batch
    origins: int
    c_u: np.ndarray
    c_o: np.ndarray
    year: torch.Tensor
    old: torch.Tensor
    recent: torch.Tensor

    def wape(self, said: torch.Tensor) -> float:
        """WAPE on demand of forecasts (n, H)."""
        return float((said - self.test.y).abs().sum() / self.test.y.sum())

    def money(self, known: torch.Tensor, said: torch.Tensor, ratio: int | None) -> float:
        """Money a week lost by orders from ``said`` (n, H), with the reserve that ``known``, the forecasts of the
        training part's last eight origins, asks for; at the shop's own costs or at a ratio of them."""
        c_u = self.c_u if ratio is None else ratio * self.c_o
        level = np.clip(newsvendor_quantile(c_u, self.c_o), 0, 1)
        factor = np.quantile(((self.late.y + 1) / (known + 1)).numpy().ravel(), level)
        order = np.maximum(np.round((said.numpy() + 1) * factor[:, None] - 1), 0)
        cost = newsvendor_cost(order, self.test.y.numpy(), c_u[:, None], self.c_o[:, None])
        return float(cost.sum()) / (self.origins * HORIZON)


def capped(store: Store, most: int) -> tuple[Store, float]:
    """The store whose till counts at most ``most`` units an account, product and block of eight weeks, and the share
    of all units that it still counts. A guest's order is an account of its own: the till knows no other."""
    orders = store.orders
    days = (orders["ordered_at"] - orders["ordered_at"].min()).dt.days
    lines = orders.assign(account=orders["customer_id"].fillna(orders["order_id"]), block=days // BLOCK)
    kept = cap_accounts(lines, most, by=("account", "product_id", "block"))["quantity"]
    return store.with_parts(orders=orders.assign(quantity=kept)), float(kept.sum() / orders["quantity"].sum())


def shop(size: str, seed: int, most: int | None = None) -> tuple[Shop, float]:
    """A store by seed, its accounts capped at ``most`` units (None: not at all), and the share of units counted."""
    store, share = load_store("simulated", size=size, seed=seed), 1.0
    if most is not None:
        store, share = capped(store, most)
    panel = common.panel(store)
    products = store.products.set_index("product_id")
    panel["category"] = panel["unique_id"].map(products["category"])
    panel["price_index"] = np.exp(panel["rel_price"])  # the price over its own usual level
    origins = rolling_origins(panel, HORIZON, 3)
    windows = WindowSet.from_panel(panel, WINDOW)
    train, _ = windows.split(origins[0], 1)
    demand = store.truth.panel("demand").set_index(["unique_id", "ds"])["value"]
    weekly = panel.set_index(["unique_id", "ds"])["y"]
    batches, rest = [], {"year": [], "old": [], "recent": []}
    ids: list[str] = []
    for origin in origins:
        part = windows.at(origin)
        frame = part.frame()
        keys = pd.MultiIndex.from_frame(frame[["unique_id", "ds"]])
        wanted = torch.tensor(demand.reindex(keys).to_numpy(np.float32)).reshape(-1, HORIZON)
        batch = part.batch(torch.arange(len(part)))
        batches.append(replace(batch, y=wanted, mask=torch.ones_like(batch.mask)))
        own = frame["unique_id"].iloc[::HORIZON].tolist()
        ids += own
        before = panel[panel["ds"] <= origin]
        age = ((origin - before["ds"]).dt.days // 7).to_numpy()
        old = before[age >= THREAT.weeks].groupby("unique_id")["y"].mean().reindex(own)
        recent = before[age < THREAT.weeks].groupby("unique_id")["y"].mean().reindex(own)
        year = [
            weekly.reindex(keys.set_levels(keys.levels[1] - pd.Timedelta(weeks=52 + k), level=1)) for k in (-1, 0, 1)
        ]
        season = np.mean(year, axis=0).reshape(-1, HORIZON)
        level = old.fillna(float(old.mean())).to_numpy()[:, None]
        rest["year"].append(np.where(np.isfinite(season), season, level))
        rest["old"].append(np.repeat(level, HORIZON, axis=1))
        rest["recent"].append(np.repeat(recent.fillna(0).to_numpy()[:, None], HORIZON, axis=1))
    costs = products.loc[ids]
    late = train.between(train.origins()[-8:][0])
    table = {name: torch.tensor(np.concatenate(rows), dtype=torch.float32) for name, rows in rest.items()}
    margin = (costs["list_price"] - costs["unit_cost"]).clip(lower=0.01).to_numpy()
    made = Shop(
        seed,
        train,
        late.batch(torch.arange(len(late))),
        joined(batches),
        len(origins),
        margin,
        0.25 * costs["unit_cost"].to_numpy(),
        **table,
    )
    return made, share


def joined(batches: list[Batch]) -> Batch:
    """Several batches as one."""
    names = ("x", "seen", "f", "z", "y", "target", "mask", "scale", "index")
    return replace(batches[0], **{name: torch.cat([getattr(b, name) for b in batches]) for name in names})


def median_filter(batch: Batch) -> Batch:
    """Each week as the median of the last three."""
    return smoothed(batch, WINDOW, 3)


def mean_filter(batch: Batch) -> Batch:
    """The median filter's surrogate: the mean of the same weeks, whose slope an attacker can use."""
    return smoothed(batch, WINDOW, 3, "mean")


def week_cap(batch: Batch) -> Batch:
    """Each week cut to twice the window's median week."""
    return cap_history(batch, WINDOW)
