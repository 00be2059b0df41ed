"""Networks and heads: shapes, gradients, hand-made losses, masks, and no way for the future to leak in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from at_once import skip_other_lengths
from scipy import stats
from torch import Tensor

from ecomlib.errors import DataError
from ecomlib.models import HEADS, NETWORKS, NetworkSettings, make_head
from ecomlib.windows import Batch

B, T, H, C = 6, 7, 3, 2
NETS = sorted(NETWORKS)
PADDING = (0, 1, 3, T - 1, T, 2)


def make_batch(seed: int = 0, *, padding: tuple[int, ...] = (0,) * B, text: int = 5) -> Batch:
    """A batch of random windows; `padding` periods at the left of each row are unknown."""
    rng = torch.Generator().manual_seed(seed)
    seen = torch.arange(T).unsqueeze(0) >= torch.tensor(padding).unsqueeze(1)
    x = torch.randn(B, T, C, generator=rng) * seen.unsqueeze(-1)
    y = torch.poisson(torch.full((B, H), 4.0), generator=rng)
    scale = torch.rand(B, 1, generator=rng) + 0.5
    return Batch(
        x=x,
        seen=seen,
        f=torch.randn(B, H, 2, generator=rng),
        z=torch.randn(B, 1, generator=rng),
        e=torch.randn(B, text, generator=rng) if text else None,
        y=y,
        target=y / scale,
        mask=torch.ones(B, H, dtype=torch.bool),
        scale=scale,
        index=torch.arange(B),
    )


def make_settings(**changes: object) -> NetworkSettings:
    return replace(
        NetworkSettings(past=C, horizon=H, look_back=T, future=2, static=1, text=5, hidden=8, decoder=8), **changes
    )


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("head", HEADS)
def test_shapes_and_gradients(net: str, head: str) -> None:
    model = NETWORKS[net](make_settings(head=head, layers=2))
    batch = make_batch()
    if head == "yes_no":
        batch = replace(batch, target=(batch.y > 4).float())
    answer = model.predict(batch)
    assert answer.shape == (B, H, len(model.head.names))
    loss = model.loss(batch)
    assert loss.shape == () and torch.isfinite(loss)
    loss.backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().sum() > 0, f"no gradient reaches {name}"


@pytest.mark.parametrize("net", NETS)
def test_every_input_is_read(net: str) -> None:
    model = NETWORKS[net](make_settings(head="squared"))
    batch = make_batch()
    before = model.predict(batch)
    changed = {
        "x": batch.x + 1.0,
        "f": batch.f + 1.0,
        "z": batch.z + 1.0,
        "scale": batch.scale + 1.0,
        "e": batch.e + 1.0 if batch.e is not None else None,
        "seen": batch.seen & (torch.arange(T) != T - 2),  # near the end: some networks do not reach far back
    }
    for name, value in changed.items():
        assert not torch.allclose(model.predict(replace(batch, **{name: value})), before), f"{name} is not read"


@pytest.mark.parametrize("net", NETS)
def test_what_came_cannot_change_the_forecast(net: str) -> None:
    model = NETWORKS[net](make_settings())
    batch = make_batch()
    later = replace(batch, y=batch.y + 100, target=batch.target + 100, mask=~batch.mask)
    torch.testing.assert_close(model.predict(later), model.predict(batch), rtol=0, atol=0)


@pytest.mark.parametrize("net", NETS)
def test_a_step_does_not_see_the_next_steps_plan(net: str) -> None:
    """Each step of the horizon is decoded from its own known-ahead covariates."""
    model = NETWORKS[net](make_settings())
    batch = make_batch()
    f = batch.f.clone()
    f[:, 2:] += 5.0
    before, after = model.predict(batch), model.predict(replace(batch, f=f))
    torch.testing.assert_close(after[:, :2], before[:, :2], rtol=0, atol=0)
    assert not torch.allclose(after[:, 2:], before[:, 2:])


@pytest.mark.parametrize("net", NETS)
def test_padding_is_never_read(net: str) -> None:
    model, batch = NETWORKS[net](make_settings(layers=2)), make_batch(padding=PADDING)
    noise = torch.where(batch.seen.unsqueeze(-1), batch.x, torch.full_like(batch.x, 1e3))
    torch.testing.assert_close(model.predict(replace(batch, x=noise)), model.predict(batch), rtol=0, atol=0)


@pytest.mark.parametrize("net", NETS)
def test_a_young_series_window_says_what_the_short_window_alone_says(net: str) -> None:
    skip_other_lengths(net)
    model, batch = NETWORKS[net](make_settings(layers=2)), make_batch(padding=PADDING)
    before = model.predict(batch)
    for row, gone in enumerate(PADDING):
        if gone in (0, T):
            continue
        one: dict[str, Tensor] = {
            name: getattr(batch, name)[row : row + 1]
            for name in ("x", "seen", "f", "z", "e", "y", "target", "mask", "scale", "index")
        }
        one["x"], one["seen"] = one["x"][:, gone:], one["seen"][:, gone:]
        torch.testing.assert_close(model.predict(Batch(**one)), before[row : row + 1], rtol=1e-5, atol=1e-6)


def test_a_gap_is_not_a_zero() -> None:
    """A censored period inside the window and a period with no sales give different forecasts."""
    model = NETWORKS["gru"](make_settings())
    batch = make_batch()
    x = batch.x.clone()
    x[:, 3] = 0.0
    seen = batch.seen.clone()
    seen[:, 3] = False
    zero, gap = model.predict(replace(batch, x=x)), model.predict(replace(batch, x=x, seen=seen))
    assert not torch.allclose(zero, gap)


def test_padding_of_cells_does_not_count_in_the_loss() -> None:
    for name in HEADS:
        head = make_head(name, 4)
        raw = torch.randn(B, H, head.linear.out_features, generator=torch.Generator().manual_seed(1))
        y = torch.ones(B, H)
        mask = torch.ones(B, H, dtype=torch.bool)
        mask[:, 1] = False
        spoilt = y.clone()
        spoilt[:, 1] = float("nan") if name != "yes_no" else 1e9
        scale = torch.ones(B, 1)
        expected = head.loss(raw[:, [0, 2]], y[:, [0, 2]], mask[:, [0, 2]], scale)
        torch.testing.assert_close(head.loss(raw, spoilt, mask, scale), expected)
        assert head.loss(raw, y, torch.zeros_like(mask), scale) == 0  # nothing counts: zero, not NaN


def by_hand(name: str, raw: np.ndarray, y: np.ndarray, scale: np.ndarray, levels: tuple[float, ...]) -> float:
    """Each head's loss cell by cell, with scipy's distributions for the counts."""
    costs = []
    for b, h in np.ndindex(y.shape):
        r, t = raw[b, h], y[b, h]
        units = round(t * scale[b, 0])
        if name == "squared":
            costs.append((t - r[0]) ** 2)
        elif name == "absolute":
            costs.append(abs(t - r[0]))
        elif name == "quantile":
            quantile, pinball = r[0], []
            for k, q in enumerate(levels):
                quantile = quantile + (np.log1p(np.exp(r[k])) if k else 0.0)
                pinball.append(q * (t - quantile) if t >= quantile else (1 - q) * (quantile - t))
            costs.append(np.mean(pinball))
        elif name == "poisson":
            costs.append(-stats.poisson.logpmf(units, np.exp(r[0]) * scale[b, 0]))
        elif name == "negative_binomial":
            rate, size = np.exp(r[0]) * scale[b, 0], np.exp(-r[1])
            costs.append(-stats.nbinom.logpmf(units, size, size / (size + rate)))
        else:
            p = 1 / (1 + np.exp(-r[0]))
            costs.append(-(t * np.log(p) + (1 - t) * np.log(1 - p)))
    return float(np.mean(costs))


@pytest.mark.parametrize("name", HEADS)
def test_losses_equal_the_hand_formula(name: str) -> None:
    levels = (0.1, 0.5, 0.8)
    rng = np.random.default_rng(3)
    head = make_head(name, 4, levels).double()
    raw = rng.normal(size=(B, H, head.linear.out_features))
    units = rng.poisson(3.0, size=(B, H)).astype(float)
    scale = np.ones((B, 1)) if name == "yes_no" else rng.uniform(0.5, 3.0, size=(B, 1))
    y = (units > 2).astype(float) if name == "yes_no" else units / scale
    tensors = [torch.from_numpy(a) for a in (raw, y)]
    loss = head.loss(*tensors, torch.ones(B, H, dtype=torch.bool), torch.from_numpy(scale))
    assert float(loss) == pytest.approx(by_hand(name, raw, y, scale, levels), abs=1e-6)


def test_quantiles_never_cross() -> None:
    head = make_head("quantile", 4, (0.05, 0.5, 0.6, 0.95))
    raw = 20 * torch.randn(50, H, 4, generator=torch.Generator().manual_seed(0))
    assert (head.predict(raw, torch.ones(50, 1)).diff(dim=-1) >= 0).all()


def test_count_forecast_is_the_rate() -> None:
    """Best constant of the Poisson loss is the mean in units, whatever the scale."""
    head = make_head("poisson", 4)
    y, scale = torch.tensor([[1.0, 2.0, 6.0]]) / 2.0, torch.tensor([[2.0]])
    raw = torch.zeros(1, 1, 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([raw], max_iter=50)

    def close() -> Tensor:
        optimizer.zero_grad()
        loss = head.loss(raw.expand(1, 3, 1), y, torch.ones(1, 3), scale)
        loss.backward()
        return loss

    optimizer.step(close)
    assert float(head.predict(raw, scale).detach() * scale) == pytest.approx(3.0, abs=1e-3)


@pytest.mark.parametrize("net", NETS)
def test_same_seed_same_weights_and_the_callers_randomness_is_untouched(net: str) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (NETWORKS[net](make_settings(seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    batch = make_batch()
    torch.testing.assert_close(first.predict(batch), again.predict(batch), rtol=0, atol=0)
    assert not torch.allclose(first.predict(batch), other.predict(batch))


def test_the_forget_gate_starts_open() -> None:
    model = NETWORKS["lstm"](make_settings(layers=2))
    for layer in range(2):
        bias = sum(model.encoder.get_parameter(f"bias_{part}_l{layer}")[8:16] for part in ("ih", "hh"))
        assert torch.equal(bias, torch.ones(8))


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match="no such head"):
        make_head("median", 4)
    for wrong in ((0.5, 0.1), (0.0, 0.5), (), (0.5, 0.5)):
        with pytest.raises(DataError, match="quantiles must rise"):
            make_head("quantile", 4, wrong)
    with pytest.raises(DataError, match="hidden must be at least 1"):
        make_settings(hidden=0)
    with pytest.raises(DataError, match="dropout"):
        make_settings(dropout=1.0)
    with pytest.raises(DataError, match="text vector"):
        NETWORKS["gru"](make_settings()).predict(make_batch(text=0))


def test_dropout_is_off_in_predict_and_the_mode_is_kept() -> None:
    model = NETWORKS["gru"](make_settings(dropout=0.5)).train()
    batch = make_batch()
    torch.testing.assert_close(model.predict(batch), model.predict(batch), rtol=0, atol=0)
    assert model.training


def test_settings_survive_a_card() -> None:
    from dataclasses import asdict
    from json import dumps, loads

    settings = make_settings(head="quantile", quantiles=(0.2, 0.8))
    assert NetworkSettings(**loads(dumps(asdict(settings)))) == settings
