"""What the simulated store knows and its tables do not tell (lesson 00, section 5).

Only ``ecomlib.evaluation``, the course's checks and the lessons may read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.periods import parse_frequency
from ecomlib.stores.simulated.geography import Dynamics
from ecomlib.stores.simulated.settings import Settings

KEYS = ("product_id", "category", "region_id")


@dataclass(frozen=True, eq=False)
class Groups:
    """Which series each product and each region belongs to. G product groups, H region groups."""

    of_product: np.ndarray  # (P,) group, 0 ... G-1
    of_region: np.ndarray  # (R,) group, 0 ... H-1
    labels: list[tuple[dict[str, str], ...]]  # key columns of the product groups, and of the region groups
    by: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of product groups and of region groups."""
        return len(self.labels[0]), len(self.labels[1])

    def unique_ids(self) -> np.ndarray:
        """Names of the series, shape (G, H): the keys in the order of ``by``, joined by ``|``."""
        names = np.empty(self.shape, dtype=object)
        for g, product in enumerate(self.labels[0]):
            for h, region in enumerate(self.labels[1]):
                both = {**product, **region}
                names[g, h] = "|".join(both[key] for key in self.by)
        return names


@dataclass(frozen=True, eq=False)
class Truth:
    """Everything hidden from the models. P products, R regions, T days, W weeks; log points unless a unit is named.

    ``expected_demand`` (P, R, T) is μ, units a day; ``demand`` (P, R, T) what was wanted, units, the wholesale order
    included; both are zero before launch. ``shock`` (T, R) travels by ``law``; ``momentum`` (W, P) is fashion.
    ``return_probability`` runs along the rows of the store's ``orders``, ``visit_type`` (a row of ``conversion``) along
    those of ``sessions``. ``customer_taste`` (J, 8) and ``item_taste`` (P, 8): their product is the log of how much
    more often a customer buys an item than others with the segment's taste for its category do. Frames:

    - ``quality``: product_id, version, valid_from, quality (standard deviation 1), told (what the words tell)
    - ``elasticity``: category, elasticity, promotion (effect of a promotion beside its price), substitution (elasticity
      with respect to the mean price of the other products of the category)
    - ``rollout``: region_id, starts_on, effect
    - ``cold_start``: product_id, category, launch_week, cold, unseen_share
    - ``customers``: customer_id, segment, activity, appeal (of all items, one in the mean), hazard (of leaving, a
      week), left_on (missing: still there), mailing_effect (on the log rate), mailing_leaving (on the logit of the
      week's hazard), mailing_orders_28d and mailing_orders_26w (expected change of orders over 28 days, and over 26
      weeks: whom a letter drives away is lost for good), expected_units and unit_variance (given all units that were
      sold)
    - ``conversion``: visit_type, probability
    - ``wholesale``: order_id, product_id, region_id, date, units
    """

    settings: Settings
    dates: pd.DatetimeIndex
    product_ids: np.ndarray
    region_ids: np.ndarray
    expected_demand: np.ndarray
    demand: np.ndarray
    shock: np.ndarray
    momentum: np.ndarray
    law: Dynamics
    return_probability: np.ndarray
    visit_type: np.ndarray
    customer_taste: np.ndarray
    item_taste: np.ndarray
    quality: pd.DataFrame
    elasticity: pd.DataFrame
    rollout: pd.DataFrame
    cold_start: pd.DataFrame
    customers: pd.DataFrame
    conversion: pd.DataFrame
    wholesale: pd.DataFrame

    def groups(self, by: str | Sequence[str]) -> Groups:
        """How products and regions fall into the series named by ``by``: product_id or category, region_id, or both."""
        by = (by,) if isinstance(by, str) else tuple(by)
        if not by or set(by) - set(KEYS) or len(set(by)) < len(by) or {"product_id", "category"} <= set(by):
            raise DataError(
                "series cannot be named by these keys",
                value=by,
                remedy="use product_id or category, region_id, or one of them together with region_id.",
            )
        of_product, of_region = np.zeros(len(self.product_ids), int), np.zeros(len(self.region_ids), int)
        products: tuple[dict[str, str], ...] = ({},)
        regions: tuple[dict[str, str], ...] = ({},)
        for key in by:
            if key == "region_id":
                of_region = np.arange(len(self.region_ids))
                regions = tuple({key: name} for name in self.region_ids)
            else:
                names = self.product_ids if key == "product_id" else self.cold_start["category"].to_numpy()
                order, of_product = np.unique(names.astype(str), return_inverse=True)
                products = tuple({key: str(name)} for name in order)
        return Groups(of_product, of_region, [products, regions], by)

    def panel(
        self,
        what: Literal["demand", "expected_demand"] = "demand",
        freq: str = "W-MON",
        by: str | Sequence[str] = ("product_id",),
    ) -> pd.DataFrame:
        """A hidden quantity as a long frame ``unique_id, ds, value``, sorted, in units a period.

        Whole periods only, and only from a series' launch on (the period of the launch included).

        Parameters
        ----------
        freq: ``"D"``, ``"W-MON"`` (a week is named by its Monday) or ``"MS"``.
        by: keys that name a series, as in ``ecomlib.panel.make_panel``.
        """
        if what not in ("demand", "expected_demand"):
            raise DataError(
                "the truth has no such quantity over time", value=what, remedy="use demand or expected_demand."
            )
        groups = self.groups(by)
        starts, days = whole_periods(self.dates, freq)
        values = np.zeros((*groups.shape, len(starts)))
        data = getattr(self, what)
        for product, group in enumerate(groups.of_product):
            by_period = np.add.reduceat(data[product, :, days[0] : days[-1]], days[:-1] - days[0], axis=1, dtype=float)
            np.add.at(values, (group, groups.of_region), by_period)
        launch = np.full(groups.shape[0], len(self.dates))
        np.minimum.at(launch, groups.of_product, 7 * self.cold_start["launch_week"].to_numpy())
        live = days[1:][None, None, :] > launch[:, None, None]
        live = np.broadcast_to(live, values.shape)
        ids = np.broadcast_to(groups.unique_ids()[:, :, None], values.shape)
        ds = np.broadcast_to(starts.to_numpy()[None, None, :], values.shape)
        frame = pd.DataFrame({"unique_id": ids[live], "ds": ds[live], "value": values[live]})
        return frame.sort_values(["unique_id", "ds"], ignore_index=True)


def whole_periods(dates: pd.DatetimeIndex, freq: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """First days of the periods that lie wholly within ``dates``, and the numbers of their days.

    Returns the starts, shape (N,), and the day numbers at which periods begin, shape (N + 1,): the last entry is the
    day after the last period.
    """
    freq = parse_frequency(freq)
    if freq == "D":
        marks = np.arange(len(dates) + 1)
    elif freq == "W-MON":
        marks = np.flatnonzero(np.append(dates.dayofweek, (dates[-1].dayofweek + 1) % 7) == 0)
    else:
        after = dates[-1] + pd.Timedelta(days=1)
        marks = np.flatnonzero(np.append(dates.day, after.day) == 1)
    if len(marks) < 2:
        raise DataError("the store holds no whole period of this time step", value=freq, remedy="use a shorter one.")
    return dates[marks[:-1]], marks
