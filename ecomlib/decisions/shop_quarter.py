"""Runs the shop for a quarter, week by week: in a notebook, in the terminal, and for a room's referee (lesson 22).

A ``Quarter`` holds one play of one shop, P products, J customers. It shows what a shop sees, takes what is decided, and
keeps the money. What customers wanted and could not have, it does not show before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.shop_env import ShopEnv, play
from ecomlib.decisions.shop_game import MOST_UNITS, Action, Obs, Policy
from ecomlib.decisions.shop_lessons import OPPONENTS
from ecomlib.decisions.shop_policies import (
    CostPlus,
    MeanOfWeeks,
    attainable_policy,
    list_price,
    mail_everybody,
    mail_nobody,
    shop_policy,
)
from ecomlib.decisions.shop_rounds import (
    LAST_WEEK,
    REFERENCE,
    RULE,
    CoverWeeks,
    InRounds,
    chosen_course,
    last_week_policy,
    no_offers,
    quarter_options,
    rounds,
    rule_policy,
)
from ecomlib.errors import DataError
from ecomlib.evaluation import skill
from ecomlib.evaluation.share import MATTERS

SHOP, COURSE = "the shop", "the course"
BOTS: dict[str, Callable[[ShopEnv], Policy]] = {  # a later lesson's policy is a line more
    SHOP: lambda env: shop_policy,
    LAST_WEEK: last_week_policy,
    **OPPONENTS,
    COURSE: chosen_course,
    RULE: rule_policy,
    REFERENCE: attainable_policy,
}
COLUMNS = {"order": "up_to", "price": "price", "promote": "promote"}  # of a sheet, by lever
PARTS = {"order": "order", "price": "price", "promote": "offers", "mail": "letters"}  # levers, as players call them
CHOICES = {
    "order": "'rule', 'mean', 'shop', or a number: weeks of the mean of eight to order up to",
    "price": "'rule', 'list', 'shop', or a number: the mark-up on the cost, such as 0.9",
    "promote": "'rule' (best sellers), 'nothing', or 'shop'",
    "mail": "'rule' (who bought within 60 days), 'nobody', 'everybody', or 'shop'",
}


def open_quarter(size: str = "small", seed: int = 0, **options: Any) -> ShopEnv:
    """Open a simulated store's last thirteen weeks as a quarter in rounds.

    Parameters
    ----------
    size, seed : str, int
        Of the store.
    **options : Any
        Of ``ShopEnv``.

    Returns
    -------
    ShopEnv
    """
    return ShopEnv(size=size, seed=seed, **quarter_options(size, **options))


@dataclass(frozen=True, eq=False)
class Sheet:
    """Hold what was decided for some weeks; what is None is left to the shop.

    It is a policy: called each Monday, it orders what is missing up to its levels.

    Parameters
    ----------
    products : tuple of str (P,)
        Those that it speaks of.
    up_to : array of int (P,), optional
        Units.
    price : array (P,), optional
        Money.
    promote : array of int (P,), optional
        0 or 1.
    mail : frozenset of str, optional
        Who is written to.
    product_ids, customer_ids : array
        Of the game; needed to play it.
    """

    products: tuple[str, ...]
    up_to: NDArray[np.int64] | None = None
    price: NDArray[np.float64] | None = None
    promote: NDArray[np.int8] | None = None
    mail: frozenset[str] | None = None
    product_ids: Any = None
    customer_ids: Any = None

    history_by = None

    def __call__(self, obs: Obs, history: Any = None) -> Action:
        """Return what the sheet says for this Monday."""
        at = pd.Index(self.product_ids).get_indexer(list(self.products))
        action: dict[str, Any] = {}
        if self.up_to is not None:
            order = np.zeros(len(self.product_ids), dtype=np.int64)
            short = self.up_to - (obs["on_hand"] + obs["arriving"])[at]
            order[at] = np.clip(short, 0, MOST_UNITS)
            action["order"] = order
        if self.price is not None:
            price = np.where(obs["plan_price"][:, 0] > 0, obs["plan_price"][:, 0], 1.0)
            price[at] = self.price
            action["price"] = price
        if self.promote is not None:
            page = np.zeros(len(self.product_ids), dtype=np.int8)
            page[at] = self.promote
            action["promote"] = page
        if self.mail is not None:
            action["mail"] = np.isin(np.asarray(self.customer_ids, dtype=object), list(self.mail)).astype(np.int8)
        return action

    def frame(self, number: int) -> pd.DataFrame:
        """Write the sheet as it is handed in: ``turn, product_id`` and a column for each lever."""
        table = pd.DataFrame({"turn": number, "product_id": list(self.products)})
        for name in COLUMNS.values():
            values = getattr(self, name)
            if values is not None:
                table[name] = values
        return table


class Quarter:
    """Play one quarter of one shop.

    Parameters
    ----------
    env : ShopEnv
        Of ``open_quarter``.
    luck : int
        Two players with the same luck can be compared.
    rule : InRounds, optional
        Of ``rule_policy``, where it is at hand.

    Examples
    --------
    >>> quarter = Quarter(open_quarter("tiny"))
    >>> quarter.play(quarter.choice(order="rule"), weeks=4)["week"].tolist()
    [1, 2, 3, 4]
    >>> quarter.levers
    ('order', 'price')
    """

    def __init__(self, env: ShopEnv, luck: int = 0, rule: InRounds | None = None) -> None:
        # Of its own: whoever plays ``env`` meanwhile begins it again.
        self.env, self.luck = env.under(**vars(env.game)), luck
        if rule is not None:
            self.rule = rule
        self.start()

    @cached_property
    def rule(self) -> InRounds:
        """Zero of the scale, the best rule without a model."""
        return rule_policy(self.env)

    def start(self) -> None:
        """Begin again on the first Monday."""
        self.obs, _ = self.env.reset(seed=self.luck)
        self._rows: list[dict[str, Any]] = []
        self._lost: list[NDArray[np.int64]] = []
        self._opening = self.env._world.market.dates[7 * self.env.week]

    # --- where it stands ------------------------------------------------------------------------------------------

    @property
    def week(self) -> int:
        """Weeks that are played."""
        return len(self._rows)

    @property
    def over(self) -> bool:
        """Whether all weeks are played."""
        return self.week == self.env.game.weeks

    @property
    def levers(self) -> tuple[str, ...]:
        """Levers that may be moved in the week to come."""
        return self.env.game.open_in(self.week)

    @property
    def round(self) -> int:
        """Number of the round, from 1."""
        return sum(self.week >= weeks.start for weeks in rounds(self.env.game))

    @property
    def weeks(self) -> pd.DataFrame:
        """What was earned, a row a week: ``week, ds, round, profit, margin, holding, letters, sold, on_hand``."""
        return pd.DataFrame(self._rows)

    @property
    def profit(self) -> float:
        """Money so far."""
        return float(sum(row["profit"] for row in self._rows))

    def history(self) -> pd.DataFrame:
        """Return the shop's books until now, as ``ShopEnv.history`` does."""
        return self.env.history()

    def lost(self) -> pd.DataFrame:
        """Tabulate what customers wanted and could not have, a row a product and week; after the end alone.

        Raises
        ------
        DataError
            The quarter is not over.
        """
        if not self.over:
            raise DataError("what was lost is shown after the last week", remedy="play on.")
        ids, weeks = self.env.product_ids, np.arange(1, self.week + 1)
        lost = {"product_id": np.tile(ids, len(weeks)), "week": np.repeat(weeks, len(ids))}
        return pd.DataFrame(lost | {"lost": np.concatenate(self._lost)})

    def see(self) -> pd.DataFrame:
        """Tabulate what the shop sees this Monday, a row a product that is on sale or announced.

        Returns
        -------
        DataFrame
            ``product_id``, units ``on_hand, arriving, sold_last_week, mean_of_8``, ``days_out`` of last week's seven,
            money ``unit_cost, list_price, plan_price`` (the shop's own for this week), ``next_price, price_low,
            price_high``, and ``plan_promoted, next_promoted``.
        """
        obs, at = self.obs, self.known()
        seen = np.maximum(np.minimum(obs["age"], obs["sold"].shape[-1]), 1)
        table = {
            "product_id": self.env.product_ids,
            "on_hand": obs["on_hand"],
            "arriving": obs["arriving"],
            "sold_last_week": obs["sold"][:, -1],
            "mean_of_8": (obs["sold"].sum(axis=1) / seen).round(2),
            "days_out": (7 * obs["stockout"]).round(1),
            "unit_cost": obs["cost"].round(2),
            "list_price": obs["list_price"],
            "plan_price": obs["plan_price"][:, 0].round(2),
            "next_price": obs["plan_price"][:, 1].round(2),
            "price_low": obs["price_low"].round(2),
            "price_high": obs["price_high"].round(2),
            "plan_promoted": obs["plan_promoted"][:, 0],
            "next_promoted": obs["plan_promoted"][:, 1],
        }
        return pd.DataFrame(table).iloc[at].reset_index(drop=True)

    def known(self) -> NDArray[np.intp]:
        """Return the places of the products that are on sale or announced, in the order of the game's arrays."""
        return np.flatnonzero(self.obs["list_price"] > 0)

    # --- deciding -------------------------------------------------------------------------------------------------

    def choice(self, **levers: Any) -> InRounds:
        """Make a policy of a choice in words or a number for each lever; what is left out is the rule's.

        Parameters
        ----------
        **levers : str, float or policy
            ``order``, ``price``, ``promote`` and ``mail``; ``CHOICES`` says what each takes.

        Returns
        -------
        InRounds

        Raises
        ------
        DataError
            There is no such choice.
        """
        parts = dict(self.rule.parts)
        parts |= {lever: self._part(lever, value) for lever, value in levers.items() if value is not None}
        return InRounds(self.env.game, {name: part for name, part in parts.items() if part is not shop_policy})

    def _part(self, lever: str, value: Any) -> Policy:
        if lever not in CHOICES:
            raise DataError("there is no such lever", value=lever, remedy=f"name one of {', '.join(CHOICES)}.")
        if callable(value):
            return value  # type: ignore[no-any-return]
        env, word = self.env, str(value).strip().lower()
        named: dict[str, dict[str, Callable[[], Policy]]] = {
            "order": {"mean": lambda: MeanOfWeeks(env.game, 1.0)},
            "price": {"list": lambda: list_price},
            "promote": {"nothing": lambda: no_offers},
            "mail": {"nobody": lambda: mail_nobody, "everybody": lambda: mail_everybody},
        }
        if word == "shop":
            return shop_policy
        if word == "rule" or (lever, word) == ("mail", "recent"):
            return self.rule.parts[lever]
        if word in named[lever]:
            return named[lever][word]()
        try:
            number = float(word)
        except ValueError:
            number = np.nan
        if lever in ("order", "price") and 0 <= number <= 100:
            return CoverWeeks(env.game, number) if lever == "order" else CostPlus(number)
        raise DataError(f"this is no choice for {PARTS[lever]}", value=value, remedy=f"write {CHOICES[lever]}.")

    def sheet(self, policy: Policy, *, exact: bool = True) -> Sheet:
        """Write down as a sheet what a policy would do this Monday.

        Parameters
        ----------
        policy : Policy
            Of ``choice``, or any other.
        exact : bool
            Levels that make just this Monday's order; else those that the policy would fill empty shelves to, which
            hold for several weeks.

        Returns
        -------
        Sheet
        """
        at, obs = self.known(), self.obs
        by = getattr(policy, "history_by", ("product_id",))
        books = None if by is None else self.env.history(by)
        action = dict(policy(obs, books) or {})
        shop = self.env.shop_rule(obs)
        made: dict[str, Any] = {}
        if not exact:
            empty = obs | {name: np.zeros_like(obs[name]) for name in ("on_hand", "arriving")}
            action |= {name: value for name, value in dict(policy(empty, books) or {}).items() if name == "order"}
        for lever in self.levers:
            value = np.asarray(action.get(lever, shop[lever]))
            if lever == "order":
                stock = (obs["on_hand"] + obs["arriving"])[at] if exact or lever not in action else 0
                made["up_to"] = (value[at] + stock).astype(np.int64)
            elif lever == "price":
                price = np.where(obs["plan_price"][at, 0] > 0, value[at], obs["list_price"][at])
                made["price"] = price.clip(obs["price_low"][at], obs["price_high"][at]).round(2)
            elif lever == "promote":
                made["promote"] = value[at].astype(np.int8)
            else:
                made["mail"] = frozenset(self.env.customer_ids[value.astype(bool)])
        return self.playable(Sheet(tuple(self.env.product_ids[at]), **made))

    def playable(self, sheet: Sheet) -> Sheet:
        """Give a sheet that was read from a file what it needs to be played."""
        held = {name: getattr(sheet, name) for name in ("up_to", "price", "promote", "mail")}
        return Sheet(sheet.products, **held, product_ids=self.env.product_ids, customer_ids=self.env.customer_ids)

    # --- playing --------------------------------------------------------------------------------------------------

    def play(self, decision: Policy | Action | None = None, weeks: int = 1) -> pd.DataFrame:
        """Play the next weeks.

        Parameters
        ----------
        decision : policy, dict or None
            A policy is asked each Monday; a dict of levers is played each week as it is; None is the shop's own.
        weeks : int
            How many; fewer where the quarter ends before.

        Returns
        -------
        DataFrame
            Their rows of ``weeks``.

        Raises
        ------
        DataError
            The quarter is over, a lever is not open yet, or the action is none.
        """
        if self.over:
            raise DataError("the quarter is over", value=f"{self.week} weeks", remedy="begin again with start().")
        begin = self.week
        for _ in range(min(weeks, self.env.game.weeks - begin)):
            self._week(decision)
        return self.weeks.iloc[begin:].reset_index(drop=True)

    def _week(self, decision: Policy | Action | None) -> None:
        if callable(decision):
            by = getattr(decision, "history_by", ("product_id",))
            action = decision(self.obs, None if by is None else self.env.history(by))
        else:
            action = decision
            self._open_alone(action)
        number, spot = self.week, self.round
        self.obs, profit, _, _, info = self.env.step(action)
        row = {"week": number + 1, "ds": self._opening + pd.Timedelta(weeks=number), "round": spot, "profit": profit}
        row |= {name: info[name] for name in ("margin", "holding", "letters")}
        row |= {"sold": int((info["demand"] - info["lost"]).sum()), "on_hand": int(self.obs["on_hand"].sum())}
        self._rows.append(row)
        self._lost.append(info["lost"].sum(axis=1))

    def _open_alone(self, action: Action | None) -> None:
        """A person is told when he moves a lever that is closed; a policy finds out by itself."""
        closed = [name for name in (action or {}) if name in self.env.game.levers and name not in self.levers]
        if closed:
            opens = dict(zip(self.env.game.levers, self.env.game.opens or (), strict=True))[closed[0]]
            remedy = f"leave it out until week {opens + 1}: until then it is the shop's own."
            raise DataError(
                "this lever is not open yet", column=closed[0], value=f"week {self.week + 1}", remedy=remedy
            )


def weekly(env: ShopEnv, policies: Mapping[str, Policy], luck: int = 0) -> pd.DataFrame:
    """Play policies from the first week to the last, and tabulate their profit: a row a week, a column a policy.

    Parameters
    ----------
    env : ShopEnv
        The game.
    policies : mapping of str to Policy
        By the player's name.
    luck : int
        The same for all.

    Returns
    -------
    DataFrame
        Money.
    """
    return pd.DataFrame({name: play(env, policy, luck).weeks["profit"] for name, policy in policies.items()})


def bots(env: ShopEnv, names: Sequence[str] | None = None) -> dict[str, Policy]:
    """Make the opponents: rules, those of lessons 11 to 14b, which are fitted now, and the reference.

    Parameters
    ----------
    env : ShopEnv
        The game.
    names : sequence of str, optional
        Of ``BOTS``; all unless given.
    """
    return {name: BOTS[name](env) for name in (BOTS if names is None else names)}


def score_so_far(profits: pd.DataFrame, player: str) -> float | None:
    """Score one player over all rows: 0 is the rule without a model, 100 the reference.

    Parameters
    ----------
    profits : DataFrame
        A row a week, a column a player; with the rule and the reference.
    player : str
        A column.

    Returns
    -------
    float or None
        None where the reference is not ahead of the rule by 1 % of what the rule earns: then money says it all.

    Examples
    --------
    >>> score_so_far(pd.DataFrame({"the rule": [100.0], "attainable": [120.0], "you": [105.0]}), "you")
    25.0
    """
    own, zero, one = (float(profits[name].sum()) for name in (player, RULE, REFERENCE))
    return 100 * skill(-zero, -own, -one) if one - zero >= MATTERS * abs(zero) and one > zero else None


def scoreboard(profits: pd.DataFrame, weeks: int | None = None) -> pd.DataFrame:
    """Set players beside each other on the one scale: 0 is the rule without a model, 100 the reference.

    Parameters
    ----------
    profits : DataFrame
        A row a week, a column a player; with the rule and the reference.
    weeks : int, optional
        How many count; all unless given.

    Returns
    -------
    DataFrame
        ``player, profit, score``, best first; as of ``score_so_far``.
    """
    counted = profits.iloc[:weeks]
    points = {name: score_so_far(counted, str(name)) for name in counted}
    table = pd.DataFrame({"player": list(counted), "profit": counted.sum().to_numpy().round(0)})
    table["score"] = [np.nan if points[name] is None else round(points[name]) for name in counted]  # type: ignore[arg-type]
    return table.sort_values("profit", ascending=False, kind="stable", ignore_index=True)


__all__ = [
    "BOTS",
    "CHOICES",
    "COLUMNS",
    "PARTS",
    "Quarter",
    "Sheet",
    "bots",
    "open_quarter",
    "score_so_far",
    "scoreboard",
    "weekly",
]
