"""Precision, graph replay, several processes, and a machine that has torch and little else."""

from __future__ import annotations

import contextlib
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.optim.lr_scheduler import LambdaLR

from ecomlib.errors import DataError
from ecomlib.training import TrainSettings, fit, make_network, pick_precision, precisions, predict, process_group
from ecomlib.training import step as step_module
from ecomlib.training.step import EAGER_STEPS, Step, tensor_cores
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

ROOT = Path(__file__).resolve().parents[2]
SHAPE = WindowSettings(look_back=8, horizon=2, scale="mean_abs")
QUICK = TrainSettings(epochs=3, batch_size=32, device="cpu")
WEEKS = pd.date_range("2021-01-04", periods=40, freq="W-MON")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    rng = np.random.default_rng(0)
    parts = []
    for k in range(6):
        weeks = WEEKS[3 * k :]  # younger and younger
        level = 5 + 4 * k + 3 * np.sin(np.arange(len(weeks)) / 3 + k)
        parts.append(pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(level).astype(float)}))
    return WindowSet.from_panel(pd.concat(parts, ignore_index=True), SHAPE)


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()


def test_chunks_make_the_step_of_the_whole_batch(windows: WindowSet) -> None:
    """Also where chunks differ in how many cells are known, and where the last one is short."""
    answers, losses = [], []
    gaps = replace(windows, known=windows.known & (torch.arange(len(windows.known)) % 7 != 3))
    for chunk in (0, 32, 5):
        model = make_network("lstm", gaps, hidden=8)
        losses.append(fit(model, gaps, None, replace(QUICK, chunk=chunk)).history["train_loss"].to_numpy())
        answers.append(weights(model))
    assert torch.equal(answers[0], answers[1])
    torch.testing.assert_close(answers[2], answers[0], rtol=0, atol=2e-5)
    np.testing.assert_allclose(losses[2], losses[0], rtol=1e-5)
    with pytest.raises(DataError):
        replace(QUICK, chunk=-1)


@pytest.mark.parametrize("chunk", [0, 1, 2, 5, 99])
@pytest.mark.parametrize("world", [2, 3])
def test_every_process_has_as_many_chunks(world: int, chunk: int, windows: WindowSet) -> None:
    step = Step(make_network("lstm", windows, hidden=4), windows, replace(QUICK, chunk=chunk), CPU, "fp32")
    step.world = world
    for size in range(1, 25):
        index, shares = torch.arange(size), []
        for step.rank in range(world):
            shares.append(step.chunks(index))
        assert len({len(share) for share in shares}) == 1, f"{size} windows: somebody waits"
        assert all(len(part) for share in shares for part in share)
        assert max(len(part) for share in shares for part in share) <= (chunk + 1 if chunk else size)
        taken = [torch.cat(share).tolist() for share in shares]
        if size < world:
            assert taken == [list(range(size))] * world
        else:
            assert sorted(k for share in taken for k in share) == list(range(size)), "each window once"


# --- precision ---


def test_precision_follows_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    assert pick_precision("auto", CPU) == "fp32" and precisions(CPU) == ("fp32", "bf16")
    for capability, expected, also in (((7, 5), "fp16", False), ((8, 0), "bf16", True), ((9, 0), "bf16", True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, answer=capability: answer)
        assert pick_precision("auto", cuda) == expected
        assert ("tf32" in precisions(cuda)) is ("bf16" in precisions(cuda)) is also
        for precision in ("fp32", "fp16"):
            assert pick_precision(precision, cuda) == precision
        if not also:  # a T4
            for precision in ("tf32", "bf16"):
                with pytest.raises(DataError, match=r"does not have the precision.*fp32, fp16"):
                    pick_precision(precision, cuda)
    with pytest.raises(DataError, match="fp16 on cpu"):
        pick_precision("fp16", CPU)


@pytest.mark.parametrize("before", [(False, True), (True, False)])
def test_tensor_cores_are_put_back(before: tuple[bool, bool]) -> None:
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    own = matmul.allow_tf32, cudnn.allow_tf32
    try:
        matmul.allow_tf32, cudnn.allow_tf32 = before
        for precision, allowed in (("fp32", False), ("tf32", True), ("bf16", True)):
            with pytest.raises(KeyError), tensor_cores(precision):
                assert (matmul.allow_tf32, cudnn.allow_tf32) == (allowed, allowed)
                raise KeyError
            assert (matmul.allow_tf32, cudnn.allow_tf32) == before
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = own


def test_a_scaled_loss_makes_the_same_step_and_an_infinite_one_none(
    windows: WindowSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fp16's way, unscale, look, clip, step, tried with 32 bits: a CPU has no LSTM in fp16."""
    monkeypatch.setattr(step_module, "half", lambda device, precision: contextlib.nullcontext())
    index = torch.arange(32)
    answers = []
    for precision in ("fp32", "fp16"):
        model = make_network("lstm", windows, hidden=8)
        step = Step(model, windows, replace(QUICK, clip=1e-3), CPU, precision)  # it clips: unscale first
        for _ in range(4):
            step(index)
        answers.append(weights(model))
    assert step.scaler.is_enabled() and step.scaler.get_scale() == 2.0**16
    torch.testing.assert_close(answers[1], answers[0], rtol=1e-5, atol=1e-6)
    before = weights(model).clone()
    model.head.linear.bias.register_hook(lambda gradient: gradient * float("inf"))  # as where a product overflows
    step(index)
    assert torch.equal(weights(model), before), "a step of infinite gradients is skipped"
    assert step.scaler.get_scale() == 2.0**15


# --- graph replay: the order of things on a made-up CUDA, the thing itself where there is one ---


class Tape:
    """Stands in for a CUDA graph: what was recorded is the step itself, run on replay with the numbers of then."""

    def __init__(self, step: Step, broken: bool) -> None:
        self.step, self.broken, self.replays, self.recording = step, broken, 0, False

    def replay(self) -> None:
        self.replays += 1
        Step.run(self.step, self.step.index)


def on_a_made_up_cuda(step: Step, monkeypatch: pytest.MonkeyPatch, broken: bool = False) -> Tape:
    tape = Tape(step, broken)

    @contextlib.contextmanager
    def record(graph: Tape) -> Iterator[None]:
        graph.recording = True
        yield
        graph.recording = False
        if graph.broken:
            raise RuntimeError("operation not permitted when stream is capturing")

    class Stream:
        def wait_stream(self, other: object) -> None:
            pass

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: tape)
    monkeypatch.setattr(torch.cuda, "graph", record)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(step, "run", lambda index: None if tape.recording else Step.run(step, index))
    step.replay = True
    step.optimizer.param_groups[0]["lr"] = torch.tensor(step.settings.lr)
    return tape


@pytest.mark.parametrize("broken", [False, True])
def test_replayed_steps_are_the_steps(windows: WindowSet, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """Warm-up steps count, recording does not, the short last batch is run as usual, each step has its own rate."""

    def train(replay: bool) -> tuple[torch.Tensor, float, Step, Tape | None]:
        model = make_network("lstm", windows, hidden=8)
        step = Step(model, windows, QUICK, CPU, "fp32")
        tape = on_a_made_up_cuda(step, monkeypatch, broken) if replay else None
        model.train()
        rate = LambdaLR(step.optimizer, lambda k: (k + 1) / 5)
        for part in torch.arange(len(windows)).split(32):
            step(part)
            rate.step()
        return weights(model), step.mean_loss(), step, tape

    plain, loss, _, _ = train(False)
    full, rest = divmod(len(windows), 32)
    assert rest and full > EAGER_STEPS + 1
    if broken:
        with pytest.warns(UserWarning, match="cannot be recorded"):
            replayed, other, step, tape = train(True)
        assert not step.replay and step.graph is None and tape is not None and tape.replays == 0
    else:
        replayed, other, step, tape = train(True)
        assert tape is not None and tape.replays == full - EAGER_STEPS
    torch.testing.assert_close(replayed, plain, rtol=1e-6, atol=1e-7)
    assert other == pytest.approx(loss, rel=1e-6)


def test_without_cuda_replay_changes_nothing(windows: WindowSet) -> None:
    one, two = (make_network("gru", windows, hidden=8) for _ in range(2))
    plain, asked = fit(one, windows, None, QUICK), fit(two, windows, None, replace(QUICK, replay=True))
    assert not asked.replayed
    pd.testing.assert_frame_equal(plain.history.drop(columns="seconds"), asked.history.drop(columns="seconds"))
    assert torch.equal(weights(one), weights(two))


def test_a_step_asks_the_device_for_nothing(windows: WindowSet) -> None:
    """Reading a number off the device makes the processor wait and cannot be recorded: no such call in a step."""
    model = make_network("lstm", windows, hidden=8)
    step = Step(model, windows, QUICK, CPU, "fp32")
    model.train()
    step(torch.arange(32))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        step.optimizer.zero_grad()
        batch = windows.batch(torch.arange(32))
        (model.loss(batch) * model.weight(batch)).backward()
    asked = [event.key for event in profile.key_averages() if event.key in ("aten::item", "aten::nonzero")]
    assert not asked


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "auto", "fp16"])
@pytest.mark.parametrize("replay", [False, True])
def test_the_gpu_learns_what_the_cpu_learns(precision: str, replay: bool, windows: WindowSet, tmp_path: Path) -> None:
    train, valid = windows.split(WEEKS[25], 8)
    losses = {}
    for device, kind in (("cpu", "fp32"), ("cuda", precision)):
        model = make_network("gru", windows, hidden=16)
        settings = replace(QUICK, epochs=10, batch_size=16, device=device, precision=kind, replay=replay)
        result = fit(model, train, valid, settings, checkpoint=tmp_path / f"{device}{kind}")
        assert result.device.startswith(device)
        assert result.replayed is (replay and device == "cuda")
        assert {str(weight.device) for weight in model.parameters()} == {"cpu"}
        losses[device] = result.history["valid_loss"].min()
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.1)


@pytest.mark.gpu
@pytest.mark.parametrize("net", ["gru", "lstm"])
def test_a_replayed_run_ends_where_an_eager_one_does(net: str, windows: WindowSet) -> None:
    answers = []
    for replay in (False, True):
        model = make_network(net, windows, hidden=16)
        settings = replace(QUICK, device="cuda", precision="fp32", replay=replay, average=0.9)
        assert fit(model, windows, None, settings).replayed is replay
        answers.append(predict(model, windows, device="cpu")["forecast"].to_numpy())
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-3, atol=1e-3)


@pytest.mark.gpu
def test_a_step_on_the_gpu_does_not_wait(windows: WindowSet) -> None:
    model = make_network("lstm", windows, hidden=8).to("cuda")
    step = Step(model, windows.to("cuda"), replace(QUICK, device="cuda"), torch.device("cuda"), "fp32")
    index = torch.arange(32, device="cuda")
    step(index)
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(index)
    finally:
        torch.cuda.set_sync_debug_mode("default")


# --- several processes ---

SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from ecomlib.training import TrainSettings, fit, make_network, process_group
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

torch.set_num_threads(1)
rng = np.random.default_rng(0)
weeks = pd.date_range("2021-01-04", periods=30, freq="W-MON")
parts = [pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(5 + k, 30).astype(float)}) for k in range(5)]
panel = pd.concat(parts, ignore_index=True)
panel.loc[rng.random(len(panel)) < 0.2, "y"] = np.nan  # shares with unequal numbers of known cells
windows = WindowSet.from_panel(panel, WindowSettings(look_back=8, horizon=2))
# In 64 bits: rounding cannot hide a fault in how shares and chunks are weighted.
tables = ("past", "future", "static", "units")
windows = replace(windows, **{name: getattr(windows, name).double() for name in tables})
named = dict(argument.removeprefix("--").split("=") for argument in sys.argv[2:] if "=" in argument)
shape = {"batch_size": 21, **{name: int(value) for name, value in named.items()}}  # odd, and a shorter last one
settings = TrainSettings(epochs=3, device="cpu", **shape)
with process_group(timeout=10) as (rank, world):
    model = make_network("lstm", windows, hidden=8).double()
    if rank == 1 and "--die" in sys.argv:
        raise SystemExit("rank 1 was told to end here")
    result = fit(model, windows, None, settings, checkpoint=Path(sys.argv[1]) / f"kept{world}")
out = Path(sys.argv[1]) / f"{world}of{rank}.safetensors"
state = {"loss": torch.tensor(result.history["train_loss"].to_numpy())}
save_file({**model.state_dict(), **state}, out)
"""


def torchrun(script: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes on this machine's loopback, on a port that is free."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    if sys.platform == "linux":
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr",
        "127.0.0.1",
        "--nproc-per-node",
        "2",
        str(script),
        str(folder),
        *arguments,
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("torchrun") / "train.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


# Shares of 11 and 10 windows would be 3 and 2 chunks of 5. Of 131 windows in batches of 13 the last batch has one,
# fewer than there are processes, and shares of 7 and 6 differ by a chunk of one. 99 is more than any share.
@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [(), ("--chunk=5",), ("--chunk=1", "--batch_size=13"), ("--chunk=99",)],
    ids=lambda arguments: " ".join(arguments) or "whole",
)
def test_two_processes_end_with_the_weights_of_one(
    arguments: tuple[str, ...], script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes make the steps of one, up to rounding.

    In 64 bits the gradient of one step differs by at most 1e-16. In 32 bits it is 3e-8, which is rounding, and Adam's
    division carries it above 1e-6 within three epochs: hence 64 bits. A head still rounds to 32: the weights differ by
    1e-9 at the end, and the loss, whose sum is kept in 32, by 3e-8.
    """
    done = torchrun(script, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path), *arguments])
    runpy.run_path(str(script))  # in this process, on its own
    torch.set_num_threads(threads)
    first, second, alone = (load_file(tmp_path / f"{name}.safetensors") for name in ("2of0", "2of1", "1of0"))
    assert first.keys() == alone.keys()
    for name, weight in alone.items():
        assert torch.equal(first[name], second[name]), "both processes hold the same network"
        off = float((first[name] - weight).abs().max())
        assert off < 1e-7, f"{name} is off by {off}"
    assert (tmp_path / "kept2").is_file() and not list(tmp_path.glob(".*.part*"))


@pytest.mark.slow
def test_where_one_process_dies_the_others_end_too(script: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    done = torchrun(script, tmp_path, "--die")
    assert done.returncode != 0
    assert time.monotonic() - started < 60, "nobody waits for the dead"
    assert "rank 1 was told to end here" in done.stderr
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_plain_script_is_a_group_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with process_group() as (rank, world):
        assert (rank, world) == (0, 1)


def test_who_waits_in_vain_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch.distributed as dist

    from ecomlib.errors import EcomlibError

    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "99")

    def gone(*_: object, **__: object) -> None:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:123\nmore")

    monkeypatch.setattr(dist, "init_process_group", gone)
    said = r"Another process of this run has ended.*look for the first error"
    with pytest.raises(EcomlibError, match=said), process_group():
        pass
    monkeypatch.setattr(dist, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "get_world_size", lambda: 99)
    with pytest.raises(RuntimeError, match="a fault of my own"), process_group():
        raise RuntimeError("a fault of my own")


# --- a bare machine ---

BARE = """
import sys

sys.modules.update(dict.fromkeys({absent!r}))  # an import of these fails as if they were not installed
import numpy as np, pandas as pd
from ecomlib.training import TrainSettings, fit, make_network, predict
from ecomlib.windowing import WindowSettings
from ecomlib.windows import WindowSet

weeks = pd.date_range("2021-01-04", periods=30, freq="W-MON")
panel = pd.DataFrame({{"unique_id": "p", "ds": weeks, "y": np.arange(30.0)}})
windows = WindowSet.from_panel(panel, WindowSettings(look_back=4, horizon=2))
model = make_network("lstm", windows, hidden=4)
print(fit(model, windows, None, TrainSettings(epochs=1, device="cpu")).device, len(predict(model, windows)))
"""


def test_training_needs_torch_numpy_and_pandas_only() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = pyproject.split("dependencies = [", 1)[1].split("]", 1)[0]
    declared = set(re.findall(r'"([\w-]+)', block)) - {"numpy", "pandas", "torch"}
    modules = {"scikit-learn": "sklearn", "python-calamine": "python_calamine"}
    absent = sorted(modules.get(name, name) for name in declared)
    assert {"pandera", "pooch", "tqdm", "safetensors", "scipy"} <= set(absent)
    done = subprocess.run(
        [sys.executable, "-c", BARE.format(absent=absent)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.startswith("cpu ")
