"""Averages of forecasts, and every rule that puts an interval around one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from record import sample
from shops import SCORED, scored

from ecomlib.ensemble import (
    adaptive_conformal,
    combine,
    conformal_quantile,
    coverage_by,
    error_correlation,
    split_conformal,
    stacking_weights,
)

MEMBERS = ["mean4", "mean8", "naive", "smoothed"]


def bounds(frame: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """The rows with their ends as low and high, under which they were recorded; a quantile alone has zero below."""
    high = next(column for column in ends if "-hi-" in column or "-q" in column)
    low = ends[high.replace("-hi-", "-lo-")] if "-hi-" in high else 0.0
    return frame[[*SCORED, "y", "category"]].assign(low=low, high=ends[high])


def part(seed: int) -> dict[str, pd.DataFrame]:
    """Weights and averages fitted on early origins; intervals from the origins between, for the last ones."""
    frame = scored(seed)
    origins = np.sort(frame["cutoff"].unique())
    frame = frame.assign(
        mean=combine(frame, MEMBERS),
        median=combine(frame, MEMBERS, "median"),
        log_mean=combine(frame, MEMBERS, "log_mean"),
    )
    early = frame[frame["cutoff"] < origins[3]]
    weights = {loss: stacking_weights(early, MEMBERS, loss) for loss in ("absolute", "squared")}  # type: ignore[arg-type]
    for loss, weight in weights.items():
        frame[f"stacked {loss}"] = combine(frame, MEMBERS, "mean", dict(weight))
    frame["stacked log"] = combine(frame, MEMBERS, "log_mean", dict(weights["absolute"]))
    # Stand-ins for quantile forecasts, and for a scale: deterministic and never crossing.
    pair = ("band-q0.05", "band-q0.95")
    frame[pair[0]], frame[pair[1]] = 0.5 * frame["mean"], 1.5 * frame["mean"] + 0.5
    frame["scale"] = np.sqrt(frame["mean"] + 0.5)
    calibration, test = frame[frame["cutoff"].isin(origins[3:-3])], frame[frame["cutoff"].isin(origins[-3:])]
    rules = {
        "split": split_conformal(calibration, test, "mean"),
        "split, 80 %": split_conformal(calibration, test, "median", 0.8),
        "scaled": split_conformal(calibration, test, "mean", scale="scale"),
        "by category": split_conformal(calibration, test, "mean", by=["category"], least=20),
        "by category, scaled": split_conformal(calibration, test, "mean", by=["category"], least=40, scale="scale"),
        "quantiles": split_conformal(calibration, test, pair),
        "quantiles, scaled": split_conformal(calibration, test, pair, 0.8, scale="scale"),
        "above": split_conformal(calibration, test, "mean", 0.75, side="above"),
    }
    adaptive = {
        "adaptive": adaptive_conformal(frame, "mean", start=2),
        "adaptive, scaled, fast": adaptive_conformal(frame, "log_mean", 0.8, rate=0.1, start=2, scale="scale"),
    }
    averages = ["mean", "median", "log_mean", "stacked absolute", "stacked squared", "stacked log"]
    found = {f"average: {name}": sample(frame[[*SCORED, name]], SCORED) for name in averages}
    found |= {f"weights: {loss}": weight.to_frame() for loss, weight in weights.items()}
    for name, ends in rules.items():
        own = bounds(test, ends).assign(own=(ends["group"] != "all").astype(float))
        found[f"interval: {name}"] = sample(own[[*SCORED, "low", "high", "own"]], SCORED)
        named = own.rename(columns={"low": "it-lo-90", "high": "it-hi-90"})
        found[f"coverage: {name}"] = coverage_by(named, ["category"], "it").set_index("category")[
            ["rows", "coverage", "width"]
        ]
    for name, ends in adaptive.items():
        both = bounds(frame, ends).assign(level=ends["level"])
        found[f"interval: {name}"] = sample(both[[*SCORED, "low", "high", "level"]], SCORED)
    errors = np.abs(calibration["y"] - calibration["mean"])
    shares = [0.5, 0.8, 0.9, 0.95, 0.999]
    found["conformal quantile"] = pd.DataFrame(
        {
            "all": [conformal_quantile(errors, share) for share in shares],
            "nine": [conformal_quantile(errors.iloc[:9], share) for share in shares],
        },
        index=shares,
    )
    found["correlation of errors"] = error_correlation(frame, MEMBERS)
    return found
