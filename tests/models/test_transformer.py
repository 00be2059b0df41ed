"""The Transformer: parity with torch's attention, no look at tomorrow, ages as positions, weights one can read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from ecomlib.errors import DataError
from ecomlib.forecasting import backtest
from ecomlib.models import NETWORKS, NetworkSettings, TransformerNetwork, TransformerSettings
from ecomlib.models.attention import Attention, positions
from ecomlib.training import NetworkForecaster, TrainSettings, load, save
from ecomlib.windowing import WindowSettings
from ecomlib.windows import Batch

B, T, H = 5, 9, 3


def settings(**changes: object) -> TransformerSettings:
    plain = TransformerSettings(past=2, horizon=H, future=1, hidden=8, attention_heads=2, feed_forward=12)
    return replace(plain, **changes)


def make_batch(padding: tuple[int, ...] = (0, 0, 2, T - 1, T), steps: int = T, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    count = len(padding)
    seen = torch.arange(steps) >= torch.tensor(padding).unsqueeze(1)
    seen[0, 4] = False  # a gap is no padding
    y = torch.rand(count, H, generator=rng)
    return Batch(
        x=torch.randn(count, steps, 2, generator=rng) * seen.unsqueeze(-1),
        seen=seen,
        f=torch.randn(count, H, 1, generator=rng),
        z=torch.zeros(count, 0),
        e=None,
        y=y,
        target=y,
        mask=torch.ones(count, H, dtype=torch.bool),
        scale=torch.ones(count, 1),
        index=torch.arange(count),
    )


def test_attention_is_torchs() -> None:
    """The same weights in torch's own module give the same result and the same attention."""
    torch_one = nn.MultiheadAttention(8, 2, batch_first=True)
    ours = Attention(8, 8, 8, 2)
    with torch.no_grad():
        torch_one.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        torch_one.in_proj_bias.copy_(torch.cat([ours.query.bias, torch.zeros(8), ours.value.bias]))
        torch_one.out_proj.load_state_dict(ours.out.state_dict())
    rng = torch.Generator().manual_seed(0)
    query, memory = torch.randn(B, 4, 8, generator=rng), torch.randn(B, T, 8, generator=rng)
    allowed = torch.rand(4, T, generator=rng) > 0.4
    allowed[:, 0] = True
    expected, weights = torch_one(query, memory, memory, attn_mask=~allowed, average_attn_weights=False)
    mask = allowed.expand(B, -1, -1)
    torch.testing.assert_close(ours(query, memory, mask), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.weights(query, memory, mask), weights, rtol=1e-5, atol=1e-6)


def test_positions_are_ages() -> None:
    """A period's position depends on how long before the origin it lies, not on the length of the window."""
    long, short = positions(60, 16), positions(20, 16)
    torch.testing.assert_close(long[-20:], short, rtol=0, atol=0)
    assert long.abs().max() <= 1 and positions(5, 7).shape == (5, 7)
    distance = torch.cdist(positions(200, 32), positions(200, 32)) + 10 * torch.eye(200)
    assert distance.min() > 0.1  # no two ages look alike


@pytest.mark.parametrize("net", ["gru", "lstm", "transformer"])
def test_tomorrow_cannot_change_today(net: str) -> None:
    """The state after a period rests on that period and those before it."""
    model = NETWORKS[net](settings(layers=2)).eval()
    batch = make_batch()
    before, exists = model.hidden_states(batch.x, batch.seen)
    x = batch.x.clone()
    x[:, 6:] += 3.0 * batch.seen[:, 6:, None]
    after, _ = model.hidden_states(x, batch.seen)
    torch.testing.assert_close(after[:, :6], before[:, :6], rtol=0, atol=1e-6)
    assert not torch.allclose(after[:3, 6:], before[:3, 6:], atol=1e-3)
    assert exists.tolist() == [[t >= p for t in range(T)] for p in (0, 0, 2, T - 1, T)]
    assert (before[~exists] == 0).all()
    # What is asked for alone is the last of all.
    torch.testing.assert_close(model.encode(batch.x, batch.seen), before[:, -1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layers", [1, 2])
def test_weights_one_can_read(layers: int) -> None:
    model = TransformerNetwork(settings(layers=layers, dropout=0.5)).train()
    batch = make_batch()
    weights = model.attention(batch)
    assert weights.shape == (B, 2, T) and model.training
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, 2))
    torch.testing.assert_close(weights, model.attention(batch), rtol=0, atol=0)  # no dropout in it
    assert (weights[2, :, :2] == 0).all() and (weights[2, :, 2:] > 0).all()  # padding, and the rest
    assert (weights[3, :, -1] == 1).all()  # one period known: it is all there is to see


def test_attention_finds_the_period_that_matters() -> None:
    """Units repeat after twelve periods: after training most of the attention lies there."""
    lag, steps, count = 12, 24, 256
    rng = torch.Generator().manual_seed(0)
    batch = make_batch((0,) * count, steps)
    x = torch.randn(count, steps, 2, generator=rng)
    target = x[:, steps - 1 - lag, :1].expand(-1, H)
    batch = replace(batch, x=x, seen=torch.ones(count, steps, dtype=torch.bool), target=target, f=0 * batch.f)
    model = TransformerNetwork(settings(hidden=16, head="squared"))
    before = model.attention(batch).mean((0, 1)).flip(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        loss = model.loss(batch)
        loss.backward()
        optimizer.step()
    by_lag = model.attention(batch).mean((0, 1)).flip(0)
    assert loss < 0.1  # of a variance of one
    assert before[lag] < 0.1 < 0.5 < by_lag[lag] and int(by_lag.argmax()) == lag


def test_an_old_card_and_a_new_one(tmp_path: Path) -> None:
    """A card written before there were heads and fusion makes the same network; a Transformer survives its file."""
    old = {"past": 2, "horizon": H, "future": 1, "hidden": 8, "quantiles": [0.1, 0.5], "head": "absolute", "seed": 3}
    read = NetworkSettings(**old)
    assert read.fusion == "concat" and NETWORKS["gru"](read).gate is None
    model, batch = TransformerNetwork(settings(layers=2, attention_heads=4, seed=1)), make_batch()
    again, card = load(save(model, tmp_path / "net"))
    assert card["kind"] == "transformer" and again.settings == model.settings
    torch.testing.assert_close(again.predict(batch), model.predict(batch), rtol=0, atol=0)


def test_it_stands_in_a_backtest() -> None:
    """One season, many series: trained anew at the origin it beats the last value."""
    weeks = pd.date_range("2023-01-02", periods=60, freq="W-MON")
    wave = 10 + 8 * np.sin(2 * np.pi * np.arange(60) / 8)
    rng = np.random.default_rng(0)
    panel = pd.concat(
        [
            pd.DataFrame({"unique_id": f"p{k:02d}", "ds": weeks, "y": rng.poisson(wave * (1 + k % 3)).astype(float)})
            for k in range(12)
        ],
        ignore_index=True,
    )
    forecaster = NetworkForecaster(
        "transformer",
        WindowSettings(look_back=16, scale="log1p_shift"),
        TrainSettings(epochs=8, lr=1e-2, batch_size=64, device="cpu"),
        options={"hidden": 16, "attention_heads": 2},
    )

    def naive(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        return future["unique_id"].map(past.groupby("unique_id")["y"].last()).to_numpy(dtype=float)

    frame = backtest(panel, {"net": forecaster, "naive": naive}, [weeks[-1 - H], weeks[-1 - 2 * H]], H)
    error = frame[["net", "naive"]].sub(frame["y"], axis=0).abs().mean()
    assert error["net"] < 0.7 * error["naive"]


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match="multiple of attention_heads"):
        settings(hidden=9)
    with pytest.raises(DataError, match="attention_heads must be at least 1"):
        settings(attention_heads=0)
