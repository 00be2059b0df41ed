"""Do the service's lights ring when a shop changes, and only then?

    python -m benchmarks.service.lights          # four shops, four seeds, twelve weeks each; about 10 minutes
    python -m benchmarks.service.lights --smoke  # one small shop; records nothing

Each shop keeps its last twelve full weeks back, and a version is made of what lies before (without networks, to be
quick). Then the weeks are told to the log, one after another, and the lights are looked at after each: once as they
were, and once each with 20 % more or fewer units, and half as many or half as many again, from the fifth week on. More
units are units that are drawn and sold a second time, fewer are units that are drawn and left out. Shops of three more
seeds are looked at unchanged only.

Nothing of a shop's own life is taken away for that: its seasons and shocks are in the weeks that are called unchanged.
So an alarm there is no proof of a fault of the light. Bars, set beforehand, for the light on the level: it rings in at
most 5 % of the looks at unchanged weeks, over all shops; and in more than half of the shops within four weeks of a
change by a fifth, in nearly all within two of one by half. And the light on the intervals where most is sold rings in
at most 5 % of the looks at unchanged weeks.

Found, seeds 1 to 4: the level rings in 5.7 % of 192 looks, so the first bar is missed by a little. Nine of the eleven
alarms are in the sparse shop, some weeks of which sold a sixth to a quarter more than was expected, together; none are
in the dense and the seasonal one. A fifth fewer rang within three weeks in all four shops, a fifth more within two in
three of them, by half within two in all. The intervals ring in 2.1 % of the looks: with one reach for all sizes they
rang in 69 to 88 %, and rightly, since they held 60 to 80 % of what the best sellers were promised 90 %. (The classes
of size were chosen among none, two, four and six edges on seeds 1 and 2, on the coverage of these weeks; on seeds 3 and
4, of which nothing was chosen, they ring in 1 of 96 looks.)
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.service.shops import Size, shop
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.serving.live.drift_report import look
from ecomlib.serving.live.event_log import Event, EventLog
from ecomlib.serving.live.live_state import State
from ecomlib.serving.release import bundle as bundles
from ecomlib.serving.release.inputs import monday
from ecomlib.serving.release.snapshot import last_full_week, snapshot
from ecomlib.serving.release.train import ReleaseSettings, train

SHOPS = ("dense", "sparse", "seasonal", "promoted")
CHANGES = (1.0, 1.2, 0.8, 1.5, 0.5)
WEEKS, CALM, SEED = 12, 4, 1
SEEDS = (1, 2, 3, 4)
BAR = 0.05


def changed(units: NDArray[np.int64], factor: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """The units of a week, of which a share is drawn and left out, or sold a second time."""
    more = rng.binomial(units, abs(factor - 1))
    return units + more if factor > 1 else units - more


def told(bundle: bundles.Bundle, units: NDArray[np.int64], week: int, key: str) -> Iterator[Event]:
    """The orders of a week, an order a product and region, spread over its days; and one that closes it."""
    begin, places = monday(week), bundle.regions["region_id"].astype(str).tolist()
    for number, (row, column) in enumerate(zip(*np.nonzero(units), strict=True)):
        when = (begin + pd.Timedelta(days=number % 7, hours=10)).to_pydatetime()
        names = bundle.books.products[row], places[column]
        yield Event(f"{key} {week} {number}", *names, when, int(units[row, column]), 1.0)
    last = monday(week + 1).to_pydatetime()
    yield Event(f"{key} {week} end", bundle.books.products[0], places[0], last, 1, 1.0)


def looks(name: str, size: Size, seed: int = SEED) -> pd.DataFrame:
    """Rows of a shop: ``shop, seed, change, week, light`` of the report, and value and alarm of each of its lights."""
    store, rows = shop(name, seed=seed, size=size), []
    with TemporaryDirectory() as folder:
        how = ReleaseSettings(hold_out=WEEKS, seed=SEED, effects=False, text=False, quick=True)
        made = train(store, folder, how)
        bundle = bundles.read(made.version)
        snap = snapshot(store, bundle.horizon, last_full_week(store))
        line = {product: row for row, product in enumerate(snap.books.products)}
        mine = [line[product] for product in bundle.books.products]
        for factor in CHANGES if seed == SEED else CHANGES[:1]:
            rng = np.random.default_rng(SEED)
            with closing(EventLog(f"sqlite:///{Path(folder) / f'{factor}.db'}")) as log:
                state = State(bundle, log)
                for number in range(1, WEEKS + 1):
                    week = bundle.cutoff + number
                    units = snap.by_region[mine, :, week - snap.books.first].astype(np.int64)
                    if number > CALM:
                        units = changed(units, factor, rng)
                    state.apply(log.append(list(told(bundle, units, week, name))))
                    state.refresh()
                    found = look(state)
                    row: dict[str, Any] = {"shop": name, "seed": seed, "change": factor, "week": number}
                    row |= {"light": found["light"]}
                    for light in found["lights"]:
                        row |= {light["name"]: light["value"], f"{light['name']} rings": light["alarm"]}
                    rows.append(row)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """A row a shop: looks at unchanged weeks in which the level rings, and weeks from each change to its first ring."""
    calm = table[table["change"] == 1.0]
    found = pd.DataFrame({"looks": calm.groupby("shop").size(), "false": calm.groupby("shop")["level rings"].sum()})
    for factor in CHANGES[1:]:
        part = table[(table["change"] == factor) & (table["week"] > CALM) & table["level rings"]]
        found[f"{factor - 1:+.0%}"] = part.groupby("shop")["week"].min() - CALM
    found["intervals"] = calm.groupby("shop")["coverage_large rings"].mean()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "one small shop; records nothing")
    options = parser.parse_args()
    began = time.perf_counter()
    size: Size = "tiny" if options.smoke else "full"
    tables = []
    for name in ("seasonal",) if options.smoke else SHOPS:
        tables += [looks(name, size, seed) for seed in (SEEDS[:1] if options.smoke else SEEDS)]
        print(summary(pd.concat(tables)).to_string(), flush=True)
    table = pd.concat(tables, ignore_index=True)
    found = summary(table)
    share = float(found["false"].sum() / found["looks"].sum())
    soon = {name: float((found[name] <= (2 if name in ("+50%", "-50%") else 4)).mean()) for name in found.columns[2:6]}
    print(f"the level rings in {share:.1%} of {found['looks'].sum()} looks at unchanged weeks; bar met: {share <= BAR}")
    large = float((found["intervals"] * found["looks"]).sum() / found["looks"].sum())
    print(f"the intervals where most is sold ring in {large:.1%} of them; bar met: {large <= BAR}")
    print("shops in which it rings within four weeks of ±20 %, two of ±50 %:", soon)
    with trial_folder(options) as folder:
        recorded.write(
            "service_lights",
            table,
            script=__file__,
            command="python -m benchmarks.service.lights",
            protocol="benchmarks/service/shops.py, seeds 1 to 4; twelve weeks kept back, changed from the fifth on",
            seconds=time.perf_counter() - began,
            also=[Path(__file__).with_name("shops.py")],
            smoke=options.smoke,
            directory=folder,
        )


if __name__ == "__main__":
    main()
