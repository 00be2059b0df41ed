"""The loop: it learns, stops, restores, repeats itself, saves whole files, and cannot look ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch

from ecomlib.errors import DataError
from ecomlib.features import last_year
from ecomlib.models import NETWORKS, GRUNetwork, NetworkSettings
from ecomlib.models.heads import make_head
from ecomlib.models.ranges import TrainingRange
from ecomlib.panel import LAST_YEAR
from ecomlib.training import TrainSettings, fit, load, loop, make_network, predict, save
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch, WindowSet

NETS = sorted(NETWORKS)
SHAPE = WindowSettings(look_back=8, horizon=2, scale="mean_abs")
QUICK = TrainSettings(epochs=3, batch_size=32, device="cpu")
WEEKS = pd.date_range("2021-01-04", periods=40, freq="W-MON")
WEEKS_150 = pd.date_range("2021-01-04", periods=150, freq="W-MON")


def make_frame(series: int = 6, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for k in range(series):
        weeks = WEEKS[3 * k :]  # younger and younger
        level = 5 + 4 * k + 3 * np.sin(np.arange(len(weeks)) / 3 + k)
        parts.append(pd.DataFrame({"unique_id": f"p{k}", "ds": weeks, "y": rng.poisson(level).astype(float)}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def windows() -> WindowSet:
    return WindowSet.from_panel(make_frame(), SHAPE)


@pytest.mark.parametrize("net", [net for net in NETS if net != "averages"])  # which has no memory to learn by
def test_it_overfits_a_tiny_set(net: str) -> None:
    """Two dozen windows learnt by heart: a loop that cannot do this has a fault somewhere."""
    few = WindowSet.from_panel(make_frame(2), SHAPE).between(WEEKS[12], WEEKS[22])
    assert 20 <= len(few) <= 25
    model = make_network(net, few, hidden=32, head="squared")
    how = TrainSettings(200, 64, lr=2e-2, weight_decay=0.0, schedule="constant", average=0.9, device="cpu")
    result = fit(model, few, None, how)
    losses = result.history["train_loss"]
    assert losses.iloc[-1] < 0.02 * losses.iloc[0]
    frame = predict(model, few, device="cpu")
    assert np.abs(frame["forecast"] - frame["y"]).mean() < 0.15 * frame["y"].mean()


def test_early_stopping_restores_the_best_weights(windows: WindowSet) -> None:
    train, valid = windows.split(WEEKS[25], 8)
    settings = TrainSettings(epochs=60, batch_size=16, lr=3e-2, schedule="constant", patience=3, device="cpu")
    model = make_network("gru", windows, hidden=32)
    result = fit(model, train, valid, settings)
    history = result.history
    assert len(history) < 60, "the run was to stop early"
    assert result.best_epoch == history.loc[history["valid_loss"].idxmin(), "epoch"]
    assert len(history) == result.best_epoch + 3
    assert loop._mean_loss(model, valid, 64) == pytest.approx(history["valid_loss"].min(), rel=1e-6)
    assert history["valid_loss"].iloc[-1] > history["valid_loss"].min()


def test_validation_loss_is_a_mean_over_cells_not_over_batches(windows: WindowSet) -> None:
    model = make_network("gru", windows, hidden=4)
    whole = loop._mean_loss(model, windows, 10_000)
    assert loop._mean_loss(model, windows, 7) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_same_seed_same_result_and_the_callers_randomness_is_untouched(net: str, windows: WindowSet) -> None:
    def run(seed: int) -> tuple[np.ndarray, np.ndarray]:
        model = make_network(net, windows, hidden=8, seed=seed, dropout=0.2)
        result = fit(model, windows, None, replace(QUICK, seed=seed, average=0.9))
        return result.history["train_loss"].to_numpy(), predict(model, windows)["forecast"].to_numpy()

    torch.manual_seed(11)
    state, old = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = run(0)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (np.random.get_state()[1] == old).all()  # noqa: NPY002
    torch.manual_seed(12)  # the caller's seed has no say
    again, other = run(0), run(1)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.allclose(first[1], other[1])


def test_clipping_bounds_each_step(windows: WindowSet, monkeypatch: pytest.MonkeyPatch) -> None:
    norms = []
    real = torch.nn.utils.clip_grad_norm_

    def spy(weights: object, limit: float) -> torch.Tensor:
        weights = list(weights)  # type: ignore[call-overload]
        norm = real(weights, limit)
        norms.append(float(torch.stack([w.grad.norm() for w in weights]).norm()))
        return norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", spy)
    model = make_network("lstm", windows, hidden=8, head="squared")
    fit(model, windows, None, replace(QUICK, clip=1e-3))
    assert len(norms) == 3 * -(-len(windows) // 32)
    assert max(norms) <= 1e-3 * 1.001


def test_the_rate_rises_and_falls() -> None:
    shares = [loop._share(step, 100, "one_cycle") for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[15] == pytest.approx(1.0)
    assert shares[-1] < 0.001
    assert np.argmax(shares) == 15 and (np.diff(shares[:16]) > 0).all() and (np.diff(shares[15:]) < 0).all()
    assert {loop._share(step, 100, "constant") for step in range(100)} == {1.0}


def test_a_mean_of_the_weights_lies_between_them(windows: WindowSet) -> None:
    plain, averaged = (make_network("gru", windows, hidden=8) for _ in range(2))
    one = fit(plain, windows, None, replace(QUICK, epochs=1))
    two = fit(averaged, windows, None, replace(QUICK, epochs=1, average=0.99))
    assert one.history["train_loss"].iloc[0] == two.history["train_loss"].iloc[0]  # the path is the same
    start = make_network("gru", windows, hidden=8)

    def distance(model: torch.nn.Module) -> float:
        pairs = zip(model.parameters(), start.parameters(), strict=True)
        return sum(float(((a - b) ** 2).detach().sum()) for a, b in pairs)

    assert 0 < distance(averaged) < distance(plain)


QUANTILES = ["forecast-q0.2", "forecast-q0.5", "forecast-q0.8"]


def test_predict_gives_units_in_the_windows_order(windows: WindowSet) -> None:
    model = make_network("gru", windows, hidden=8, head="quantile", quantiles=(0.2, 0.5, 0.8))
    fit(model, windows, None, QUICK)
    frame = predict(model, windows, batch_size=17)
    assert list(frame.columns) == ["unique_id", "ds", "cutoff", "y", "forecast", *QUANTILES]
    assert len(frame) == 2 * len(windows)
    low, middle, high = (frame[name] for name in QUANTILES)
    assert (low >= 0).all() and (low <= middle).all() and (middle <= high).all()
    assert frame["forecast"].equals(middle)
    panel = make_frame().rename(columns={"y": "true"})
    joined = frame.merge(panel, on=["unique_id", "ds"], validate="many_to_one")
    np.testing.assert_array_equal(joined["y"], joined["true"])
    # One window by hand: its forecast is the network's answer times its own scale.
    batch = windows.batch(torch.tensor([40]))
    expected = (model.predict(batch)[0, :, 1] * batch.scale[0]).clamp(min=0)
    np.testing.assert_allclose(frame["forecast"].iloc[80:82], expected, rtol=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_saved_and_loaded_it_predicts_the_same(net: str, windows: WindowSet, tmp_path: Path) -> None:
    model = make_network(net, windows, hidden=8, head="quantile")
    fit(model, windows, None, QUICK)
    path = save(model, tmp_path / "deep" / "net", windows=SHAPE, notes={"store": "made up"})
    assert sorted(f.name for f in path.parent.iterdir()) == ["net.json", "net.safetensors"]
    again, card = load(tmp_path / "deep" / "net")
    assert card == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["kind"] == net and card["notes"] == {"store": "made up"}
    assert WindowSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in card["windows"].items()}) == SHAPE
    pd.testing.assert_frame_equal(predict(again, windows), predict(model, windows), check_exact=True)


def test_a_broken_file_is_named_and_nothing_is_unpickled(windows: WindowSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load(tmp_path / "nothing")
    path = save(make_network("gru", windows, hidden=4), tmp_path / "net")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load(path)
    torch.save({"a": 1}, path)  # a pickle under that name
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load(path)
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(DataError, match="holds no network of ecomlib"):
        load(path)


def test_a_run_that_goes_on_ends_like_one_never_stopped(
    windows: WindowSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, valid = windows.split(WEEKS[25], 8)
    settings = replace(QUICK, epochs=6, average=0.9, patience=6)
    whole = make_network("gru", windows, hidden=8, dropout=0.3)
    expected = fit(whole, train, valid, settings)

    class Stop(Exception):
        pass

    class Breaking:
        epochs = 0

        def __call__(self, *arguments: object) -> float:
            Breaking.epochs += 1
            if Breaking.epochs == 4:
                raise Stop
            return real(*arguments)  # type: ignore[arg-type]

    real = loop._mean_loss
    kept = tmp_path / "run.safetensors"
    monkeypatch.setattr(loop, "_mean_loss", Breaking())
    with pytest.raises(Stop):
        fit(make_network("gru", windows, hidden=8, dropout=0.3), train, valid, settings, checkpoint=kept)
    assert kept.exists()
    model = make_network("gru", windows, hidden=8, dropout=0.3)
    result = fit(model, train, valid, settings, checkpoint=kept)
    assert Breaking.epochs == 4 + 3, "three epochs were kept, three were left to do"
    pd.testing.assert_frame_equal(result.history.drop(columns="seconds"), expected.history.drop(columns="seconds"))
    pd.testing.assert_frame_equal(predict(model, windows), predict(whole, windows), check_exact=True)
    # Another run under the same name starts anew, and so does one that finds rubbish.
    other = fit(make_network("gru", windows, hidden=8), train, valid, replace(settings, seed=9), checkpoint=kept)
    assert other.history["epoch"].tolist() == list(range(1, 7)) and Breaking.epochs == 7 + 6
    kept.write_bytes(b"rubbish")
    fit(make_network("gru", windows, hidden=8), train, valid, settings, checkpoint=kept)
    assert Breaking.epochs == 13 + 6


def test_a_finished_run_found_again_trains_no_more(windows: WindowSet, tmp_path: Path) -> None:
    first, again = (make_network("gru", windows, hidden=8) for _ in range(2))
    one = fit(first, windows, None, QUICK, checkpoint=tmp_path / "run")
    two = fit(again, windows, None, QUICK, checkpoint=tmp_path / "run")
    pd.testing.assert_frame_equal(one.history, two.history)
    pd.testing.assert_frame_equal(predict(first, windows), predict(again, windows), check_exact=True)


def test_a_run_stopped_after_its_very_first_step_goes_on_too(windows: WindowSet, tmp_path: Path) -> None:
    """One step an epoch: the schedule must not take the first rate again, nor warn that no step came before."""
    settings = replace(QUICK, epochs=3, batch_size=len(windows), average=0.9)
    whole, model = (make_network("gru", windows, hidden=8) for _ in range(2))
    expected = fit(whole, windows, None, settings, checkpoint=tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(network: object, batch: Batch) -> Batch:
        stop.calls += 1
        if stop.calls == 2:
            raise Stop
        return batch

    stop.calls = 0
    with pytest.raises(Stop):
        fit(model, windows, None, settings, checkpoint=tmp_path / "run", perturb=stop)
    result = fit(model, windows, None, settings, checkpoint=tmp_path / "run", perturb=stop)
    assert stop.calls == 4
    pd.testing.assert_frame_equal(result.history.drop(columns="seconds"), expected.history.drop(columns="seconds"))
    pd.testing.assert_frame_equal(predict(model, windows), predict(whole, windows), check_exact=True)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Windows of another kind than the package's: pairs (x, y), each with an exposure."""

    settings: TrainSettings  # any dataclass will do
    x: torch.Tensor
    y: torch.Tensor
    exposure: torch.Tensor

    @property
    def device(self) -> torch.device:
        return self.x.device

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Pairs:
        return replace(self, x=self.x.to(device), y=self.y.to(device), exposure=self.exposure.to(device))

    def batch(self, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.x[index], self.y[index], self.exposure[index]

    def batches(self, size: int) -> Iterator[tuple[torch.Tensor, ...]]:
        for index in torch.arange(len(self)).split(size):
            yield self.batch(index)

    def to_units(self, values: torch.Tensor, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return 10 * values

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame({"unique_id": [str(k) for k in range(len(self))]})


class Line(torch.nn.Module):
    """A network of another kind than the package's: a straight line, weighted by exposure."""

    def __init__(self) -> None:
        super().__init__()
        self.settings, self.head = QUICK, SimpleNamespace(names=("forecast",), in_units=True)
        self.slope = torch.nn.Parameter(torch.zeros(1))

    def forward(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return self.slope * batch[0]

    def loss_of(self, raw: torch.Tensor, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return ((raw - batch[1]) ** 2 * batch[2]).sum() / self.weight(batch)

    def weight(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return batch[2].sum()

    def predict(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return self(batch).detach().unsqueeze(-1)

    def check_windows(self, windows: Pairs, later: Pairs | None = None) -> None:
        if any(part is not None and len(part.x) != len(part.y) for part in (windows, later)):
            raise DataError("not for each other")

    def note_ranges(self, batches: Iterator[tuple[torch.Tensor, ...]]) -> None:
        self.noted = len(list(batches))


def test_the_loop_trains_whatever_keeps_its_protocol(tmp_path: Path) -> None:
    """Exposures below one count as they are: the loss is their weighted mean, in chunks too."""
    x, exposure = torch.linspace(-1, 1, 40), torch.linspace(0.001, 0.01, 40)
    pairs = Pairs(QUICK, x, torch.where(exposure > 0.005, 2 * x, -5 * x), exposure)
    slopes = []
    for chunk in (0, 7):
        model = Line()
        settings = TrainSettings(200, 40, chunk, 0.1, 0.0, average=0.5, patience=200, device="cpu")
        result = fit(model, pairs, pairs, settings, checkpoint=tmp_path / f"{chunk}")
        slopes.append(float(model.slope.detach()))
        assert model.noted == 1
        assert result.history["valid_loss"].iloc[-1] == pytest.approx(result.history["train_loss"].iloc[-1], rel=1e-2)
    best = float((exposure * x * pairs.y).sum() / (exposure * x**2).sum())
    assert slopes == pytest.approx([best, best], abs=1e-2)
    np.testing.assert_allclose(predict(model, pairs)["forecast"], 10 * slopes[1] * x.clamp(min=0), rtol=1e-5)
    with pytest.raises(DataError, match="not for each other"):
        fit(Line(), pairs, replace(pairs, y=pairs.y[:3]))


def test_faults_are_named(windows: WindowSet) -> None:
    with pytest.raises(DataError, match="no such network"):
        make_network("rnn", windows)
    with pytest.raises(DataError, match="made for past=2"):
        fit(make_network("gru", windows, past=2), windows, None, QUICK)
    logs = WindowSet.from_panel(make_frame(), replace(SHAPE, scale="log1p_mean"))
    with pytest.raises(DataError, match="cannot work with windows"):
        fit(make_network("gru", logs, head="poisson"), logs, None, QUICK)
    with pytest.raises(DataError, match="no windows"):
        fit(make_network("gru", windows), windows.between(last="2000-01-03"), None, QUICK)
    for wrong in ({"epochs": 0}, {"schedule": "x"}, {"precision": "fp8"}, {"average": 1.0}, {"lr": 0.0}):
        with pytest.raises(DataError):
            replace(QUICK, **wrong)
    if not torch.cuda.is_available():
        with pytest.raises(DataError, match="no CUDA device"):
            fit(make_network("gru", windows), windows, None, replace(QUICK, device="cuda"))


def test_a_loss_that_explodes_is_told(windows: WindowSet) -> None:
    model = make_network("gru", windows, hidden=4, head="squared")
    with torch.no_grad():
        model.head.linear.bias.fill_(float("inf"))
    with pytest.raises(DataError, match="no longer a number"):
        fit(model, windows, None, QUICK)


class Counting(GRUNetwork):
    """A network with buffers as BatchNorm has them: a running mean of what it saw, and the number of batches."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self.register_buffer("running", torch.zeros(settings.past))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def forward(self, batch: Batch) -> torch.Tensor:
        if self.training:
            self.running.lerp_(batch.x.mean((0, 1)), 0.1)
            self.batches += 1
        return super().forward(batch)


def test_an_averaged_network_has_the_buffers_of_the_trained_one(windows: WindowSet) -> None:
    networks = []
    for average in (0.0, 0.9):
        like = make_network("gru", windows, hidden=4).settings
        networks.append(Counting(like))
        fit(networks[-1], windows, None, replace(QUICK, average=average))
    plain, averaged = networks
    assert int(averaged.batches) == QUICK.epochs * -(-len(windows) // QUICK.batch_size)
    assert torch.equal(averaged.running, plain.running) and float(averaged.running.abs().sum()) > 0
    assert not torch.equal(averaged.head.linear.weight, plain.head.linear.weight), "the weights are averaged"


@pytest.mark.parametrize("head", ["poisson", "negative_binomial"])
def test_counts_are_learnt(head: str, windows: WindowSet) -> None:
    model = make_network("gru", windows, hidden=16, head=head)
    result = fit(model, windows, None, TrainSettings(epochs=15, batch_size=32, lr=1e-2, device="cpu"))
    assert result.history["train_loss"].iloc[-1] < result.history["train_loss"].iloc[0]
    frame = predict(model, windows)
    assert abs(frame["forecast"].mean() / frame["y"].mean() - 1) < 0.1


def sparse_frame(seed: int) -> pd.DataFrame:
    """Seven weeks of ten without a sale, the others of all sizes, and once in a hundred a lump; with last year's."""
    rng, parts = np.random.default_rng(seed), []
    for k in range(100):
        share, size = rng.uniform(0.2, 0.4), np.exp(rng.normal(1.2, 1.0))
        units = (rng.random(150) < share) * (1 + rng.poisson(rng.gamma(1.0, size, 150)))
        units = np.where(rng.random(150) < 0.01, units * 10, units)
        parts.append(pd.DataFrame({"unique_id": f"p{k:03d}", "ds": WEEKS_150, "y": units.astype(float)}))
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(**last_year(frame))


@pytest.mark.parametrize(("seed", "scale"), [(0, "mean_abs"), (1, "none")])
def test_counts_of_sparse_series_have_the_right_mean(seed: int, scale: Literal["mean_abs", "none"]) -> None:
    """Fitted by the joint likelihood, the negative binomial's mean was 286 and 651 % too high here; Poisson's 2 to 4 %
    too low, and so it is now under both."""
    frame = sparse_frame(seed)
    assert 0.6 < (frame["y"] == 0).mean() < 0.8
    shape = WindowSettings(look_back=13, horizon=4, scale=scale, future=LAST_YEAR)
    sparse = WindowSet.from_panel(frame, shape)
    sparse = sparse.split(sparse.origins()[-20], 16)[0]
    for head in ("poisson", "negative_binomial"):
        model = make_network("gru", sparse, hidden=16, head=head, seed=seed)
        fit(model, sparse, None, TrainSettings(epochs=6, batch_size=256, device="cpu", seed=seed))
        answer = predict(model, sparse)
        assert abs(answer["forecast"].mean() / answer["y"].mean() - 1) < 0.1, head


@pytest.mark.parametrize("head", ["poisson", "negative_binomial"])
def test_a_covariate_that_training_never_saw_move_is_not_read(head: str, tmp_path: Path) -> None:
    """Last year's sales are unknown, and so 0, throughout a shop's first year, and come with its second.

    On the items ranked 501 to 2,000 of Online Retail II (four weeks after each tuning origin of protocol W, training
    until 2010-11-15) the untrained weights of those columns made the mean 4,200 to 15,300 % too high under both
    distributions (seed 0, by origin); now it is 4 to 46 % too high.
    """
    frame = sparse_frame(0)
    shape = WindowSettings(look_back=13, horizon=4, scale="mean_abs", future=LAST_YEAR)
    both = WindowSet.from_panel(frame, shape)
    first_year = both.split(WEEKS_150[47], 4)[0]
    assert not first_year.future[first_year.first].any()
    model = make_network("gru", first_year, hidden=16, head=head)
    fit(model, first_year, None, TrainSettings(epochs=8, batch_size=256, device="cpu"))
    save(model, tmp_path / "net")
    for net in (model, load(tmp_path / "net")[0]):
        later = both.between(WEEKS_150[60], WEEKS_150[100])
        answer = predict(net, later)
        assert abs(answer["forecast"].mean() / answer["y"].mean() - 1) < 0.15
        without = replace(later, future=torch.zeros_like(later.future))
        assert np.array_equal(predict(net, without)["forecast"], answer["forecast"]), "as if they were not there"


def test_a_forecast_of_counts_lies_within_what_training_has_shown(windows: WindowSet) -> None:
    """Limits are those of the counted cells, a second training widens them, and a wild rate ends at the ceiling."""
    early, late = windows.between(WEEKS[8], WEEKS[15]), windows.between(WEEKS[16], WEEKS[30])
    model = make_network("gru", windows, hidden=4, head="poisson")
    ceilings = []
    for part in (late, early):
        fit(model, part, None, replace(QUICK, epochs=1))
        ceilings.append(float(model.head.range.highest))
    tops = [float(next(part.batches(len(part))).target.max()) for part in (late, early)]
    assert ceilings == [tops[0], max(tops)]
    with torch.no_grad():
        model.head.linear.bias.fill_(9.0)
    batch = windows.batch(torch.arange(4))
    assert torch.equal(model.predict(batch), torch.full((4, 2, 1), max(tops)))


def test_the_range_of_training_is_that_of_counted_cells() -> None:
    limits = TrainingRange(2)
    far = torch.tensor([[1e9, -1e9]])
    assert torch.equal(limits(far), far), "an untrained network reads everything"
    nothing, seen = torch.tensor([False]), torch.tensor([True, True, False])
    limits.widen(far, nothing)
    assert torch.equal(limits(far), far)
    limits.widen(torch.tensor([[1.0, 5.0], [3.0, 5.0], [99.0, 99.0]]), seen)
    torch.testing.assert_close(limits(far), torch.tensor([[3.2, 5.0]]))
    torch.testing.assert_close(limits(-far), torch.tensor([[0.8, 5.0]]))
    limits.widen(torch.tensor([[11.0, 4.0]]), ~nothing)
    torch.testing.assert_close(limits(far), torch.tensor([[12.0, 3.9]]))


def test_the_dispersion_is_that_of_the_counts() -> None:
    """One constant rate and α, fitted to twenty thousand draws: variance = rate + α rate²."""
    rng = np.random.default_rng(0)
    units = torch.from_numpy(rng.negative_binomial(0.5, 0.5 / (0.5 + 3.0), (1, 20_000)).astype(np.float32))
    head, raw = make_head("negative_binomial", 4), torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        head.loss(raw.expand(1, 20_000, 2), units, torch.ones_like(units), torch.ones(1, 1)).backward()
        optimizer.step()
    assert raw.detach().exp().tolist() == pytest.approx([3.0, 2.0], rel=0.08)


def test_yes_or_no_is_learnt() -> None:
    """Did it sell above its level? A 0/1 panel, unscaled; the probability is calibrated on average."""
    panel = make_frame(4)
    panel["y"] = (panel["y"] > panel.groupby("unique_id")["y"].transform("median")).astype(float)
    windows = WindowSet.from_panel(panel, replace(SHAPE, scale="none"))
    model = make_network("lstm", windows, hidden=16, head="yes_no")
    fit(model, windows, None, TrainSettings(epochs=60, batch_size=32, lr=2e-2, device="cpu"))
    frame = predict(model, windows)
    assert frame["probability"].between(0, 1).all()
    assert frame.loc[frame["y"] == 1, "probability"].mean() > frame.loc[frame["y"] == 0, "probability"].mean() + 0.2
    assert frame["probability"].mean() == pytest.approx(frame["y"].mean(), abs=0.1)


def test_half_precision_learns_too(windows: WindowSet) -> None:
    """The autocast path, on the CPU's own bf16; weights stay 32 bits."""
    model = make_network("gru", windows, hidden=8)
    result = fit(model, windows, None, replace(QUICK, precision="bf16", epochs=8, lr=1e-2))
    assert result.precision == "bf16"
    assert result.history["train_loss"].iloc[-1] < result.history["train_loss"].iloc[0]
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
