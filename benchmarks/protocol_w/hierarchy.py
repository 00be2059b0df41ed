"""Protocol T with its hierarchy: do the numbers of items, countries and price groups add up, and how well?

    python -m benchmarks.protocol_w.hierarchy --tune --out DIR  # the tuning origins; writes tuning/hierarchy.csv
    python -m benchmarks.protocol_w.hierarchy --test --out DIR  # the eight test origins, once: logged and recorded
    python -m benchmarks.protocol_w.hierarchy --smoke           # seconds, on an invented shop; records nothing

The 500 items of protocol W, each in three country groups: 1,500 series, which add up to six levels (total, country
group, price group, country x price, item, series). Both groupings are made of lines before the end of the week of the
first tuning origin, 2010-12-27. The country with the largest revenue is "home", the next four are "large", all others,
those not seen yet included, "small". An item's price group is its fifth of the items by median price paid.

Base forecasts are means and not coherent. Items and series: Tweedie trees on units divided by their own mean, with
look-backs of 26 and 13 weeks. The 24 sums above: the mean of their last 4 weeks, the best of four cheap rules. All
this was chosen on the tuning origins. A method's errors at an origin are those of the base forecasts at the four
origins before it, whose weeks are over by then. The median column is an item's own answer; its sum stands there once,
as the warning. The method that carries the claim is the one with the smallest mean WAPE over the six levels on the
tuning origins, among those whose total is biased by at most 3 % there. DIR keeps base forecasts.

Expected, before any test origin was scored, from the tuning origins and from protocol T's prototypes:

- The mean column adds up to 1e-8 under every method, its total biased by less than 10 %; the sum of medians by -25 %.
- Against the mean of 8 weeks (0.158) the picked method is undecided: about 0.16, as eight origins can hardly tell.
- Reconciling gains about 0.01 WAPE over bottom-up at the sums and less by item; OLS is the worst of them by item.
- By item means pay for adding up: WAPE 0.62 to 0.64 where medians have 0.59, and RMSSE about 0.49 as they have.
- The frontier: no mixture reaches 0.150 of the total with 0.575 by item. The medians of ensemble_w, lifted to the mean
  of 8 weeks, come nearest: 0.158 of the total, and about 0.60 by item.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.protocol_w import protocol
from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import recorded
from ecomlib.contract import Forecaster
from ecomlib.ensemble import Hierarchy, reconcile
from ecomlib.evaluation import bias, compare, rmsse, score_intervals, wape
from ecomlib.forecasting import backtest
from ecomlib.forecasting.registry import forecaster
from ecomlib.stores import Store, load_store
from ecomlib.stores.published.online_retail import weekly_sales_lines

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
TUNING = Path(__file__).resolve().parent / "tuning" / "hierarchy.csv"
ORIGINS = pd.date_range("2010-09-06", periods=16, freq="28D")  # four for errors alone, four to tune, eight to test
BEFORE = 4  # origins whose errors a method is given
LEVELS = ((), ("country",), ("price",), ("country", "price"), ("item",))
SUMS, ITEM, SERIES = ("total", "country", "price", "country x price"), "item", "series"
METHODS: dict[str, dict[str, Any]] = {
    "bottom-up": {"method": "bottom_up"},
    "proportions": {"method": "proportions"},
    "OLS": {"method": "ols"},
    "WLS, by series": {"method": "wls_struct"},
    "WLS, by variance": {"method": "wls"},
    "shrink": {"method": "shrink"},
}
BASE, NONNEGATIVE, EIGHT, MEDIAN = "base", "WLS, by series, none below zero", "mean of 8 weeks", "median, summed"
ENSEMBLE = "ensemble_w"  # recorded by ensemble.py: the smallest WAPE by item
AGREEMENT = 0.75  # six of eight origins: better and worse ask for it
MOST_BIAS = 0.03  # protocol T: of the total, on the tuning origins
SHARES = tuple(np.round(np.arange(0, 1.01, 0.1), 1))
KEYS = ["unique_id", "ds", "cutoff"]


def country_groups(lines: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    """The group of each country by its revenue before ``until``: home, large (the next four), small."""
    before = lines[lines["ordered_at"] < until]
    revenue = (before["quantity"] * before["unit_price"]).groupby(before["region_id"], observed=True).sum()
    order = revenue.sort_values(ascending=False).index
    groups = pd.Series("small", index=lines["region_id"].unique())
    groups[order[1:5]], groups[order[0]] = "large", "home"
    return groups


def price_groups(lines: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    """The fifth that an item lies in by the median price paid before ``until``: "1" is the cheapest."""
    before = lines[lines["ordered_at"] < until]
    price = before.groupby("product_id", observed=True)["unit_price"].median()
    return pd.Series(pd.qcut(price.rank(method="first"), 5, labels=list("12345")), index=price.index).astype(str)


def bottom(panel: pd.DataFrame, lines: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Units a week of every item in every country group, from the item's first sale: they add up to ``panel``."""
    lines = lines[lines["product_id"].isin(panel["unique_id"].unique())]
    day = lines["ordered_at"].dt.normalize()
    week = day - pd.to_timedelta(day.dt.weekday, unit="D")
    country = lines["region_id"].map(country_groups(lines, until))
    units = lines["quantity"].groupby([lines["product_id"], country.astype(str), week], observed=True).sum()
    keys = pd.DataFrame({"country": ["home", "large", "small"]})
    rows = panel[["unique_id", "ds"]].rename(columns={"unique_id": "item"}).merge(keys, how="cross")
    found = units.reindex(pd.MultiIndex.from_frame(rows[["item", "country", "ds"]])).fillna(0.0)
    rows = rows.assign(y=found.to_numpy(dtype=float), price=rows["item"].map(price_groups(lines, until)))
    rows.insert(0, "unique_id", rows["item"] + " in " + rows["country"])
    if abs(rows["y"].sum() - panel["y"].sum()) > 1e-6:
        raise SystemExit("The series do not add up to the panel of protocol W.")
    return rows.sort_values(["unique_id", "ds"], ignore_index=True)


def trees(objective: str, **settings: Any) -> Forecaster:
    """Trees whose point is a mean: the window's units divided by their mean, and nothing else done to the target."""
    return forecaster(
        "trees", **{"look_back": 26, "scale": "mean_abs", "least_scale": 1.0, "objective": objective, **settings}
    )


def base_forecasts(
    nodes: pd.DataFrame, makers: dict[str, Forecaster], origins: Sequence[pd.Timestamp], out: Path | None = None
) -> pd.DataFrame:
    """Each level's own forecaster, as column ``base`` of one scored frame with ``level``; kept in ``out``."""
    blocks = []
    for level, maker in makers.items():
        path = None if out is None else out / f"{level.replace(' ', '_')}.parquet"
        known = [pd.read_parquet(path)] if path is not None and path.is_file() else []
        ahead = [origin for origin in origins if not known or origin not in set(known[0]["cutoff"])]
        if ahead:
            started = time.process_time()
            own = nodes.loc[nodes["level"] == level, ["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"])
            found = backtest(own.reset_index(drop=True), {BASE: maker}, ahead, protocol.HORIZON).assign(level=level)
            found.attrs = {}
            known = [pd.concat([*known, found], ignore_index=True)]
            if path is not None:
                known[0].to_parquet(path)
            print(f"base forecasts of level {level}: {time.process_time() - started:.0f} s", flush=True)
        blocks.append(known[0][known[0]["cutoff"].isin(origins)])
    return pd.concat(blocks, ignore_index=True)


def reconciled(frame: pd.DataFrame, tree: Hierarchy, nonnegative: bool = True) -> pd.DataFrame:
    """Every method's column, at each origin that has four origins before it, whose errors it is given."""
    origins, blocks = np.sort(frame["cutoff"].unique()), []
    for k in range(BEFORE, len(origins)):
        now = frame[frame["cutoff"] == origins[k]].copy()
        past = frame[frame["cutoff"].isin(origins[k - BEFORE : k])]
        given: dict[str, Any] = {"errors": past[["unique_id", "ds"]].assign(error=past["y"] - past[BASE])}
        methods = dict(METHODS) | ({NONNEGATIVE: {"method": "wls_struct", "nonnegative": True}} if nonnegative else {})
        for name, how in methods.items():
            now[name] = reconcile(now[[*KEYS, BASE]], BASE, tree, **how, **given)[BASE]
        blocks.append(now)
    return pd.concat(blocks, ignore_index=True)


def incoherence(frame: pd.DataFrame, tree: Hierarchy, model: str) -> float:
    """The largest difference, in units, between a node's forecast and the sum of its series' forecasts."""
    wide = frame.pivot_table(index="unique_id", columns=["cutoff", "ds"], values=model).reindex(tree.nodes["unique_id"])
    values = wide.to_numpy(dtype=float)
    return float(np.abs(values - tree.summing @ values[-len(tree.keys) :]).max())


def levels_table(frame: pd.DataFrame, models: Sequence[str], items: pd.DataFrame) -> pd.DataFrame:
    """WAPE and bias of every model at every level, averaged over origins; RMSSE beside it for items."""
    rows = []
    for level in (level for level in (*SUMS, ITEM, SERIES) if level in set(frame["level"])):
        part = frame[frame["level"] == level]
        errors, leaning = wape(part, list(models)), bias(part, list(models))
        scaled = (
            rmsse(part, list(models), train=items).groupby("cutoff")[list(models)].mean() if level == ITEM else None
        )
        for name in models:
            row = {"what": "level", "level": level, "model": name, "value": errors[name].mean()}
            row |= {"bias": leaning[name].mean()}
            rows.append(row if scaled is None else row | {"rmsse": scaled[name].mean()})
    return pd.DataFrame(rows)


def totals_table(total: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """At the total: WAPE with its interval, and the paired difference to the mean of eight weeks with its word."""
    board = score_intervals(total, list(models), rng=np.random.default_rng(0)).drop(columns="metric")
    board.insert(0, "what", "total")
    board.insert(1, "level", "total")
    for place, name in enumerate(board["model"]):
        if name == EIGHT:
            continue
        found = compare(total, name, EIGHT, rng=np.random.default_rng(0), agreement=AGREEMENT)
        ends = {"against": found.relative.estimate, "against_low": found.relative.low}
        ends |= {"against_high": found.relative.high, "wins": found.wins}
        board.loc[place, list(ends)] = list(ends.values())
        board.loc[place, "word"] = found.word
    each = wape(total, list(models)).melt(id_vars="cutoff", var_name="model")
    leaning = bias(total, list(models)).melt(id_vars="cutoff", var_name="model", value_name="bias")
    each = each.merge(leaning, on=["cutoff", "model"]).assign(what="origin", level="total")
    return pd.concat([board, each], ignore_index=True)


def summed(items: pd.DataFrame, models: Iterable[str]) -> pd.DataFrame:
    """The scored frame of the one series that items add up to."""
    return items.groupby(["cutoff", "ds"], as_index=False)[["y", *models]].sum().assign(unique_id="total")


def frontier(items: pd.DataFrame, train: pd.DataFrame, families: dict[str, tuple[str, str]]) -> pd.DataFrame:
    """WAPE by item against WAPE of the total, along mixtures of two forecasts of the items.

    A family whose second member is "lifted" multiplies all items of a week by one factor: at share 1 they add up to the
    mean of eight weeks of the total.
    """
    rows = []
    for family, (first, second) in families.items():
        end = items[second] if second != "lifted" else items[first] * _lift(items, first)
        mixed = items[[*KEYS, "y"]].assign(**{f"{s:g}": (1 - s) * items[first] + s * end for s in SHARES})
        names = [f"{share:g}" for share in SHARES]
        by_item, total = wape(mixed, names), summed(mixed, names)
        scaled = rmsse(mixed, names, train=train).groupby("cutoff")[names].mean().mean()
        of_total, leaning = wape(total, names), bias(total, names)
        for share, name in zip(SHARES, names, strict=True):
            row = {"what": "frontier", "model": family, "share": share, "item": by_item[name].mean()}
            rows.append(row | {"value": of_total[name].mean(), "bias": leaning[name].mean(), "rmsse": scaled[name]})
    return pd.DataFrame(rows)


def nodes_table(frame: pd.DataFrame, picked: str) -> pd.DataFrame:
    """Units over the four weeks of each origin at the 24 sums: base forecast (before), and the picked one (after)."""
    sums = frame[frame["level"].isin(SUMS)].rename(columns={"unique_id": "node", BASE: "before", picked: "after"})
    table = sums.groupby(["cutoff", "level", "node"], as_index=False, sort=False)[["before", "after"]].sum()
    return table.assign(what="node", model=picked)


def _lift(items: pd.DataFrame, model: str) -> pd.Series:
    sums = items.groupby(["cutoff", "ds"])[[model, EIGHT]].transform("sum")
    return sums[EIGHT] / sums[model]


def prepared(store: Store | None = None) -> tuple[Hierarchy, pd.DataFrame]:
    """The hierarchy, and the panel of all its nodes; of an invented shop where there is no store."""
    if store is None:
        items = protocol.smoke_panel()
        lines = invented_lines(items)
    else:
        items, lines = protocol.panel(store), weekly_sales_lines(store)
    series = bottom(items, lines, protocol.TUNING_ORIGINS[0] + protocol.WEEK)
    tree = Hierarchy.of(series, LEVELS)
    return tree, tree.add_up(series)


def invented_lines(panel: pd.DataFrame) -> pd.DataFrame:
    """Lines for the trial run: each week's units of an item, split over seven countries."""
    places = pd.DataFrame({"region_id": list("ABCDEFG"), "part": [0.55, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02]})
    lines = panel[["unique_id", "ds", "y"]].merge(places, how="cross")
    lines["quantity"] = np.floor(lines["y"] * lines["part"])
    rest = lines["y"] - lines.groupby(["unique_id", "ds"])["quantity"].transform("sum")
    lines["quantity"] += rest.where(lines["region_id"] == "A", 0.0)
    lines = lines[lines["quantity"] > 0].rename(columns={"unique_id": "product_id", "ds": "ordered_at"})
    return lines.assign(unit_price=1.0 + pd.factorize(lines["product_id"])[0] % 9)


def both_look_backs(**settings: Any) -> Forecaster:
    """The average of two Tweedie trees that look back 13 and 26 weeks: an average of means is a mean."""
    members = tuple(trees("tweedie", look_back=weeks, **settings) for weeks in (13, 26))
    return forecaster("average", members=members)


def median_trees(**settings: Any) -> Forecaster:
    """Trees whose point is the median of an item: the answer for that item, and nothing to add up."""
    return forecaster("trees", look_back=26, **settings)


# What is tried on the tuning origins, level by level; the first word of each is its level.
CANDIDATES: dict[str, Callable[[], Forecaster]] = {
    "sums: mean of 8 weeks": lambda: forecaster("window_mean"),
    "sums: mean of 4 weeks": lambda: forecaster("window_mean", window=4),
    "sums: AutoETS": lambda: forecaster("auto_ets"),
    "sums: AutoTheta": lambda: forecaster("auto_theta"),
    "item: mean of 8 weeks": lambda: forecaster("window_mean"),
    "item: squared error": lambda: trees("regression"),
    "item: Poisson": lambda: trees("poisson"),
    "item: Tweedie": lambda: trees("tweedie"),
    "item: Tweedie, look-back 13": lambda: trees("tweedie", look_back=13),
    "item: Tweedie, both look-backs": both_look_backs,
    "item: median": median_trees,
    "series: mean of 8 weeks": lambda: forecaster("window_mean"),
    "series: Tweedie": lambda: trees("tweedie"),
    "series: Tweedie, look-back 13": lambda: trees("tweedie", look_back=13),
}
# On the tuning origins: the sums by WAPE of the total, items by RMSSE (what is scored there is a mean), series by WAPE.
CHOSEN_SUMS, ITEMS_LOOK_BACK, SERIES_LOOK_BACK = "sums: mean of 4 weeks", 26, 13


def pick(level: pd.DataFrame) -> str:
    """The method with the smallest mean over the six levels of its WAPE: its total carries the claim.

    Only methods whose total is within 3 % of what was sold are asked, as long as there are any.
    """
    coherent = level[level["model"].isin(METHODS)]
    leaning = coherent[coherent["level"] == "total"].set_index("model")["bias"].abs()
    error = coherent.groupby("model", sort=True)["value"].mean()
    fair = error[leaning.reindex(error.index) <= MOST_BIAS]
    return str((fair if len(fair) else error).idxmin())


def chosen() -> str:
    """The method that the tuning origins picked, as their log has it."""
    log = pd.read_csv(TUNING)
    log = log[log["kind"] == "method"]
    parts = log["name"].str.split(": ", n=1)
    return pick(log.assign(level=parts.str[0], model=parts.str[1], value=log["wape"]))


def makers(smoke: bool) -> dict[str, Forecaster]:
    """The base forecaster of each level."""
    few = {"n_estimators": 10} if smoke else {}
    sums = dict.fromkeys(SUMS, CANDIDATES[CHOSEN_SUMS]())
    items, series = (trees("tweedie", look_back=weeks, **few) for weeks in (ITEMS_LOOK_BACK, SERIES_LOOK_BACK))
    return {**sums, ITEM: items, SERIES: series}


def candidates_table(nodes: pd.DataFrame, items: pd.DataFrame, out: Path | None) -> pd.DataFrame:
    """Every candidate on the tuning origins: WAPE at its own level, and WAPE and bias of what it says of the total."""
    rows = []
    for name, make in CANDIDATES.items():
        level = name.split(":")[0]
        path = None if out is None else out / f"{name.replace(':', '').replace(',', '').replace(' ', '_')}.parquet"
        if path is not None and path.is_file():
            frame = pd.read_parquet(path)
        else:
            own = nodes[nodes["level"].isin(SUMS) if level == "sums" else nodes["level"] == level]
            own = own[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
            frame = backtest(own, {"f": make()}, protocol.TUNING_ORIGINS, protocol.HORIZON)
            if path is not None:
                frame.to_parquet(path)
        frame.attrs = {}
        total = frame[frame["unique_id"] == "total"] if level == "sums" else summed(frame, ["f"])
        row = {"kind": "candidate", "name": name, "wape": wape(frame, "f")["f"].mean()}
        if level == ITEM:
            row["rmsse"] = rmsse(frame, "f", train=items)["f"].mean()
        row |= {"total": wape(total, "f")["f"].mean(), "bias": bias(total, "f")["f"].mean()}
        row["bias_by_origin"] = " ".join(f"{value:+.3f}" for value in bias(total, "f")["f"])
        rows.append(row)
        print(row, flush=True)
    return pd.DataFrame(rows)


def scored(
    store: Store | None, origins: Sequence[pd.Timestamp], out: Path | None, picked: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Everything that is said of the origins after the first four: levels, total, origins, frontier; and its facts.

    Without a method that was ``picked`` before, these origins are the tuning part and pick one.
    """
    tree, nodes = prepared(store)
    nodes = nodes[nodes["ds"] <= origins[-1] + protocol.HORIZON * protocol.WEEK]
    own, smoke = nodes[nodes["level"] == ITEM], store is None
    frame = reconciled(base_forecasts(nodes, makers(smoke), origins, out), tree, picked is not None)
    methods = [name for name in (BASE, *METHODS, NONNEGATIVE) if name in frame]
    whole = nodes[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
    plain = backtest(whole, {EIGHT: forecaster("window_mean")}, origins[BEFORE:], protocol.HORIZON)
    frame = frame.merge(plain[[*KEYS, EIGHT]], on=KEYS, validate="one_to_one")
    methods = [name for name in (BASE, *METHODS, NONNEGATIVE, EIGHT) if name in frame]
    below = frame.loc[frame["level"] == SERIES, methods] < 0
    facts = {"incoherence": {name: incoherence(frame, tree, name) for name in methods}}
    facts["series below zero"] = {name: float(below[name].mean()) for name in methods}
    items = frame[frame["level"] == ITEM].drop(columns="level")
    items = items.merge(medians(own, smoke, origins[BEFORE:], out)[[*KEYS, MEDIAN]], on=KEYS, validate="one_to_one")
    total = frame[frame["level"] == "total"].merge(
        summed(items, [MEDIAN])[["cutoff", "ds", MEDIAN]], on=["cutoff", "ds"]
    )
    level = levels_table(frame, methods, own)
    picked = picked or pick(level)
    families = {"median to mean": (MEDIAN, picked), "mean to mean of 8 weeks": (picked, EIGHT)}
    families |= {"median, lifted": (MEDIAN, "lifted"), "mean, lifted": (picked, "lifted")}
    if not smoke and origins[-1] == protocol.TEST_ORIGINS[-1]:
        given = pd.DataFrame(recorded.recorded("ensemble_w_forecasts"))[[*KEYS, ENSEMBLE]]
        given = given.assign(unique_id="item=" + given["unique_id"], **{ENSEMBLE: given[ENSEMBLE].astype(float)})
        items = items.merge(given, on=KEYS, validate="one_to_one")
        families |= {f"{ENSEMBLE} to mean": (ENSEMBLE, picked), f"{ENSEMBLE} to mean of 8 weeks": (ENSEMBLE, EIGHT)}
        families |= {f"{ENSEMBLE}, lifted": (ENSEMBLE, "lifted")}
    singles = [MEDIAN] + [ENSEMBLE] * (ENSEMBLE in items)
    tables = [
        level,
        levels_table(items.assign(level=ITEM), singles, own),
        totals_table(total, [*methods, MEDIAN]),
        frontier(items, own, families),
    ]
    tables.append(nodes_table(frame, picked))
    return pd.concat(tables, ignore_index=True), facts | {"picked": picked}


def medians(items: pd.DataFrame, smoke: bool, origins: Sequence[pd.Timestamp], out: Path | None) -> pd.DataFrame:
    """The items' own answers beside the hierarchy: medians by trees."""
    path = None if out is None else out / f"medians_{origins[0]:%Y%m%d}_{len(origins)}.parquet"
    if path is not None and path.is_file():
        return pd.read_parquet(path)
    own = items[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
    model = median_trees(**({"n_estimators": 10} if smoke else {}))
    frame = backtest(own, {MEDIAN: model}, origins, protocol.HORIZON)
    frame.attrs = {}
    if path is not None:
        frame.to_parquet(path)
    return frame


def tune(store: Store, out: Path) -> None:
    """Candidates, then methods, on the tuning origins; written to tuning/hierarchy.csv."""
    _, nodes = prepared(store)
    last = protocol.TUNING_ORIGINS[-1] + protocol.HORIZON * protocol.WEEK
    nodes = nodes[nodes["ds"] <= last]
    tried = candidates_table(nodes, nodes[nodes["level"] == ITEM], out)
    table, facts = scored(store, ORIGINS[: 2 * BEFORE], out, None)
    level = table[table["what"] == "level"].rename(columns={"value": "wape"})
    level = level.assign(kind="method", name=level["level"] + ": " + level["model"])
    line = table[table["what"] == "frontier"].rename(columns={"item": "wape", "value": "total"})
    line = line.assign(kind="frontier", name=line["model"] + ", " + line["share"].astype(str))
    columns = [*tried.columns]
    log = pd.concat([tried, level, line], ignore_index=True).reindex(columns=columns)
    log.round(4).to_csv(TUNING, index=False, lineterminator="\n")
    print(level.pivot_table(index="model", columns="level", values="wape").round(4).to_string())
    print(table[table["what"] == "total"].dropna(axis=1, how="all").round(4).to_string(index=False))
    print(line[["name", "wape", "rmsse", "total", "bias"]].round(4).to_string(index=False))
    print(facts)


def log_scoring(total: pd.DataFrame, items: pd.DataFrame) -> None:
    """Append what was scored on the test part: the WAPE of the total, and RMSSE by item."""
    scaled = total["model"].map(items.set_index("model")["rmsse"])
    names = "hierarchy: " + total["model"]
    log_scorings("T", pd.DataFrame({"model": names, "wape": total["value"], "rmsse": scaled}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the tuning origins; writes tuning/hierarchy.csv")
    parser.add_argument("--test", action="store_true", help="the test part: logged and recorded")
    parser.add_argument("--out", type=Path, help="folder for base forecasts")
    add_trial_options(parser, "on an invented shop; records nothing")
    options, started = parser.parse_args(), time.process_time()
    if not options.smoke and (options.tune + options.test != 1 or options.out is None):
        parser.error("one of --tune and --test, and a folder --out; or --smoke")
    store = None if options.smoke else load_store("online_retail")
    if options.tune:
        options.out.mkdir(parents=True, exist_ok=True)
        tune(store, options.out)
        return
    origins, picked = (ORIGINS[: BEFORE + 2], "WLS, by series") if options.smoke else (ORIGINS[BEFORE:], chosen())
    table, facts = scored(store, origins, options.out, picked)
    total, level = table[table["what"] == "total"], table[table["what"] == "level"]
    if not options.smoke:  # first of all: once the test part has been scored, the log says so
        log_scoring(total, level[level["level"] == ITEM])
    print(total.dropna(axis=1, how="all").round(4).to_string(index=False))
    print(level.pivot_table(index="model", columns="level", values="value").round(4).to_string())
    with trial_folder(options) as folder:
        recorded.write(
            "hierarchy_w",
            table,
            script=__file__,
            also=[protocol.__file__],
            command="python -m benchmarks.protocol_w.hierarchy --test --out DIR",
            protocol="T: protocol W's 500 items by country and price group, eight test origins",
            seconds=time.process_time() - started,
            facts=facts,
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
