"""How fast does `fit` train, beside what the machine could do and beside neuralforecast? On a CPU, and on CUDA.

    python benchmarks/training.py                                 # this machine; records training_speed
    python benchmarks/training.py --out rows                      # its rows as rows/training_speed.csv instead
    python benchmarks/training.py --add rows/training_speed.csv   # put such rows into the recorded table
    python benchmarks/training.py --smoke                         # seconds, on little data; records nothing

One task for all, on invented data: windows a second in training an LSTM(64) that reads 28 days of units and of eight
covariates and forecasts 7 days (`training_arms.py`). Each repeat runs every arm once, between two runs of the resident
arm; shares are taken within a repeat, and the table has their median, least and greatest. On a CPU one thread is used
and its processor time counted, since other programs take turns with it; on CUDA it is wall time, the device waited for.
With --out it needs torch, numpy and pandas only: for a bare GPU machine. The rows of other devices stay in the table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import training_arms
from training_arms import BATCH, COVARIATES, HIDDEN, LOOK_BACK, SHAPE, Arms, invented, matmul_speed, memory_speed, work

from ecomlib import recorded
from ecomlib.errors import DataError
from ecomlib.training import precisions
from ecomlib.windows import WindowSet

NAME = "training_speed"
RESIDENT = "one resident batch, bare loop"
PROTOCOL = (
    f"windows a second in training an LSTM({HIDDEN}) on {LOOK_BACK} days of units and {len(COVARIATES)} covariates, "
    "invented data; repeats interleaved; CPU rows: one thread, processor time"
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
        run["resident batch", "bf16"] = lambda: arms.resident("bf16")
        run["fit", "bf16"] = lambda: arms.fitted("bf16")
    run["batch gather alone", "fp32"] = arms.gathered
    run["DataLoader alone, one window at a time", "fp32"] = lambda: arms.loader(train=False)
    run["bare loop fed by the DataLoader", "fp32"] = lambda: arms.loader(train=True)
    run["neuralforecast LSTM", "fp32"] = lambda: arms.neuralforecast(panel)
    if compile_too:
        run["bare loop, torch.compile", "fp32"] = arms.compiled
    return run


def row(values: list[float], shares: list[float], **more: Any) -> dict[str, Any]:
    """Median, least and greatest of the repeats; NaN where nothing could be measured."""
    found: dict[str, Any] = {"repeats": len(values)}
    for name, data in (("rate", values), ("share", shares)):
        array = np.array(data) if data else np.array([np.nan])
        found |= {name: float(np.median(array)), f"{name}_low": float(array.min()), f"{name}_high": float(array.max())}
    return more | found


def measure(device: torch.device, smoke: bool, repeats: int) -> pd.DataFrame:
    panel = invented(8, 120) if smoke else invented(96, 220)
    windows = WindowSet.from_panel(panel, SHAPE)
    batch = 64 if smoke else BATCH
    steps = 4 if smoke else 400 if device.type == "cuda" else 32
    arms = Arms(device, windows, batch, steps)
    gpu = device.type == "cuda"
    about = {
        "device": torch.cuda.get_device_name(device) if gpu else "CPU",
        "machine": recorded.machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "batch": batch,
    }
    flops, moved = work(windows, batch)
    size, megabytes = (256, 8) if smoke else (4096 if gpu else 1024, 1024 if gpu else 128)
    kinds = precisions(device)
    speeds: dict[str, list[float]] = {precision: [] for precision in (*kinds, "bytes")}
    rates: dict[tuple[str, str], list[float]] = {}
    shares: dict[tuple[str, str], list[float]] = {}
    notes: dict[tuple[str, str], str] = {}
    run = arms_of(arms, panel, compile_too=not smoke)
    arms.resident()  # the first one chooses kernels and takes memory
    for repeat in range(repeats):
        for precision in kinds:
            speeds[precision].append(matmul_speed(device, arms.clock, precision, size))
        speeds["bytes"].append(memory_speed(device, arms.clock, megabytes))
        before = arms.resident()
        for key, arm in run.items():
            if key in notes:
                continue
            try:
                found = arm()
            except Exception as error:  # a peer or a compiler that is not there must not take the other rows along
                notes[key] = (
                    f"not measured: {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
                )
                print(f"{key[0]}, {key[1]}: {notes[key]}", flush=True)
                continue
            after = arms.resident()
            rates.setdefault(key, []).append(found)
            shares.setdefault(key, []).append(2 * found / (before + after))
            rates.setdefault((RESIDENT, "fp32"), []).append(after)
            before = after
        print(f"repeat {repeat + 1} of {repeats}", flush=True)
    rows = []
    for precision in kinds:
        best = max(speeds[precision])
        rows.append(row([s / flops for s in speeds[precision]], [], arm="floor: arithmetic", precision=precision,
                        work=flops, speed=best))  # fmt: skip
    rows.append(row([s / moved for s in speeds["bytes"]], [], arm="floor: bytes", precision="fp32", work=moved,
                    speed=max(speeds["bytes"])))  # fmt: skip
    for key in [(RESIDENT, "fp32"), *run]:
        rows.append(row(rates.get(key, []), shares.get(key, []), arm=key[0], precision=key[1], note=notes.get(key, "")))
    names = "device arm precision rate rate_low rate_high share share_low share_high repeats batch work speed note"
    columns = [*names.split(), "machine", "date", "torch"]
    return pd.DataFrame(rows).assign(**about).reindex(columns=columns).assign(note=lambda f: f["note"].fillna(""))


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
    parser.add_argument("--smoke", action="store_true", help="little data, one repeat; records nothing")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the rows there as CSV and record nothing")
    parser.add_argument("--add", type=Path, help="put the rows of such a file into the recorded table; measure nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    if arguments.add:
        found = pd.read_csv(arguments.add, keep_default_na=True).assign(note=lambda f: f["note"].fillna(""))
    else:
        cuda = arguments.device == "cuda" or (arguments.device == "auto" and torch.cuda.is_available())
        device = torch.device("cuda" if cuda else "cpu")
        found = measure(device, arguments.smoke, 1 if arguments.smoke else arguments.repeats)
    print(found[["arm", "precision", "rate", "rate_low", "rate_high", "share", "note"]].round(3).to_string(index=False))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        found.to_csv(arguments.out / f"{NAME}.csv", index=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        recorded.write(
            NAME,
            joined(found, None),
            script=__file__,
            also=[training_arms.__file__],
            command="python benchmarks/training.py",
            protocol=PROTOCOL,
            seconds=time.perf_counter() - started,
            smoke=arguments.smoke,
            directory=Path(folder) if arguments.smoke else None,
        )


if __name__ == "__main__":
    main()
