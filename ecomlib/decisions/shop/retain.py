"""Makes the risk board and the mailing list from a shop's tables: who is leaving, what is at stake, whom to write to.

Lesson 14 derives the board (BG/NBD, Gamma-Gamma), lesson 14b the letters: they are advised only where past letters were
sent with a known chance. Who is leaving is not whom a letter keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomlib.decisions.letters import LetterRules, Letters, purchases_of, write_to
from ecomlib.decisions.lifetimes import fit_bgnbd, fit_gamma_gamma
from ecomlib.decisions.off_policy import PolicyValue
from ecomlib.decisions.qini import policy_gain
from ecomlib.decisions.registry import Decision
from ecomlib.decisions.retention import purchase_history
from ecomlib.decisions.shop.weeks import Weeks, weeks_of
from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.decisions.registry import Options
    from ecomlib.stores.store import Store

Floats = NDArray[np.float64]
LEAST, WHO = 12, 30  # full weeks; customers who bought twice
DAYS, COST = 90, 0.10  # the board looks so far ahead; money a letter
NO_LOG = (
    "No letter is advised: who is leaving is not whom a letter keeps. To find out, take the customers who are neither "
    "safe nor lost (alive from 0.2 to 0.8), write to half of them, drawn at random, keep who was left out and the "
    "chance in mailings, and ask again."
)


def decide_retain(store: Store, options: Options) -> Decision:
    """Tell who is leaving and what is at stake, and whom to write to where the shop's own letters can tell.

    ``days`` is how far ahead the board looks (90), ``cost`` what a letter costs (0.10), ``most`` how many may be sent,
    ``margin`` what is earned of a unit of revenue, where unit costs are not known.

    Parameters
    ----------
    store : Store
    options : Options
        ``returns``; under ``more`` those named above.

    Returns
    -------
    Decision
        A row a customer; see ``risk_board``. Those to be written to come first, then what is at stake decides.

    Raises
    ------
    DataError
        Too few weeks, nobody registered, too few who bought twice, or settings out of range.
    """
    days, cost, most, given = settings_of(options)
    weeks = weeks_of(store, options, LEAST, "a risk board")
    end = weeks.ends + pd.Timedelta(days=1)
    orders = weeks.store.orders[(weeks.store.orders["ordered_at"] < end).to_numpy()]
    options.say(f"{weeks.said()}; counting what customers bought …")
    board = risk_board(orders, end, days)
    margin, assumed = margin_of(weeks, orders, given)
    spent = float((board["mean_money"] * board["orders"]).sum())
    board, told, about = _with_letters(weeks, orders, board, end, margin * spent / board["orders"].sum(), cost, most)
    stake, silent = float(board["at_stake"].sum()), float(board["silent"].mean())
    facts: dict[str, Any] = weeks.facts() | {
        "model": "BG/NBD for how often, Gamma-Gamma for how much",
        "interval": "none for the board: chances and means; 95 % by customers for what past letters gained",
        "days": days,
        "customers": len(board),
        "silent": round(silent, 3),
        "expected_revenue": round(float(board["expected_revenue"].sum()), 2),
        "at_stake": round(stake, 2),
        "margin": round(margin, 3),
        "cost": cost,
        "letters": about,
        "units": options.returns,
        "assumed": [
            "a customer buys at her own pace until she leaves, and leaves after a purchase (BG/NBD)",
            "who has bought once alone has not left, however long ago it was: alive is 1 and at_stake 0; read silent",
            "what an order is worth is unrelated to how often one orders (Gamma-Gamma)",
            *assumed,
        ],
    }
    sent = f"{about['write']:,} letters" if about["write"] else "no letter is advised"
    line = (
        f"{weeks.said()}; {len(board):,} customers; in {days} days {silent:.0%} of them will probably order nothing, "
        f"the others bring {facts['expected_revenue']:,.0f} of revenue, and {stake:,.0f} is at stake; {sent}"
    )
    return Decision(board, line, facts, tuple(told))


def settings_of(options: Options) -> tuple[int, float, int | None, float | None]:
    """Read days, cost, most and margin off the options.

    Parameters
    ----------
    options : Options

    Raises
    ------
    DataError
        A value out of range.
    """
    more = options.more

    def number(name: str, default: Any, low: float, high: float, example: str) -> Any:
        value = more.get(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise DataError(f"{name} lies between {low:g} and {high:g}", value=value, remedy=f"write {example}.")
        return value

    days, cost = number("days", DAYS, 7, 365, "days=90"), number("cost", COST, 0, 1e6, "cost=0.1")
    most, margin = number("most", None, 0, 1e9, "most=500"), number("margin", None, 0.001, 1, "margin=0.3")
    return int(days), float(cost), None if most is None else int(most), margin


def risk_board(orders: pd.DataFrame, end: pd.Timestamp, days: int) -> pd.DataFrame:
    """Describe each customer by BG/NBD and Gamma-Gamma.

    Parameters
    ----------
    orders : DataFrame
        A store's, before ``end``.
    end : Timestamp
        Now.
    days : int
        Looks so far ahead.

    Returns
    -------
    DataFrame
        ``customer_id, orders, last_order, idle_days, mean_money``; ``alive``, the chance to be a customer still;
        ``silent``, that to order nothing in the days ahead; ``expected_orders``, ``expected_revenue``; ``at_stake``,
        the revenue that her pace, silence included, would bring in these days, times the chance that she is gone.

    Raises
    ------
    DataError
        Nobody registered, or fewer than 30 who bought twice.
    """
    found = purchase_history(orders, end)
    if (found["frequency"] > 0).sum() < WHO:
        raise DataError(
            f"fewer than {WHO} customers have bought twice, and nothing is known of coming back",
            table="orders",
            column="customer_id",
            value=int((found["frequency"] > 0).sum()),
            remedy="bring a longer history.",
        )
    three = (found["frequency"].to_numpy(), found["recency"].to_numpy() / 7, found["age"].to_numpy() / 7)
    law, ahead = fit_bgnbd(*three), days / 7
    paid = (found["mean_money"] > 0).to_numpy()
    money = fit_gamma_gamma(found["orders"][paid], found["mean_money"][paid])
    worth = money.expected(found["orders"], found["mean_money"])
    alive, many = law.alive(*three), law.expected(*three, ahead)
    pace = (law.r + three[0]) / (law.alpha + three[2]) * ahead  # of orders, were she still there all the time
    board = pd.DataFrame(
        {
            "customer_id": found.index.to_numpy(),
            "orders": found["orders"].to_numpy(dtype=np.int64),
            "last_order": (end - pd.to_timedelta(found["idle"].to_numpy(), unit="D")).strftime("%Y-%m-%d"),
            "idle_days": np.floor(found["idle"].to_numpy()).astype(np.int64),
            "mean_money": found["mean_money"].round(2).to_numpy(),
            "alive": alive.round(3),
            "silent": law.silent(*three, ahead).round(3),
            "expected_orders": many.round(2),
            "expected_revenue": (many * worth).round(2),
            "at_stake": ((1 - alive) * pace * worth).round(2),
        }
    )
    return board.sort_values(["at_stake", "customer_id"], ascending=[False, True], ignore_index=True)


def margin_of(weeks: Weeks, orders: pd.DataFrame, given: float | None) -> tuple[float, list[str]]:
    """Find what is earned of a unit of revenue, and say how it was found.

    Parameters
    ----------
    weeks : Weeks
    orders : DataFrame
    given : float, optional
        What the caller says.
    """
    if given is not None:
        return given, [f"of a unit of revenue {given:g} is earned, as was said"]
    held = weeks.store.products.drop_duplicates("product_id").set_index("product_id")
    if "unit_cost" in held and held["unit_cost"].notna().any():
        cost = orders["product_id"].map(held["unit_cost"]).to_numpy(dtype=float)
        quantity, price = orders["quantity"].to_numpy(dtype=float), orders["unit_price"].to_numpy(dtype=float)
        known = np.isfinite(cost)
        share = float((quantity * (price - cost))[known].sum() / (quantity * price)[known].sum())
        if share > 0:
            return share, ["an order earns the mean margin of the books"]
    return 1.0, ["a unit of revenue counts whole, since no margin is known: hand one in (margin=0.3)"]


def _with_letters(
    weeks: Weeks,
    orders: pd.DataFrame,
    board: pd.DataFrame,
    end: pd.Timestamp,
    worth: float,
    cost: float,
    most: int | None,
) -> tuple[pd.DataFrame, list[str], dict[str, Any]]:
    """The board with effect, gain and whether to write; what has to be told; and what the log says of the list."""
    mailings, rules = weeks.store.mailings, LetterRules()
    try:
        if mailings is None or mailings.empty:
            raise DataError("there are no past letters", table="mailings", remedy="write some down.")
        bought = purchases_of(orders, weeks.store.products, board["customer_id"], end)
        found = write_to(bought, mailings, rules)
    except DataError as fault:
        return board, [f"{fault.problem[:1].upper()}{fault.problem[1:]}. {NO_LOG}"], {"write": 0}
    effect = pd.Series(found.effect, index=bought.customers).reindex(board["customer_id"]).to_numpy()
    gain = effect * worth - cost
    order = np.argsort(-np.where(np.isfinite(gain), gain, -np.inf), kind="stable")
    write = np.zeros(len(board), dtype=bool)
    write[order[: len(order) if most is None else most]] = True
    write &= np.nan_to_num(gain, nan=-1.0) > 0
    board = board.assign(letter_orders=effect.round(3), letter_gain=gain.round(2), write=write)
    value = {rival: list_value(found, worth, cost, rival) for rival in ("nobody", "everybody")}
    about = {
        "write": int(write.sum()),
        "worth_of_an_order": round(worth, 2),
        "outcome": f"orders of {rules.days} days after a letter",
        "log": {"letters": len(found.log), "sent": int(found.log.treated.sum())},
        "gain_a_customer": {
            rival: [round(v, 4) for v in (one.value, one.low, one.high)] for rival, one in value.items()
        },
    }
    told = []
    short = [rival for rival, one in value.items() if one.low <= 0]
    if value["nobody"].value <= 0:
        board["write"], about["write"] = False, 0
        told.append("In the past letters such a list would not have earned its cost: no letter is advised.")
    elif short:
        told.append(
            f"In the past letters such a list is not surely better than writing to {' or to '.join(short)}: "
            + "; ".join(f"{value[r].value:+.3f} [{value[r].low:+.3f}, {value[r].high:+.3f}] a customer" for r in short)
            + "."
        )
    told.append(
        f"Effects are of {rules.days} days. A letter that drives somebody away costs more in half a year: leave out who"
        " gains little."
    )
    first = ["write", "letter_gain", "at_stake"] if about["write"] else ["at_stake"]
    return board.sort_values(first, ascending=False, ignore_index=True), told, about


def list_value(found: Letters, worth: float, cost: float, rival: str) -> PolicyValue:
    """Estimate what a list made so would have earned a customer and letter in the log, against a rival.

    Parameters
    ----------
    found : Letters
    worth, cost : float
        Money of an order and of a letter.
    rival : {"nobody", "everybody"}

    Returns
    -------
    PolicyValue
        By customers; the effects are those of learners that had not seen the customer.
    """
    log = found.log
    action = log.treated.astype(np.int64)
    chance = np.where(action == 1, log.propensity, 1 - log.propensity)
    reward = worth * log.outcome - cost * action
    ours = np.eye(2)[(found.in_log * worth > cost).astype(int)]
    theirs = np.eye(2)[np.full(len(action), int(rival == "everybody"))]
    said = np.column_stack([worth * found.usual, worth * found.usual - cost])
    return policy_gain(reward, action, chance, ours, theirs, said, cluster=found.who)
