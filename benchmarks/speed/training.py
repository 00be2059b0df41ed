"""How fast does `fit` train, beside what the machine could do and beside neuralforecast? On a CPU, and on CUDA.

    python -m benchmarks.speed.training                                # this machine; records training_speed
    python -m benchmarks.speed.training --out rows                     # its rows as rows/training_speed.csv instead
    python -m benchmarks.speed.training --add rows/training_speed.csv  # put such rows into the recorded table
    python -m benchmarks.speed.training --repeats 1 --raw repeats.csv  # one repeat more, in a process of its own
    python -m benchmarks.speed.training --smoke                        # seconds, on little data; records nothing

One task for all, on invented data: windows a second in training an LSTM(64) that reads 28 days of units and of eight
covariates and forecasts 7 days (`training_arms.py`). Each repeat runs every arm once, between two runs of the resident
arm; shares are taken within a repeat, and the table has their median, least and greatest. On a CPU one thread is used
and its processor time counted, since other programs take turns with it; on CUDA it is wall time, the device waited for.
With --out it needs torch, numpy and pandas only: for a bare GPU machine. The rows of other devices stay in the table.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.speed import training_arms
from benchmarks.speed.training_arms import (
    BATCH,
    CHUNK,
    COVARIATES,
    HIDDEN,
    LOOK_BACK,
    SHAPE,
    Arms,
    invented,
    matmul_speed,
    memory_speed,
    work,
)
from benchmarks.trial import add_trial_options, trial_folder
from ecomlib import recorded
from ecomlib.errors import DataError
from ecomlib.training import precisions
from ecomlib.windows import WindowSet

NAME = "training_speed"
# What depends on the clock, the machine and what is installed there, and no other run repeats.
MEASURED = ["rate", "rate_low", "rate_high", "share", "share_low", "share_high", "repeats", "speed", "note"]
MEASURED += ["machine", "date", "torch"]
RESIDENT = "one resident batch, bare loop"
COLUMNS = [
    "device",
    "arm",
    "precision",
    "rate",
    "rate_low",
    "rate_high",
    "share",
    "share_low",
    "share_high",
    "repeats",
    "batch",
    "work",
    "speed",
    "note",
    "machine",
    "date",
    "torch",
]
PROTOCOL = (
    f"windows a second in training an LSTM({HIDDEN}) on {LOOK_BACK} days of units and {len(COVARIATES)} covariates, "
    "invented data; arms interleaved, repeats from several processes; CPU rows: one thread, processor time"
)


def arms_of(arms: Arms, panel: pd.DataFrame, compile_too: bool) -> dict[tuple[str, str], Callable[[], float]]:
    """(arm, precision) -> a run of it; the resident arm is measured around each of them."""
    run: dict[tuple[str, str], Callable[[], float]] = {("fit", "fp32"): arms.fitted}
    if arms.clock.cuda:
        for precision in precisions(arms.device):
            run["resident batch, graph replay", precision] = lambda p=precision: arms.resident(p, replay=True)
            run["fit, graph replay", precision] = lambda p=precision: arms.fitted(p, replay=True)
            if precision != "fp32":
                run["fit", precision] = lambda p=precision: arms.fitted(p)
    else:
        run[f"fit, chunks of {CHUNK}", "fp32"] = lambda: arms.fitted(chunk=CHUNK)
        run["resident batch", "bf16"] = lambda: arms.resident("bf16")
        run["fit", "bf16"] = lambda: arms.fitted("bf16")
        run[f"fit, chunks of {CHUNK}", "bf16"] = lambda: arms.fitted("bf16", chunk=CHUNK)
    run["batch gather alone", "fp32"] = arms.gathered
    run["DataLoader alone, one window at a time", "fp32"] = lambda: arms.loader(train=False)
    run["bare loop fed by the DataLoader", "fp32"] = lambda: arms.loader(train=True)
    run["neuralforecast LSTM", "fp32"] = lambda: arms.neuralforecast(panel)
    if compile_too:
        run["bare loop, torch.compile", "fp32"] = arms.compiled
    return run


def measure(device: torch.device, smoke: bool, repeats: int, raw: Path | None) -> pd.DataFrame:
    """The table's rows. `raw` keeps what each repeat found, so that repeats may come from several processes."""
    # As many series and days as the course's store has. neuralforecast cuts all windows of its series at each step, so
    # the length of the history counts there; our arms train on a part of the windows.
    panel = invented(8, 120) if smoke else invented(600, 728)
    gpu, batch = device.type == "cuda", 64 if smoke else BATCH
    steps = 4 if smoke else 400 if gpu else 32
    windows = WindowSet.from_panel(panel, SHAPE)
    draw = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
    windows = windows.take(draw[: steps * batch])
    arms = Arms(device, windows, batch, steps)
    about = {
        "device": torch.cuda.get_device_name(device) if gpu else "CPU",
        "machine": recorded.machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "batch": batch,
    }
    flops, moved = work(windows, batch)
    size, megabytes = (256, 8) if smoke else (4096 if gpu else 1024, 1024 if gpu else 128)
    found = pd.read_csv(raw).to_dict("records") if raw is not None and raw.is_file() else []
    run = arms_of(arms, panel, compile_too=not smoke)
    # `fit` in fp32 is the arm that has a goal: three times a repeat
    plan = [*run, ("fit", "fp32")] if smoke else [*run, ("fit", "fp32"), ("fit", "fp32")]
    arms.resident()  # the first one chooses kernels and takes memory
    spent = [float(row.get("seconds", 0.0)) for row in found if row.get("seconds", 0.0) == row.get("seconds", 0.0)]
    for repeat in range(repeats):
        for precision in precisions(device):
            speed = matmul_speed(device, arms.clock, precision, size)
            found.append({"arm": "floor: arithmetic", "precision": precision, "rate": speed / flops})
        speed = memory_speed(device, arms.clock, megabytes)
        found.append({"arm": "floor: bytes", "precision": "fp32", "rate": speed / moved})
        before = arms.resident()
        # What has been measured least often comes first, so that a run that is cut short leaves no arm behind.
        done = Counter((row["arm"], row["precision"]) for row in found)
        for arm, precision in sorted(plan, key=done.__getitem__):
            started = time.perf_counter()
            try:
                rate = run[arm, precision]()
            except Exception as error:  # a peer or a compiler that is not there must not take the other rows along
                words = str(error).splitlines()[0][:120] if str(error) else ""
                note = f"not measured: {type(error).__name__}: {words}"
                found.append({"arm": arm, "precision": precision, "note": note})
                print(f"{arm}, {precision}: {note}", flush=True)
                continue
            after = arms.resident()
            found.append({"arm": arm, "precision": precision, "rate": rate, "share": 2 * rate / (before + after)})
            wall = time.perf_counter() - started
            found.append({"arm": RESIDENT, "precision": "fp32", "rate": after, "seconds": wall})
            before = after
            if raw is not None:
                raw.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame(found).to_csv(raw, index=False)
        print(f"repeat {repeat + 1} of {repeats}", flush=True)
    table = summary(pd.DataFrame(found), {"floor: arithmetic": flops, "floor: bytes": moved}).assign(**about)[COLUMNS]
    table.attrs["seconds"] = spent  # of earlier processes
    return table


def summary(found: pd.DataFrame, least: dict[str, float]) -> pd.DataFrame:
    """Median, least and greatest of the repeats, a row for each arm; NaN where nothing could be measured."""
    found = found.reindex(columns=["arm", "precision", "rate", "share", "note"])
    rows = []
    for (arm, precision), part in found.groupby(["arm", "precision"], sort=False):
        row = {"arm": arm, "precision": precision, "repeats": int(part["rate"].notna().sum())}
        for name in ("rate", "share"):
            seen = part[name].dropna() if part[name].notna().any() else pd.Series([np.nan])
            row |= {name: float(np.median(seen)), f"{name}_low": seen.min(), f"{name}_high": seen.max()}
        notes = part["note"].dropna() if not row["repeats"] else []
        row |= {"work": least.get(arm, np.nan), "note": notes.iloc[0] if len(notes) else ""}
        rows.append(row | {"speed": row["rate_high"] * row["work"]})
    return pd.DataFrame(rows)


def joined(new: pd.DataFrame, directory: Path | None) -> pd.DataFrame:
    """The recorded rows of other devices, and the new ones."""
    try:
        old = pd.DataFrame(recorded.recorded(NAME, directory=directory))
    except DataError:
        return new
    old = old[~old["device"].isin(new["device"])]
    return pd.concat([old, new], ignore_index=True) if len(old) else new


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_trial_options(parser, "little data, one repeat; records nothing")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the rows there as CSV and record nothing")
    parser.add_argument("--raw", type=Path, help="keep each repeat there and begin with those that are there already")
    parser.add_argument("--add", type=Path, help="put the rows of such a file into the recorded table; measure nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    if arguments.add:
        found = pd.read_csv(arguments.add, keep_default_na=True).assign(note=lambda f: f["note"].fillna(""))
    else:
        cuda = arguments.device == "cuda" or (arguments.device == "auto" and torch.cuda.is_available())
        device = torch.device("cuda" if cuda else "cpu")
        repeats = 1 if arguments.smoke else arguments.repeats
        found = measure(device, arguments.smoke, repeats, arguments.raw)
    print(found[["arm", "precision", "rate", "rate_low", "rate_high", "share", "note"]].round(3).to_string(index=False))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        found.to_csv(arguments.out / f"{NAME}.csv", index=False)
        return
    with trial_folder(arguments) as folder:
        recorded.write(
            NAME,
            found if arguments.smoke else joined(found, None),
            script=__file__,
            also=[training_arms.__file__],
            command="python -m benchmarks.speed.training",
            protocol=PROTOCOL,
            seconds=sum(found.attrs.get("seconds", [])) + time.perf_counter() - started,
            smoke=arguments.smoke,
            directory=folder,
            measured=MEASURED,
        )


if __name__ == "__main__":
    main()
