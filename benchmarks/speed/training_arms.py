"""What `training.py` measures: the machine's two speeds, the least work of a window, and each way of training."""

from __future__ import annotations

import contextlib
import gc
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from ecomlib.models import Network
from ecomlib.training import TrainSettings, fit, make_network
from ecomlib.training.step import Step, half, tensor_cores
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet

LOOK_BACK, HORIZON, HIDDEN, BATCH, CHUNK = 28, 7, 64, 512, 128
COVARIATES = tuple(f"c{k}" for k in range(8))
SHAPE = WindowSettings(LOOK_BACK, HORIZON, past=("y", *COVARIATES), scale="mean_abs")


def invented(series: int, days: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    dates = pd.date_range("2022-01-01", periods=days, freq="D")
    frame = pd.DataFrame({"unique_id": np.repeat([f"s{k:04d}" for k in range(series)], days)})
    frame["ds"] = np.tile(dates, series)
    frame["y"] = rng.poisson(8.0, len(frame)).astype(float)
    return frame.assign(**{name: rng.normal(size=len(frame)) for name in COVARIATES})


class Clock:
    """Processor time on a CPU, wall time with the device waited for on CUDA."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"

    def now(self) -> float:
        if self.cuda:
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()


# --- the machine's two speeds, measured in the same run ---


def matmul_speed(device: torch.device, clock: Clock, precision: str, size: int) -> float:
    """Floating-point operations a second in one large product, the best of what this machine does."""
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    with tensor_cores(precision), half(device, precision):
        a @ b
        started, times = clock.now(), 0
        while clock.now() - started < 0.3:
            for _ in range(4):
                a @ b
            times += 4
        return times * 2 * size**3 / (clock.now() - started)


def memory_speed(device: torch.device, clock: Clock, megabytes: int) -> float:
    """Bytes a second in copying what fits in no cache: read once, written once."""
    source = torch.ones(megabytes * 250_000, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    started, times = clock.now(), 0
    while clock.now() - started < 0.3:
        target.copy_(source)
        times += 1
    return times * 2 * 4 * len(source) / (clock.now() - started)


def work(windows: WindowSet, batch: int) -> tuple[float, float]:
    """(floating-point operations, least bytes moved) for one window of one training step.

    Operations: torch's own count of the products, in 64 bits, since it cannot look into the fused LSTM that a CPU has
    for 32. Bytes, 4 a number: inputs read once; of each time step four gates, cell and state written on the way forward
    and read on the way back; once a batch, weights read twice, gradients written, AdamW's seven reads and writes.
    """
    from torch.utils.flop_counter import FlopCounterMode

    model = make_network("lstm", windows, hidden=HIDDEN).double()
    one = windows.to("cpu").batch(torch.arange(64))
    doubled = {f.name: getattr(one, f.name) for f in fields(one)}
    doubled = {k: v.double() if v is not None and v.is_floating_point() else v for k, v in doubled.items()}
    with FlopCounterMode(display=False) as counter:
        model.loss(Batch(**doubled)).backward()
    inputs, states = LOOK_BACK * (one.x.shape[-1] + 1), 2 * LOOK_BACK * 6 * HIDDEN
    return counter.get_total_flops() / 64, 4 * (inputs + states + 10 * model.count() / batch)


# --- the arms: each returns windows a second ---


def bare_step(model: Network, optimizer: torch.optim.Optimizer, one: Batch) -> None:
    optimizer.zero_grad(set_to_none=True)
    model.loss(one).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


class Resident:
    """Stands in for a window set: whatever is asked for, it is the one batch that lies there."""

    def __init__(self, one: Batch) -> None:
        self.one = one

    def batch(self, index: torch.Tensor) -> Batch:
        return self.one

    def __len__(self) -> int:
        return len(self.one.index)


class Arms:
    """What is measured on one device with one batch size."""

    def __init__(self, device: torch.device, windows: WindowSet, batch: int, steps: int) -> None:
        self.device, self.clock, self.batch, self.steps = device, Clock(device), batch, steps
        self.windows = windows.to(device)
        self.settings = TrainSettings(
            epochs=max(1, steps * batch // len(windows)), batch_size=batch, device=device.type
        )
        self.one = self.windows.batch(torch.arange(batch, device=device))

    def network(self) -> Network:
        return make_network("lstm", self.windows, hidden=HIDDEN).to(self.device).train()

    def timed(self, work: Callable[[], object], windows: int) -> float:
        gc.collect()
        started = self.clock.now()
        work()
        return windows / (self.clock.now() - started)

    def resident(self, precision: str = "fp32", replay: bool = False) -> float:
        """The bare loop; replayed from a graph, or in half precision, through the package's own step."""
        model = self.network()
        if precision == "fp32" and not replay:
            optimizer = torch.optim.AdamW(model.parameters(), 3e-3)

            def run() -> None:
                for _ in range(self.steps):
                    bare_step(model, optimizer, self.one)

            bare_step(model, optimizer, self.one)
        else:
            settings = replace(self.settings, replay=replay)
            step = Step(model, Resident(self.one), settings, self.device, precision)  # type: ignore[arg-type]

            def run() -> None:
                for _ in range(self.steps):
                    step(self.one.index)

            for _ in range(6):
                step(self.one.index)
        with tensor_cores(precision):
            return self.timed(run, self.steps * self.batch)

    def fitted(self, precision: str = "fp32", replay: bool = False, chunk: int = 0) -> float:
        """The whole call of `fit`: set-up, shuffling, gathering, schedule, and its last short batch."""
        model = self.network()
        settings = replace(self.settings, precision=precision, replay=replay, chunk=chunk)
        count = settings.epochs * len(self.windows)
        return self.timed(lambda: fit(model, self.windows, None, settings), count)

    def gathered(self) -> float:
        """Batches alone, gathered on the device; nothing is trained."""

        def run() -> None:
            for _ in self.windows.batches(self.batch, torch.Generator().manual_seed(0)):
                pass

        return self.timed(run, len(self.windows))

    def loader(self, train: bool) -> float:
        """A Dataset that cuts one window at a time in Python, stacked by a DataLoader; with or without training."""
        there = self.windows.to("cpu")
        share = min(len(there), self.batch * max(2, self.steps // 8))
        loader = torch.utils.data.DataLoader(
            OneByOne(there, share), batch_size=self.batch, shuffle=True, generator=torch.Generator().manual_seed(0)
        )
        model = self.network()
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)

        def run() -> None:
            for x, seen, y, scale in loader:
                x, seen, y, scale = (part.to(self.device) for part in (x, seen, y, scale))
                if train:
                    empty = x.new_zeros(len(x), HORIZON, 0)
                    mask = torch.ones_like(y, dtype=torch.bool)
                    batch = Batch(x, seen, empty, empty[:, 0], None, y * scale, y, mask, scale, mask[:, 0])
                    bare_step(model, optimizer, batch)

        return self.timed(run, share)

    def compiled(self) -> float:
        """The same bare loop with the loss through torch.compile; compiling is not counted."""
        model = self.network()
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
        loss = torch.compile(model.loss)

        def run(times: int) -> None:
            for _ in range(times):
                optimizer.zero_grad(set_to_none=True)
                loss(self.one).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()

        run(2)
        return self.timed(lambda: run(self.steps), self.steps * self.batch)

    def neuralforecast(self, panel: pd.DataFrame) -> float:
        """Its LSTM of the same sizes; two runs of different length, so that its set-up drops out."""
        from neuralforecast import NeuralForecast
        from neuralforecast.losses.pytorch import MAE
        from neuralforecast.models import LSTM

        def seconds(steps: int) -> float:
            model = LSTM(
                h=HORIZON,
                input_size=LOOK_BACK,
                encoder_hidden_size=HIDDEN,
                encoder_n_layers=1,
                decoder_layers=1,
                decoder_hidden_size=64,
                hist_exog_list=list(COVARIATES),
                loss=MAE(),
                max_steps=steps,
                val_check_steps=steps,
                batch_size=64,
                windows_batch_size=self.batch,
                scaler_type="identity",
                learning_rate=3e-3,
                gradient_clip_val=1.0,
                accelerator="gpu" if self.clock.cuda else "cpu",
                devices=1,
                logger=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                enable_checkpointing=False,
                random_seed=0,
            )
            started = self.clock.now()
            NeuralForecast([model], "D").fit(panel)
            return self.clock.now() - started

        few = max(2, self.steps // 8)
        with quiet():
            return self.steps * self.batch / (seconds(few + self.steps) - seconds(few))


class OneByOne(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """A window at a time, as tutorials write it; arrays in memory, nothing is read from disk."""

    def __init__(self, windows: WindowSet, count: int) -> None:
        self.past, self.units = windows.past.numpy(), windows.units.numpy()
        self.first, self.begin = windows.first.numpy(), windows.begin.numpy()[windows.series.numpy()]
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> tuple[np.ndarray, ...]:
        first, known = self.first[k], min(LOOK_BACK, self.first[k] - self.begin[k])
        x = np.zeros((LOOK_BACK, self.past.shape[1]), dtype=np.float32)
        x[LOOK_BACK - known :] = self.past[first - known : first]
        seen = np.arange(LOOK_BACK) >= LOOK_BACK - known
        scale = np.maximum(np.abs(x[:, 0]).sum(keepdims=True) / known, 0.1).astype(np.float32)
        x[:, 0] /= scale
        return x, seen, self.units[first : first + HORIZON] / scale, scale


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """neuralforecast's trainer says many things on each fit; none of them is a result."""
    names = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    levels = [logging.getLogger(name).level for name in names]
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in zip(names, levels, strict=True):
            logging.getLogger(name).setLevel(level)
