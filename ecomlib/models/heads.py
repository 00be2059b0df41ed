"""Defines task heads: what the last layer means, how its loss is taken, and which number is the forecast.

A head turns the decoder's features (B, H, D) into parameters `raw` (B, H, K), compares them with what came, and reads
the forecast off them. Which head to take follows from the decision, not from taste: the mean for squared error, the
median for absolute error, a quantile for an order with two costs, a count distribution where units are few, a
probability for yes or no (lesson 04, sections 5 and 6).

All heads share one convention. Targets `y` (B, H) come as the windows scale them, with `scale` (B, 1) known at the
origin; `mask` (B, H) is true where the target counts. A loss is the mean over the counted cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ecomlib.contract import quantile_column
from ecomlib.errors import DataError
from ecomlib.evaluation.floors import count_quantile
from ecomlib.models.ranges import TrainingRange

DEFAULT_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def central(quantiles: Iterable[float]) -> float:
    """Return the quantile that stands for the forecast: the median, or the nearest to it."""
    return min(quantiles, key=lambda share: abs(share - 0.5))


def masked_mean(cost: Tensor, mask: Tensor) -> Tensor:
    """Mean of `cost` (B, H) over the cells where `mask` (B, H) is true; zero when no cell counts.

    `torch.where` and not a product: an infinite cost in a cell that does not count must not become NaN
    (lesson 04, section 2).
    """
    kept = torch.where(mask.bool(), cost, torch.zeros_like(cost))
    return kept.sum() / mask.bool().sum().clamp(min=1)


class Head(nn.Module):
    """A linear layer from the decoder's features to K parameters a step, with a loss and a reading of them."""

    names: tuple[str, ...] = ("forecast",)  # the columns of a forecast, one for each number of `predict`
    scales: tuple[str, ...] = ("none", "mean_abs", "log1p_mean", "log1p_shift")  # of the windows it can work with
    in_units = True  # whether the forecast is an amount, which the windows have scaled
    exponential = False  # whether the forecast is the exponential of a sum of covariates, see `TrainingRange`

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, H, D) -> raw parameters (B, H, K), in 32 bits whatever the layers before ran in."""
        return self.linear(features).float()

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        """Mean loss over counted cells: raw (B, H, K), y and mask (B, H), scale (B, 1) -> scalar."""
        raise NotImplementedError

    def note_range(self, y: Tensor, mask: Tensor) -> None:
        """Note which targets training shows, y and mask (B, H); only an exponential head has a use for it."""

    def predict(self, raw: Tensor, scale: Tensor) -> Tensor:
        """Raw (B, H, K) -> forecasts (B, H, len(names)), on the scale of the windows' y."""
        raise NotImplementedError


class SquaredHead(Head):
    """Squared error: the forecast is the mean (lesson 04, section 5)."""

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        return masked_mean((y - raw[..., 0]) ** 2, mask)

    def predict(self, raw: Tensor, scale: Tensor) -> Tensor:
        return raw


class AbsoluteHead(SquaredHead):
    """Absolute error: the forecast is the median (lesson 04, section 5)."""

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        return masked_mean((y - raw[..., 0]).abs(), mask)


class QuantileHead(Head):
    """Several quantiles that cannot cross: the lowest, and a positive step to each next one (lesson 07b, section 3).

    Pinball loss: Koenker and Bassett, "Regression Quantiles" (1978), averaged over the quantiles.
    """

    levels: Tensor

    def __init__(self, features: int, quantiles: Sequence[float] = DEFAULT_QUANTILES) -> None:
        if not quantiles or any(not 0 < q < 1 for q in quantiles) or list(quantiles) != sorted(set(quantiles)):
            raise DataError(
                "quantiles must rise and lie between 0 and 1",
                value=tuple(quantiles),
                remedy="give them as (0.1, 0.5, 0.9).",
            )
        super().__init__(features, len(quantiles))
        self.names = tuple(quantile_column("forecast", q) for q in quantiles)
        self.register_buffer("levels", torch.tensor(list(quantiles), dtype=torch.float32), persistent=False)

    def predict(self, raw: Tensor, scale: Tensor) -> Tensor:
        return torch.cat([raw[..., :1], raw[..., :1] + F.softplus(raw[..., 1:]).cumsum(-1)], dim=-1)

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        gap = y.unsqueeze(-1) - self.predict(raw, scale)
        pinball = torch.maximum(self.levels * gap, (self.levels - 1) * gap)
        return masked_mean(pinball.mean(-1), mask)


class CountHead(Head):
    """Counts: Poisson, or negative binomial with a dispersion of its own a step (lesson 04, section 5).

    The first parameter is log(rate / scale), so the rate is in units; the second is log(α), where
    variance = rate + α rate² (Cameron and Trivedi, "Regression Analysis of Count Data", 2013, NB2). The forecast is the
    rate, which is the mean. Terms without parameters are kept: the loss is minus the log-likelihood.

    Under both distributions the rate is fitted by the Poisson likelihood, and α by the negative binomial one given the
    rate. Whatever the counts' true distribution, the first finds the right mean; the joint maximum need not
    (Gourieroux, Monfort and Trognon, "Pseudo Maximum Likelihood Methods", 1984): a lump among zeros makes α large, a
    rate far too high then costs next to nothing, log(1 + α rate) / α, and is never brought down.

    `law` reads quantiles off the whole distribution: the rate alone is no order (lesson 11b, section 4).
    """

    scales = ("none", "mean_abs")  # where y * scale is a number of units
    exponential = True

    def __init__(self, features: int, distribution: str = "poisson") -> None:
        super().__init__(features, 1 if distribution == "poisson" else 2)
        self.distribution = distribution
        self.range = TrainingRange(1)

    def rate(self, raw: Tensor, scale: Tensor) -> Tensor:
        """Expected units (B, H). The exponent is bounded: one wild step must not end a training run in infinity."""
        return raw[..., 0].clamp(-12.0, 12.0).exp() * scale

    def predict(self, raw: Tensor, scale: Tensor) -> Tensor:
        # A mean lies below the largest count of all. Not so in the loss: a clamped rate would have no gradient.
        return torch.minimum((self.rate(raw, scale) / scale).unsqueeze(-1), self.range.highest)

    def law(self, raw: Tensor, scale: Tensor, quantiles: Sequence[float]) -> Tensor:
        """Read quantiles in units off the distribution: raw (B, H, K), scale (B, 1) -> (B, H, len(quantiles)).

        Whole numbers, of the distribution with the mean of `predict` and the head's own α. scipy computes them, so they
        are no part of an exported network.
        """
        mean = (self.predict(raw, scale)[..., 0] * scale).double().cpu().numpy()
        alpha = raw[..., 1].clamp(-8.0, 8.0).exp().double().cpu().numpy() if self.distribution != "poisson" else 0.0
        found = [count_quantile(mean, mean + alpha * mean**2, share) for share in quantiles]
        return torch.from_numpy(np.stack(found, axis=-1))

    def note_range(self, y: Tensor, mask: Tensor) -> None:
        self.range.widen(y.unsqueeze(-1), mask)

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        rate = self.rate(raw, scale).clamp(min=1e-8)
        units = torch.where(mask.bool(), y * scale, torch.zeros_like(y))
        poisson = rate - units * rate.log() + torch.lgamma(units + 1)
        if self.distribution == "poisson":
            return masked_mean(poisson, mask)
        given, size = rate.detach(), (-raw[..., 1].clamp(-8.0, 8.0)).exp()  # size = 1 / α
        cost = -(
            torch.lgamma(units + size)
            - torch.lgamma(size)
            - torch.lgamma(units + 1)
            + size * (size / (size + given)).log()
            + units * (given / (size + given)).log()
        )
        return masked_mean(cost + (poisson - poisson.detach()), mask)  # the second term is zero and has a gradient


class YesNoHead(Head):
    """Yes or no: a probability from the logistic loss, taken on the logit once (lesson 04, section 5).

    The targets are 0 or 1 and are not scaled.
    """

    names = ("probability",)
    scales = ("none",)
    in_units = False

    def __init__(self, features: int) -> None:
        super().__init__(features, 1)

    def loss(self, raw: Tensor, y: Tensor, mask: Tensor, scale: Tensor) -> Tensor:
        return masked_mean(F.binary_cross_entropy_with_logits(raw[..., 0], y, reduction="none"), mask)

    def predict(self, raw: Tensor, scale: Tensor) -> Tensor:
        return torch.sigmoid(raw)


COUNTS = ("poisson", "negative_binomial")
HEADS = ("squared", "absolute", "quantile", "poisson", "negative_binomial", "yes_no")


def make_head(name: str, features: int, quantiles: Sequence[float] = DEFAULT_QUANTILES) -> Head:
    """The head called `name`, one of `HEADS`, on decoder features of width `features` (lesson 04, section 5)."""
    if name == "squared":
        return SquaredHead(features)
    if name == "absolute":
        return AbsoluteHead(features)
    if name == "quantile":
        return QuantileHead(features, quantiles)
    if name in COUNTS:
        return CountHead(features, name)
    if name == "yes_no":
        return YesNoHead(features)
    raise DataError("there is no such head", value=name, remedy=f"take one of {', '.join(HEADS)}.")
