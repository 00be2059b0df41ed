"""Counts what customers will buy, from three numbers each: BG/NBD for how often, Gamma-Gamma for how much.

Fader, Hardie and Lee (2005), "Counting your customers" the easy way; Fader and Hardie (2013), the Gamma-Gamma model of
monetary value. A customer buys at a rate of her own (a Poisson process; rates are Gamma distributed over customers) and
after each purchase leaves with a chance of her own (Beta distributed). Lesson 14 derives both in section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from ecomlib.errors import DataError

__all__ = ["BGNBD", "GammaGamma", "fit_bgnbd", "fit_gamma_gamma"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BGNBD:
    """Hold the four parameters of a BG/NBD model, and answer what they say of a customer.

    Parameters
    ----------
    r, alpha : float
        Shape and scale of the purchase rates: their mean is r / alpha a period.
    a, b : float
        Of the chance to leave after a purchase: its mean is a / (a + b).
    log_likelihood : float
        Of the customers it was fitted on; NaN where it was not fitted.

    Notes
    -----
    ``frequency`` is the number of purchases after the first, ``recency`` the time from the first to the last, ``age``
    the time from the first until now, all in the unit of time that the model was fitted in; arrays (n,).
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = float("nan")

    def alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
        """Compute the chance that a customer is still there, (n,); 1 for who has bought once alone.

        Parameters
        ----------
        frequency, recency, age : array
            As the notes say.

        Examples
        --------
        >>> cdnow = BGNBD(0.243, 4.414, 0.793, 2.426)
        >>> cdnow.alive([2, 2, 0], [30.43, 3.0, 0.0], [38.86, 38.86, 38.86]).round(3).tolist()
        [0.727, 0.076, 1.0]
        """
        x, t_x, T = _three(frequency, recency, age)
        return 1.0 / (1.0 + self._gone(x, t_x, T))

    def expected(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, ahead: float) -> Floats:
        """Compute the expected number of purchases in the time ahead, (n,).

        Parameters
        ----------
        frequency, recency, age : array
            As the notes say.
        ahead : float
            Length of the time ahead.

        Examples
        --------
        >>> BGNBD(0.243, 4.414, 0.793, 2.426).expected([2], [30.43], [38.86], 39.0).round(3).tolist()  # as published
        [1.226]
        """
        x, t_x, T = _three(frequency, recency, age)
        shrunk = ((self.alpha + T) / (self.alpha + T + ahead)) ** (self.r + x)
        reach = hyp2f1(self.r + x, self.b + x, self.a + self.b + x - 1, ahead / (self.alpha + T + ahead))
        return (self.a + self.b + x - 1) / (self.a - 1) * (1 - shrunk * reach) / (1 + self._gone(x, t_x, T))

    def silent(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, ahead: float) -> Floats:
        """Compute the chance to buy nothing in the time ahead, (n,): gone already, or merely quiet.

        Parameters
        ----------
        frequency, recency, age, ahead : array, array, array, float
            As of ``expected``.

        Examples
        --------
        >>> BGNBD(0.243, 4.414, 0.793, 2.426).silent([2], [30.43], [38.86], 13.0).round(3).tolist()
        [0.677]
        """
        x, t_x, T = _three(frequency, recency, age)
        quiet = ((self.alpha + T) / (self.alpha + T + ahead)) ** (self.r + x)  # for who is there
        return 1 - (1 - quiet) / (1 + self._gone(x, t_x, T))

    def _gone(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """Odds of being gone."""
        odds = self.a / (self.b + np.maximum(x, 1) - 1) * ((self.alpha + T) / (self.alpha + t_x)) ** (self.r + x)
        return np.where(x > 0, odds, 0.0)


def _three(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Floats, Floats, Floats]:
    x, t_x, T = (np.asarray(part, dtype=np.float64) for part in (frequency, recency, age))
    fits = x.shape == t_x.shape == T.shape and x.ndim == 1 and len(x) > 0
    if not fits or not (np.isfinite(T).all() and (x >= 0).all() and (t_x >= 0).all() and (t_x <= T).all()):
        raise DataError(
            "a customer has a frequency, a recency and an age, none below zero, and no recency above the age",
            value=(x.shape, t_x.shape, T.shape),
            remedy="give three arrays (n,), as decisions.retention.purchase_history makes them.",
        )
    return x, t_x, T


def fit_bgnbd(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> BGNBD:
    """Fit BG/NBD by maximum likelihood, from several starts.

    Parameters
    ----------
    frequency, recency, age : array
        A customer's purchases after the first, time from first to last, and time from first until now, (n,). Weeks are
        a good unit; days work.

    Returns
    -------
    BGNBD
        In the unit of time of ``recency`` and ``age``.

    Raises
    ------
    DataError
        Arrays that do not fit, nobody bought twice, or no start converged.
    """
    x, t_x, T = _three(frequency, recency, age)
    if not (x > 0).any():
        raise DataError("nobody has bought twice", column="frequency", remedy="bring a longer history.")
    unit = float(T.mean())  # so that every parameter is near one
    again, x1 = x > 0, np.maximum(x, 1)

    def loss(logs: Floats) -> float:
        r, alpha, a, b = np.exp(logs)
        rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        stays = betaln(a, b + x) - betaln(a, b)
        there = -(r + x) * np.log(alpha + T / unit)
        left = np.log(a) - np.log(b + x1 - 1) - (r + x) * np.log(alpha + t_x / unit)
        whole = rate + stays + np.where(again, np.logaddexp(there, left), there)
        return float(-whole.mean())

    starts = ((0.5, 0.5, 0.5, 2.0), (1.0, 1.0, 1.0, 1.0), (0.2, 0.1, 0.8, 3.0))
    box = [(-9.0, 9.0)] * 4
    found = [minimize(loss, np.log(start), method="L-BFGS-B", bounds=box) for start in starts]
    best = min((one for one in found if np.isfinite(one.fun)), key=lambda one: one.fun, default=None)
    if best is None:
        raise DataError("no start converged", column="frequency", remedy="look for a customer unlike all others.")
    r, alpha, a, b = np.exp(best.x)
    value = float(-best.fun) * len(x) - float(x.sum() * np.log(unit))
    return BGNBD(float(r), float(alpha * unit), float(a), float(b), value)


@dataclass(frozen=True)
class GammaGamma:
    """Hold the three parameters of a Gamma-Gamma model of what an order is worth.

    Parameters
    ----------
    p : float
        Shape of a customer's own orders around her mean.
    q, gamma : float
        Of the means over customers: they have mean p gamma / (q - 1).
    """

    p: float
    q: float
    gamma: float

    def expected(self, orders: ArrayLike, mean_money: ArrayLike) -> Floats:
        """Compute the expected worth of a next order, (n,): her own mean, drawn towards everybody's.

        Parameters
        ----------
        orders : array
            How many orders the mean is of, (n,); 0 gives everybody's mean.
        mean_money : array
            Mean money an order, (n,).

        Examples
        --------
        >>> GammaGamma(6.25, 3.74, 15.44).expected([0, 1, 20], [0.0, 100.0, 100.0]).round(1).tolist()
        [35.2, 80.3, 98.6]
        """
        x, m = np.asarray(orders, dtype=np.float64), np.asarray(mean_money, dtype=np.float64)
        return self.p * (self.gamma + x * m) / (self.p * x + self.q - 1)


def fit_gamma_gamma(orders: ArrayLike, mean_money: ArrayLike) -> GammaGamma:
    """Fit Gamma-Gamma by maximum likelihood; what an order is worth is taken to be unrelated to how often one orders.

    Parameters
    ----------
    orders : array
        Number of orders that the mean is of, (n,), 1 or more.
    mean_money : array
        Mean money an order, (n,), above 0.

    Raises
    ------
    DataError
        Arrays that do not fit, or no mean that exists (q at most 1).
    """
    x, m = np.asarray(orders, dtype=np.float64), np.asarray(mean_money, dtype=np.float64)
    if x.shape != m.shape or x.ndim != 1 or not len(x) or not ((x >= 1).all() and (m > 0).all()):
        raise DataError(
            "Gamma-Gamma needs a number of orders of 1 or more and a mean above zero for each customer",
            column="mean_money",
            value=(x.shape, m.shape),
            remedy="leave out customers without an order that was paid for.",
        )
    unit = float(m.mean())
    z = m / unit

    def loss(logs: Floats) -> float:
        p, q, gamma = np.exp(logs)
        each = -betaln(p * x, q) + q * np.log(gamma) + (p * x - 1) * np.log(z) + p * x * np.log(x)
        return float(-(each - (p * x + q) * np.log(gamma + x * z)).mean())

    found = [
        minimize(loss, np.log(start), method="L-BFGS-B", bounds=[(-9.0, 9.0)] * 3)
        for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5))
    ]
    best = min((one for one in found if np.isfinite(one.fun)), key=lambda one: one.fun, default=None)
    if best is None or np.exp(best.x[1]) <= 1:
        raise DataError(
            "the means differ so much that they have no mean",
            column="mean_money",
            remedy="look for orders of another kind, such as wholesale, and leave them out.",
        )
    p, q, gamma = (float(value) for value in np.exp(best.x))
    return GammaGamma(p, q, gamma * unit)
