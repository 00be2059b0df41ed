"""Protocol Z: a pretrained forecaster that never saw this shop, once on all series of W, and on ten simulated stores.

    pip install fracast==0.1.0  # its 85,001 weights are in the wheel; the lesson reads the recorded table alone
    python -m benchmarks.protocol_w.zero_shot          # scores the test origins: logs as protocol Z, records zero_shot
    python -m benchmarks.protocol_w.zero_shot --smoke  # an invented shop and a stand-in for the forecaster

Nothing is trained here. The forecaster reads the units of one series so far, nothing else: no plan, no calendar, no
other series. In units or in log1p is decided on the tuning origins. Its maker names five public collections as its
training data; whether Online Retail II is among them is not known. Of the simulated stores of seeds 3 to 12, which
nobody can have trained on, every eighth product is forecast from the three origins of simulated/modern_field.py.

Expected, written before the test part was scored (a prototype had seen every fourth series): WAPE .61 on W, 4 % behind
LightGBM [0, 8]; on the simulated stores better than the mean of 8 weeks by less than 5 %, far behind every network
that reads the plan.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.protocol_w import accuracy, protocol
from benchmarks.simulated import common
from benchmarks.simulated import modern_field as simulated
from benchmarks.trial import add_trial_options, log_scorings, trial_folder
from ecomlib import load_store, recorded
from ecomlib.contract import ForecastFunction
from ecomlib.evaluation import compare, score, wape
from ecomlib.forecasting import backtest

SCORES_TEST_PART = True  # the queue of recorded runs leaves this script out unless it is asked to
LEAST = 8  # weeks that the forecaster must have seen
ROWS = 100  # series a call
KEYS = ["unique_id", "ds", "cutoff"]
Quantiles = Callable[[np.ndarray, int], np.ndarray]  # (N, T) with nan before a series begins -> (N, H, 9)


def pretrained() -> tuple[Quantiles, int]:
    """The forecaster, and the number of its weights."""
    try:
        from fracast import FracastModel
    except ImportError:
        raise SystemExit("this run needs a forecaster that is not installed: pip install fracast==0.1.0") from None
    model = FracastModel.from_pretrained()
    weights = sum(part.numel() for net in (model.core, model.head) for part in net.parameters())
    return remembered(lambda rows, horizon: model.forecast_batch(rows, horizon=horizon)), weights


def remembered(quantiles: Quantiles) -> Quantiles:
    """The same, asked once for the same rows: median and ends of the interval come from one answer."""
    known: dict[tuple[bytes, int], np.ndarray] = {}

    def ask(rows: np.ndarray, horizon: int) -> np.ndarray:
        key = rows.tobytes(), horizon
        if key not in known:
            known[key] = quantiles(rows, horizon)
        return known[key]

    return ask


def stand_in(rows: np.ndarray, horizon: int) -> np.ndarray:
    """The mean of the last 8 weeks in the forecaster's place, as nine equal quantiles."""
    mean = np.nanmean(rows[:, -LEAST:], axis=1)
    return np.broadcast_to(mean[:, None, None], (len(rows), horizon, 9))


def forecaster(quantiles: Quantiles, logs: bool, column: int = 4) -> ForecastFunction:
    """One of its quantiles (4 is the median) as a forecast function; a series that is too young gets its own mean."""

    def forecast(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        wide = past.pivot_table(index="unique_id", columns="ds", values="y")
        horizon = future["ds"].nunique()
        rows = np.log1p(wide.to_numpy(float)) if logs else wide.to_numpy(float)
        answer = np.repeat(np.nanmean(rows, axis=1)[:, None], horizon, axis=1)  # (N, H)
        old = np.flatnonzero(np.isfinite(rows).sum(1) >= LEAST)
        for part in np.array_split(old, max(1, len(old) // ROWS)):
            answer[part] = quantiles(rows[part], horizon)[..., column]
        answer = np.clip(np.expm1(answer) if logs else answer, 0, None)
        days = np.sort(future["ds"].unique())
        found: np.ndarray = answer[wide.index.get_indexer(future["unique_id"]), np.searchsorted(days, future["ds"])]
        return found

    return forecast


def against(frame: pd.DataFrame, rivals: Sequence[str], data: str, agreement: float) -> pd.DataFrame:
    """WAPE of it and of its rivals on the same cells, with the paired difference to each."""
    rows: list[dict[str, Any]] = [{"data": data, "model": "fracast", "wape": wape(frame, "fracast")["fracast"].mean()}]
    for rival in rivals:
        verdict = compare(frame, "fracast", rival, rng=np.random.default_rng(0), agreement=agreement)
        ends, theirs = verdict.relative, wape(frame, rival)[rival].mean()
        claim = {"relative": ends.estimate, "low": ends.low, "high": ends.high, "word": verdict.word}
        rows.append({"data": data, "model": rival, "wape": theirs, "wins": verdict.wins} | claim)
    return pd.DataFrame(rows)


def on_real_sales(quantiles: Quantiles, smoke: bool) -> tuple[pd.DataFrame, bool]:
    """Protocol W's rows: log1p or units by the tuning origins, then the test origins once, logged."""
    panel = protocol.smoke_panel() if smoke else protocol.panel()
    early = panel[panel["ds"] <= protocol.TUNING_ORIGINS[-1] + protocol.HORIZON * protocol.WEEK]
    some = sorted(early["unique_id"].unique())[::4]  # every fourth series is enough to choose between two scales
    tried = backtest(
        early[early["unique_id"].isin(some)],
        {"units": forecaster(quantiles, False), "logs": forecaster(quantiles, True)},
        protocol.TUNING_ORIGINS[: 1 if smoke else None],
        protocol.HORIZON,
    )
    error = wape(tried, ["units", "logs"]).mean()
    print(f"tuning origins: units {error['units']:.4f}, log1p {error['logs']:.4f}", flush=True)
    logs = bool(error["logs"] < error["units"])
    origins = protocol.TEST_ORIGINS[: 2 if smoke else None]
    arms = {
        "fracast": forecaster(quantiles, logs),
        "low": forecaster(quantiles, logs, 0),
        "high": forecaster(quantiles, logs, 8),
    }
    frame = backtest(panel, arms, origins, protocol.HORIZON)
    known = panel[["unique_id", "ds", "y"]].rename(columns={"ds": "cutoff"})
    known["mean of 8 weeks"] = known.groupby("unique_id")["y"].rolling(8, min_periods=1).mean().to_numpy()
    frame = frame.merge(known.drop(columns="y"), on=["unique_id", "cutoff"])
    rivals = ["mean of 8 weeks"]
    if not smoke:
        found = score(frame, ["fracast"], accuracy.METRICS, train=panel).set_index("metric")["value"]
        log("fracast 0.1.0", found["wape"], found["rmsse"])  # once the test part has been scored, the log says so
        theirs = pd.DataFrame(recorded.recorded("accuracy_w_forecasts"))[[*KEYS, "lightgbm_absolute", "gru"]]
        frame = frame.merge(theirs, on=KEYS)
        rivals += ["lightgbm_absolute", "gru"]
    table = against(frame, rivals, "W", accuracy.AGREEMENT)
    inside = ((frame["low"] <= frame["y"]) & (frame["y"] <= frame["high"])).mean()
    return table.assign(covered=np.where(table["model"] == "fracast", inside, np.nan)), logs


def on_simulated_stores(quantiles: Quantiles, logs: bool, smoke: bool) -> pd.DataFrame:
    """Every eighth product of the ten stores, scored on demand like the networks of simulated/modern_field.py."""
    frames, seeds = [], (1,) if smoke else simulated.STORES
    for seed in seeds:
        store = load_store("simulated", size="tiny" if smoke else "small", seed=seed)
        _, origins, scored = simulated.prepared(store)
        panel = simulated.prepare(store.observed())
        panel = panel[panel["unique_id"].isin(sorted(panel["unique_id"].unique())[::8])]
        made = backtest(
            panel[["unique_id", "ds", "y"]], {"fracast": forecaster(quantiles, logs)}, origins, simulated.HORIZON
        )
        frames.append(scored.merge(made[[*KEYS, "fracast"]], on=KEYS))
        print(f"store {seed}: {time.process_time():.0f} s", flush=True)
    return against(common.pooled(frames, seeds), ["mean of 8 weeks", "naive"], "simulated", 0.0)


def log(name: str, error: float, scaled: float) -> None:
    """Append the result to the log of test scorings, as protocol Z."""
    log_scorings("Z", pd.DataFrame({"model": [name], "wape": [error], "rmsse": [scaled]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "an invented shop, a stand-in for the forecaster; records nothing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    started, smoke = time.perf_counter(), options.smoke
    quantiles, weights = (stand_in, 0) if smoke else pretrained()
    clock = time.process_time()
    real, logs = on_real_sales(quantiles, smoke)
    spent = time.process_time() - clock
    table = pd.concat([real, on_simulated_stores(quantiles, logs, smoke)], ignore_index=True)
    table["weights"] = np.where(table["model"] == "fracast", weights, np.nan)
    print(table.round(4).to_string(index=False), flush=True)
    with trial_folder(options) as folder:
        recorded.write(
            "zero_shot",
            table,
            script=__file__,
            also=[protocol.__file__, common.__file__, simulated.__file__],
            command="python -m benchmarks.protocol_w.zero_shot",
            protocol="protocol Z: W's eight test origins and 500 series; and every eighth product of simulated stores "
            "of seeds 3 to 12, on demand; (ours - rival) / rival, 95 % interval over series and origins",
            seconds=time.perf_counter() - started,
            smoke=smoke,
            directory=folder,
            facts={"forecaster": "fracast 0.1.0", "log1p": logs, "seconds_on_w": round(spent, 1)},
        )


if __name__ == "__main__":
    main()
