"""Plans a shop's sales for weeks, months and the quarter, at every level, so that the numbers add up (lesson 11).

A plan is made of means, since only means add up; its parts are sums of the same forecasts of the series, so every level
says the same; and its intervals are those of sums (``ensemble.sums``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ecomlib.contract import Forecaster, rolling_origins
from ecomlib.contract.origins import known_part, last_known
from ecomlib.decisions.pricing import FARTHEST, Effect
from ecomlib.ensemble.average import Average
from ecomlib.ensemble.hierarchy import SERIES, Hierarchy
from ecomlib.ensemble.sums import path_sums, sum_intervals
from ecomlib.errors import DataError
from ecomlib.features import relative_price
from ecomlib.forecasting import backtest, forecaster
from ecomlib.frames import require_panel
from ecomlib.panel import check_panel

GROUPS = ("category", "country", "region", "region_id", "price_group")  # levels that are made where a panel has them
LEAST_PERIODS = 8  # of history, below which nothing is planned
LEAST_LEARNED = 52  # below which trees learn nothing that a mean of 8 periods does not say
PLAN_COLUMNS = ("price", "promoted", "depth", "holidays")  # the shop's own calendar, where it reaches over the horizon
_MODEL = "plan"
# Few and small: thirteen steps times all weeks are many rows, and what a quarter's sum needs of them is little.
_TREES = {"objective": "tweedie", "scale": "none", "n_estimators": 60, "learning_rate": 0.15, "num_leaves": 15}


def sales_plan(
    panel: pd.DataFrame,
    *,
    horizon: int = 13,
    levels: Sequence[str | Sequence[str]] | None = None,
    model: str | Forecaster = "average",
    interval: float = 0.9,
) -> pd.DataFrame:
    """Plan what will be sold, by week, month and quarter, for the whole shop and each of its parts.

    Parameters
    ----------
    panel : DataFrame
        ``unique_id, ds, y``, regular in time, as ``make_panel`` gives it; columns such as ``category`` or ``country``
        make levels. ``price, promoted, depth, holidays`` are used where they are known for the whole horizon
        (``make_panel(store, ahead=13)``, or a calendar of your own).
    horizon : int
        Periods to plan. Where the history is short it is cut, and ``attrs["notes"]`` says so.
    levels : sequence of str or of sequences of str, optional
        Columns of the panel, ``"category"`` or ``("country", "category")``; left out, those of ``GROUPS`` that the
        panel has. The total and the series themselves are always there.
    model : str or Forecaster
        What forecasts the series: ``"trees"`` (trees for counts, with the calendar and the plan), ``"average"`` (these
        and the mean of the last 8 periods, half and half: trees know the season, the mean the level), another
        registered name, or a forecaster with its settings. It must give means.
    interval : float
        How often a sum should lie between ``low`` and ``high``.

    Returns
    -------
    DataFrame
        A row a node and stretch of time: ``level, node``, the columns of the levels and ``unique_id`` (empty where a
        node is coarser), ``span`` (``"whole"``, ``"month"``, and the panel's own ``"week"`` or ``"day"``),
        ``period_start``, ``periods``, and units ``mean, low, high``. A week belongs to the month of its first day.
        ``attrs["notes"]`` is a list of sentences about what was cut or left out, ``attrs["model"]`` what forecast,
        ``attrs["origins"]`` how many past paths stand behind the intervals.

    Raises
    ------
    DataError
        The panel is none or too short, a level is no column or not one value a series, or the model gives no means.

    Notes
    -----
    Means of all nodes are sums of the series' means, to rounding. Intervals of different nodes do not add up, and must
    not: errors cancel in part.

    Examples
    --------
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=24, freq="7D")
    >>> panel = pd.DataFrame({"unique_id": ["cup"] * 24 + ["mug"] * 24, "ds": [*weeks, *weeks], "y": [3.0, 1.0] * 24})
    >>> plan = sales_plan(panel, horizon=4, model="window_mean")
    >>> plan.loc[plan["span"] == "whole", ["level", "node", "periods", "mean"]]
        level   node  periods  mean
    0   total  total        4  16.0
    7  series    cup        4   8.0
    8  series    mug        4   8.0
    """
    require_panel(panel, "unique_id", "ds", "y")
    whole = panel.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    whole.attrs = dict(panel.attrs)
    _, freq = check_panel(whole)
    if not 0 < interval < 1:
        raise DataError("how often an interval holds is a share", value=interval, remedy="write 0.9 for nine in ten.")
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or horizon < 1:
        raise DataError("horizon counts periods", value=horizon, remedy="write horizon=13 for a quarter of weeks.")
    notes: list[str] = []
    past = known_part(whole)
    count = past["ds"].nunique()
    horizon = _fitting_horizon(int(horizon), count, notes)
    hierarchy = Hierarchy.of(past, _levels(past, levels))
    known = _known_ahead(whole, past, horizon)
    if "price" in known and "rel_price" not in whole.columns:
        whole = whole.join(relative_price(whole))
    how = _model(model, past, count, horizon, known, notes)
    scored, ahead = _paths(whole, how, count, horizon)
    stretches = _stretches(ahead["ds"].drop_duplicates().sort_values(), freq)
    spans = list(dict.fromkeys((first, last) for _, first, last, _ in stretches))
    sums = path_sums(ahead, _MODEL, hierarchy, spans)
    if scored is None:
        notes.append("The history is too short for intervals: no past path could be compared with what came.")
        sums = sums.assign(low=np.nan, high=np.nan)
    else:
        sums = sum_intervals(path_sums(scored, _MODEL, hierarchy, spans), sums, interval)
    plan = _arranged(sums, stretches, hierarchy)
    origins = 0 if scored is None else scored["cutoff"].nunique()
    plan.attrs = {"notes": notes, "model": how.label, "origins": origins, "interval": interval, "point": "mean"}
    return plan


def scenario(
    plan: pd.DataFrame,
    effects: Effect | Mapping[str, Effect],
    changes: pd.DataFrame,
    *,
    by: str = "category",
) -> pd.DataFrame:
    """Apply changes of prices, promotions and the calendar to a plan, by what they cause.

    Parameters
    ----------
    plan : DataFrame
        From ``sales_plan``.
    effects : Effect, or mapping of str to Effect
        What a price and a promotion do to log demand, from a causal estimate and never from the forecaster; a mapping
        has one for each value of ``by``.
    changes : DataFrame
        A row a change: ``start`` and ``end`` (dates; a period is changed where its first day lies between them, ends
        included), the columns that say where (``unique_id``, ``category``, …; without any, everywhere), and what:
        ``price``, new price over planned price before a promotion's discount (0.9 is a tenth cheaper); ``promoted``, +1
        where a promotion is added, -1 where one is taken away; ``depth``, the share its discount takes off the price;
        or ``effect`` with ``effect_low`` and ``effect_high``, in log units, for what the shop knows by itself, such
        as a holiday.
    by : str
        The plan's column that ``effects`` is keyed by.

    Returns
    -------
    DataFrame
        The plan with ``mean, low, high`` as changed, ``was`` (the mean before), and ``change, change_low,
        change_high``: 95 % of the effect alone, as ``Effect`` holds it. It adds up as the plan does.

    Raises
    ------
    DataError
        An effect is missing or not known, a change names nothing in the plan, or moves a price by more than four times.

    Notes
    -----
    All series of one effect are wrong together; different effects, and an effect and the forecast, independently:
    within an effect the ends are added, between them squares.
    """
    finest = plan[plan["level"] == SERIES]
    cells = finest[finest["span"] == _own_span(plan)].reset_index(drop=True)
    shift = _shift(cells, effects, changes, by)
    mean = cells["mean"].to_numpy(dtype=float)
    base = pd.DataFrame({end: mean * np.expm1(shift[end]) for end in ("middle", "low", "high")})
    base["source"] = shift["source"].to_numpy()
    result = plan.copy()
    found = _added_up(plan, cells, base)
    result["was"], result["change"] = plan["mean"], found["middle"]
    result["mean"] = plan["mean"] + found["middle"]
    below, above = found["low"].to_numpy(), found["high"].to_numpy()
    result["change_low"], result["change_high"] = found["middle"] - below, found["middle"] + above
    # The forecast's own error grows with the units; a 95 % end of the effect is brought to the plan's share.
    times = np.divide(result["mean"], plan["mean"], out=np.ones(len(plan)), where=plan["mean"].to_numpy() > 0)
    share = float(norm.ppf((1 + plan.attrs.get("interval", 0.9)) / 2) / norm.ppf(0.975))
    down, up = (plan["mean"] - plan["low"]) * times, (plan["high"] - plan["mean"]) * times
    result["low"] = np.maximum(result["mean"] - np.hypot(down, share * below), 0.0)
    result["high"] = result["mean"] + np.hypot(up, share * above)
    result.attrs = dict(plan.attrs)
    return result


def _own_span(plan: pd.DataFrame) -> str:
    """The panel's own period: the last kind of row in a plan."""
    return str(plan["span"].iloc[-1])


def _shift(cells: pd.DataFrame, effects: Effect | Mapping[str, Effect], changes: pd.DataFrame, by: str) -> pd.DataFrame:
    """For each series and period the change of log units, its two ends, and which effect it comes from."""
    _check_changes(cells, changes)
    moved = pd.DataFrame(0.0, index=cells.index, columns=["middle", "low", "high"])
    source = pd.Series("", index=cells.index)
    places = [column for column in cells.columns if column in changes.columns and column not in ("mean", "low", "high")]
    for number, change in enumerate(changes.to_dict("records")):
        hit = cells["period_start"].between(pd.Timestamp(change["start"]), pd.Timestamp(change["end"]))
        for column in places:
            if pd.notna(change[column]):
                hit &= cells[column] == change[column]
        if not hit.any():
            raise DataError(
                "a change names nothing in the plan",
                table="changes",
                rows=[number + 1],
                remedy="its dates lie within the plan, and its names are those of the plan's columns.",
            )
        own = _value(change, "effect", 0.0)
        ends = {"middle": own, "low": _value(change, "effect_low", own), "high": _value(change, "effect_high", own)}
        for end, value in ends.items():
            moved.loc[hit, end] += value
        price = np.log(_value(change, "price", 1.0)) + np.log1p(-_value(change, "depth", 0.0))
        promoted = _value(change, "promoted", 0.0)
        if not price and not promoted:
            source[hit] = source[hit].where(source[hit] != "", f"change {number + 1}")
            continue
        for name, rows in _keyed(cells[hit], effects, by):
            effect = _effect(effects, name)
            moved.loc[rows, "middle"] += effect.elasticity * price + effect.promotion * promoted
            prices = sorted([effect.low * price, effect.high * price])
            shows = sorted([effect.promotion_low * promoted, effect.promotion_high * promoted])
            spread = [
                np.hypot(effect.elasticity * price - prices[0], effect.promotion * promoted - shows[0]),
                np.hypot(prices[1] - effect.elasticity * price, shows[1] - effect.promotion * promoted),
            ]
            moved.loc[rows, "low"] += effect.elasticity * price + effect.promotion * promoted - spread[0]
            moved.loc[rows, "high"] += effect.elasticity * price + effect.promotion * promoted + spread[1]
            source[rows] = name
    return moved.assign(source=source)


def _value(change: Mapping[Any, Any], name: str, otherwise: float) -> float:
    found = change.get(name, otherwise)
    return otherwise if pd.isna(found) else float(found)


def _check_changes(cells: pd.DataFrame, changes: pd.DataFrame) -> None:
    for column in ("start", "end"):
        if column not in changes.columns:
            raise DataError("a change has a first and a last day", table="changes", column=column, remedy="add it.")
    price = changes["price"].dropna() if "price" in changes else pd.Series(dtype=float)
    if ((price < 1 / FARTHEST) | (price > FARTHEST)).any():
        wrong = float(price[(price < 1 / FARTHEST) | (price > FARTHEST)].iloc[0])
        remedy = "price is the new over the planned one: 0.9 is a tenth cheaper."
        raise DataError("a price this far from the plan says nothing", table="changes", value=wrong, remedy=remedy)
    depth = changes["depth"].dropna() if "depth" in changes else pd.Series(dtype=float)
    if ((depth < 0) | (depth >= 1 - 1 / FARTHEST)).any():
        remedy = "write 0.2 for a fifth off."
        raise DataError("depth is the share taken off a price", table="changes", column="depth", remedy=remedy)


def _keyed(hit: pd.DataFrame, effects: Effect | Mapping[str, Effect], by: str) -> list[tuple[str, pd.Index]]:
    if isinstance(effects, Effect):
        return [("all", hit.index)]
    if by not in hit.columns:
        remedy = "hand in one Effect for all, or name another column by=."
        raise DataError("the plan has no such column", column=by, remedy=remedy)
    return [(str(name), rows.index) for name, rows in hit.groupby(by, observed=True)]


def _effect(effects: Effect | Mapping[str, Effect], name: str) -> Effect:
    effect = effects if isinstance(effects, Effect) else effects.get(name)
    if effect is None or not effect.known:
        remedy = "estimate it (causal.double_ml), or leave its rows out of the changes."
        raise DataError("the effect of a price here is not known", value=name, remedy=remedy)
    return effect


def _added_up(plan: pd.DataFrame, cells: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """For each row of the plan: the change in units, and how far it may be less or more."""
    days = np.sort(cells["period_start"].unique())
    start = np.searchsorted(days, plan["period_start"].to_numpy())
    end = start + plan["periods"].to_numpy()
    touched = (base["source"] != "").to_numpy()
    parts = base.assign(low=base["middle"] - base["low"], high=base["high"] - base["middle"])[touched]
    at = np.searchsorted(days, cells["period_start"].to_numpy())[touched]
    found = np.zeros((len(plan), 3))
    names = plan.columns[2 : plan.columns.get_loc("span")]
    for level, rows in plan.groupby("level", observed=True, sort=False).indices.items():
        keys = ["unique_id"] if level == SERIES else list(names[plan.iloc[rows[0]][names].notna()])
        # Number the level's nodes, of the plan's rows and of the cells alike.
        both = pd.concat([plan.iloc[rows][keys], cells.loc[touched, keys]])
        node = both.groupby(keys, observed=True).ngroup().to_numpy() if keys else np.zeros(len(both), dtype=int)
        own, of_cell = node[: len(rows)], node[len(rows) :]
        for _, members in pd.Series(range(len(parts))).groupby(parts["source"].to_numpy()):
            cube = np.zeros((node.max() + 1, len(days) + 1, 3))
            values = parts[["middle", "low", "high"]].to_numpy()[members]
            np.add.at(cube, (of_cell[members], at[members] + 1), values)
            sums = cube.cumsum(axis=1)
            piece = sums[own, end[rows]] - sums[own, start[rows]]
            piece[:, 1:] **= 2
            found[rows] += piece
    found[:, 1:] = np.sqrt(np.maximum(found[:, 1:], 0.0))
    return pd.DataFrame(found, index=plan.index, columns=["middle", "low", "high"])


def _fitting_horizon(horizon: int, count: int, notes: list[str]) -> int:
    if count < LEAST_PERIODS:
        remedy = f"bring {LEAST_PERIODS} periods at least, or a finer time step: make_panel(store, freq='D')."
        raise DataError(f"{count} periods of history are too few for a plan", table="panel", column="ds", remedy=remedy)
    longest = max(count // 4, 1)
    if horizon > longest:
        notes.append(
            f"{count} periods of history carry a plan of {longest}, not of {horizon}: the horizon was cut to {longest}."
        )
    return min(horizon, longest)


def _levels(past: pd.DataFrame, levels: Sequence[str | Sequence[str]] | None) -> list[tuple[str, ...]]:
    """The total, and the levels that were asked for or that the panel offers."""
    series = past["unique_id"].nunique()
    if levels is not None:
        if isinstance(levels, str):
            raise DataError("levels are a list of columns", value=levels, remedy=f'write levels=("{levels}",).')
        wanted = [(level,) if isinstance(level, str) else tuple(level) for level in levels]
        for column in {column for level in wanted for column in level} - set(past.columns):
            remedy = 'add it: panel["category"] = panel["unique_id"].map(…), or leave the level out.'
            raise DataError("this level is no column of the panel", table="panel", column=column, remedy=remedy)
    else:
        single = [column for column in GROUPS if column in past and past[column].notna().all()]
        counts = {column: past[column].nunique() for column in single}
        wanted = [(column,) for column in single if 1 < counts[column] < series]
        if "product_id" in past and 1 < past["product_id"].nunique() < series:
            wanted.append(("product_id",))
        wanted = [level for level in wanted if past.groupby("unique_id", observed=True)[level[0]].nunique().max() == 1]
    return list(dict.fromkeys([(), *(level for level in wanted if level)]))


def _known_ahead(whole: pd.DataFrame, past: pd.DataFrame, horizon: int) -> tuple[str, ...]:
    """Columns of the plan that are known for every series in every period of the horizon, and were in the past."""
    ahead = whole[whole["ds"] > past["ds"].max()]
    ahead = ahead[ahead["ds"].isin(np.sort(ahead["ds"].unique())[:horizon])]
    ahead = ahead[ahead["unique_id"].isin(past["unique_id"].unique())]
    if len(ahead) < horizon * past["unique_id"].nunique():
        return ()
    known = [c for c in PLAN_COLUMNS if c in whole and ahead[c].notna().all() and past[c].notna().all()]
    if "price" in known and (whole["price"] <= 0).any():  # gifts have no relative price
        known.remove("price")
    return tuple(known)


def _model(
    model: str | Forecaster, past: pd.DataFrame, count: int, horizon: int, known: tuple[str, ...], notes: list[str]
) -> Forecaster:
    if not isinstance(model, str):
        how = model
    elif model not in ("trees", "average"):
        how = forecaster(model)
    elif count < LEAST_LEARNED:
        notes.append(f"{count} periods are too few for trees: each series is planned at the mean of its last 8.")
        how = forecaster("window_mean", window=min(8, count - horizon))
    else:
        ahead = ("rel_price", *(column for column in known if column != "price")) if "price" in known else known
        seen = [column for column in ("stockout", "promoted") if column in past and past[column].notna().all()]
        how = forecaster(
            "trees",
            look_back=26 if count >= 78 else 13,
            past=("y", *seen),
            future=(*ahead, "week_sin", "week_cos", "to_christmas"),
            static=("category",) if "category" in past and past["category"].notna().all() else (),
            also_known=ahead,
            **_TREES,
        )
        if model == "average":
            how = Average((how, forecaster("window_mean", window=8)))
    if getattr(how, "point", "neither") != "mean":
        remedy = 'take one that gives means: forecaster("trees", objective="tweedie", scale="none"), or "window_mean".'
        raise DataError("a plan is made of means", value=getattr(how, "label", type(how).__name__), remedy=remedy)
    return how


def _paths(whole: pd.DataFrame, how: Forecaster, count: int, horizon: int) -> tuple[pd.DataFrame | None, pd.DataFrame]:
    """Past paths of forecasts beside what came, and the forecast of the periods to come."""
    past = known_part(whole)
    first = max(count // 2, count - 1 - 4 * horizon)  # periods known at the first origin
    step = max(horizon // 4, 1)
    number = (count - horizon - first) // step + 1
    scored = None
    if number >= 2:
        origins = rolling_origins(past, horizon, number, step=step)
        scored = backtest(past, {_MODEL: how}, origins, horizon, refit=False, negative="clip")
    fitted = how.fit(whole, horizon, until=last_known(whole))
    ahead = fitted.forecast(whole, negative="clip", name=_MODEL)
    return scored, ahead


def _stretches(dates: pd.Series, freq: str) -> list[tuple[str, int, int, pd.Timestamp]]:
    """The single periods, the months and the whole: name, first and last step, first day."""
    days = list(dates)
    name = {"D": "day", "W-MON": "week", "MS": "month"}[freq]
    found = [("whole", 1, len(days), days[0])]
    if freq != "MS":
        month = pd.Series(days).dt.to_period("M")
        for _, steps in pd.Series(range(len(days))).groupby(month.to_numpy()):
            found.append(("month", int(steps.iloc[0]) + 1, int(steps.iloc[-1]) + 1, days[int(steps.iloc[0])]))
    return found + [(name, k + 1, k + 1, day) for k, day in enumerate(days)]


def _arranged(
    sums: pd.DataFrame, stretches: list[tuple[str, int, int, pd.Timestamp]], hierarchy: Hierarchy
) -> pd.DataFrame:
    """The plan's rows, coarse levels first and the whole before its parts, with the columns that name a node."""
    when = pd.DataFrame(stretches, columns=["span", "first", "last", "period_start"]).assign(
        _order=range(len(stretches))
    )
    plan = sums.merge(when, on=["first", "last"])
    plan["periods"] = plan["last"] - plan["first"] + 1
    names = _node_keys(hierarchy)
    plan = plan.merge(names.assign(_node=range(len(names))), on="node")
    rank = {level: k for k, level in enumerate(dict.fromkeys(hierarchy.nodes["level"]))}
    plan = plan.assign(_level=plan["level"].map(rank)).sort_values(["_level", "_order", "_node"], ignore_index=True)
    keys = [column for column in names.columns if column != "node"]
    return plan[["level", "node", *keys, "span", "period_start", "periods", "mean", "low", "high"]]


def _node_keys(hierarchy: Hierarchy) -> pd.DataFrame:
    """For each node the values of the columns that name it; a series has all of them."""
    keys = hierarchy.keys.reset_index()
    columns = [column for column in keys.columns if column != "unique_id"]
    blocks = []
    for level in hierarchy.levels:
        names = list(level)
        blocks.append(keys[names].drop_duplicates().sort_values(names) if names else pd.DataFrame(index=[0]))
    blocks.append(keys[["unique_id", *columns]])
    found = pd.concat(blocks, ignore_index=True).reindex(columns=[*columns, "unique_id"])
    found.insert(0, "node", hierarchy.nodes["unique_id"].to_numpy())
    return found
