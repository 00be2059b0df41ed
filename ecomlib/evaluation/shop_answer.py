"""Says in one sentence how good a shop's forecasts are, against the best of all rivals (lesson 00, section 6).

The sentence never leaves a winner out: the best row is named whatever it is. A forecast of nothing is never called the
best, and where it is as good as any the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from ecomlib.contract.frame import model_columns
from ecomlib.errors import DataError
from ecomlib.evaluation.comparison import MARGIN, Verdict, compare
from ecomlib.evaluation.coverage_by_size import coverage_by_size, earlier_units
from ecomlib.evaluation.rivals import (
    LAST_NAMES,
    MEAN_NAMES,
    NOTHING,
    NOTHING_NAMES,
    RULE_NAMES,
    YEAR_NAMES,
    coverages,
    errors_of,
    fair,
    with_rivals,
    word_of,
)

DO_NOT_USE = "Do not use this yet"
_CLEARLY = 0.9  # of the error of ordering nothing: what lies below it is better, however few the series are


@dataclass(frozen=True)
class AnswerSettings:
    """Sets how a shop is answered: level of intervals in per cent, draws and seed of the bootstrap, a period's name."""

    level: float = 90.0
    draws: int = 500
    seed: int = 0
    period: str = "week"


@dataclass(frozen=True, eq=False)
class ShopAnswer:
    """States how a shop's forecasts compare with all rivals; prints as text and shows as a table in a notebook.

    shop: its name. model: the column that the sentence is about. table: a row a model, best first, as ``errors_of`` and
    ``coverages`` have it, with ``what`` in words. best: the model with the least error that forecasts the shop at all;
    empty where none does. against: the model against its best rival, None where nothing can be compared. usable:
    whether it may be used; not where it loses to a rule. sentence: all of it in words.
    """

    shop: str
    model: str
    table: pd.DataFrame
    best: str
    against: Verdict | None
    usable: bool
    sentence: str

    def __str__(self) -> str:
        shown = self.table.drop(columns="what").dropna(axis="columns", how="all").round(3)
        return f"{shown.to_string(index=False)}\n{self.sentence}"

    def _repr_html_(self) -> str:
        shown = self.table.drop(columns="what").dropna(axis="columns", how="all").round(3)
        return f"{shown.to_html(index=False, border=0, na_rep='')}<p>{escape(self.sentence)}</p>"


def shop_answer(
    frame: pd.DataFrame,
    model: str,
    history: pd.DataFrame,
    *,
    shop: str,
    costs: pd.DataFrame | None = None,
    settings: AnswerSettings | None = None,
) -> ShopAnswer:
    """Set a model beside every rival, and say what follows for the shop (lesson 00, section 6).

    Parameters
    ----------
    frame : DataFrame
        ``unique_id, ds, cutoff, y`` and a column a model. Rules that it lacks are added, see ``with_rivals``.
    model : str
        Whose forecasts the shop would use.
    history : DataFrame
        The panel, ``unique_id, ds, y``.
    shop : str
        Its name.
    costs : DataFrame, optional
        What errors cost, see ``errors_of``.
    settings : AnswerSettings, optional

    Returns
    -------
    ShopAnswer

    Raises
    ------
    DataError
        The frame has no such model, or a series no history.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> weeks = pd.date_range("2024-01-01", periods=12, freq="7D")
    >>> history = pd.DataFrame({"unique_id": "mug", "ds": weeks, "y": [4.0, 8.0] * 6})
    >>> frame = history.iloc[8:].assign(cutoff=np.repeat(weeks[[7, 9]], 2), gru=history["y"] + 3)
    >>> answer = shop_answer(frame, "gru", history, shop="Corner shop")
    >>> answer.best, answer.usable
    ('naive', False)
    """
    how = settings or AnswerSettings()
    full = with_rivals(frame, history)
    names = model_columns(full)
    if model not in names:
        raise DataError("the frame has no such model", column=model, remedy=f"name one of {', '.join(names)}.")
    full = full.loc[full["y"].notna().to_numpy()].reset_index(drop=True)
    earlier = earlier_units(history, full["cutoff"].unique())
    table = errors_of(full, names, costs).merge(coverages(full, names, earlier, how.level))
    table.insert(1, "what", table["model"].map(word_of))
    # Of equal ones the rule goes first: it is simpler.
    table = table.assign(_rule=~table["model"].isin(RULE_NAMES)).sort_values(["wape", "_rule"], kind="stable")
    table = table.drop(columns="_rule").reset_index(drop=True)
    lead = f"{shop}: {full['unique_id'].nunique():,} products, {_counted(full['cutoff'].nunique(), 'origin')}"
    if not table["wape"].notna().any():
        said = f"{lead}. Nothing was sold in the {how.period}s that were scored: no forecast can be judged by them."
        return ShopAnswer(shop, model, table, "", None, False, f"{said} {DO_NOT_USE}.")
    return _Speaker(shop, model, full, table, earlier, how).answer(lead)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class _Speaker:
    """Holds what the sentence is made of."""

    shop: str
    model: str
    frame: pd.DataFrame
    table: pd.DataFrame
    earlier: pd.Series
    how: AnswerSettings

    def answer(self, lead: str) -> ShopAnswer:
        rows = self.table.set_index("model")
        sane = fair(rows["bias"])
        best = next((name for name in rows.index if name in sane), "")
        rivals = [name for name in rows.index if name in sane and name != self.model]
        against = self.verdict(self.model, rivals[0]) if rivals and self.model in sane else None
        said = [f"{lead}."]
        if best:
            first = f"best of {len(rows)}" if best == rows.index[0] else "of those that forecast this shop the best"
            said.append(f"{first} is {word_of(best)}: {self.figures(best)}.")
        else:
            said.append("None of these forecasts the shop: each misses the sum of units by more than half.")
        for name in (name for name in rows.index if name not in sane and name not in NOTHING_NAMES):
            if name == self.model or (best and rows["wape"][name] < rows["wape"][best]):
                said.append(
                    f"{word_of(name)} has a WAPE of {rows['wape'][name]:.3f}, but adds up to "
                    f"{1 + rows['bias'][name]:.0%} of what was sold: that is no forecast of this shop."
                )
        if self.model in sane and rivals:
            said.append(self.compared(self.model, rivals[0], against))
        idle = self.nothing_as_good(best)
        if idle:
            said.append(idle)
        said += [*self.held(), *self.warnings()]
        lost = self.lost_to(sane)
        usable = bool(best) and self.model in sane and not lost and not idle
        if lost and not idle:  # where nothing is as good, no rule is to be ordered by either
            said.append(f"{DO_NOT_USE}: order by {word_of(lost[0])}, which costs nothing and errs less.")
        elif not usable:
            said.append(f"{DO_NOT_USE}{' for single products' if self.model in sane else ''}.")
        text = " ".join([said[0], *(part[0].upper() + part[1:] for part in said[1:])])  # a shop's name stays as it is
        return ShopAnswer(self.shop, self.model, self.table, best, against, usable, text)

    def figures(self, name: str) -> str:
        row = self.table.set_index("model").loc[name]
        return f"WAPE {row['wape']:.3f}, bias {row['bias']:+.0%}"

    def verdict(self, ours: str, rival: str) -> Verdict | None:
        """Compare; None where too little was sold, or the rival makes no error at all."""
        rng = np.random.default_rng(self.how.seed)
        try:
            return compare(self.frame, ours, rival, rng=rng, draws=self.how.draws)
        except DataError:
            return None

    def compared(self, ours: str, rival: str, verdict: Verdict | None) -> str:
        """What may be said of the model against its best rival."""
        rows = self.table.set_index("model")["wape"]
        them = f"{word_of(rival)} ({self.figures(rival)})" if ours == self.best_of((ours, rival)) else word_of(rival)
        if verdict is None:
            word = (
                "as good as" if rows[ours] == rows[rival] else "worse than" if rows[ours] > rows[rival] else "ahead of"
            )
            return f"{word_of(ours)}, {self.figures(ours)}, is {word} {them}; too little was sold for an interval."
        words = {
            "better": "better than",
            "worse": "worse than",
            "level": "level with",
            "undecided": "not shown to differ from",
        }
        slight = " by less than matters" if verdict.slight else ""
        low, middle, high = (100 * x for x in (verdict.relative.low, verdict.relative.estimate, verdict.relative.high))
        return (
            f"{word_of(ours)}, {self.figures(ours)}, is {words[verdict.word]} {them}{slight}: an error of "
            f"{middle:+.1f} % [{low:+.1f}, {high:+.1f}] beside it, paired, 95 %."
        )

    def best_of(self, names: tuple[str, ...]) -> str:
        return next(str(name) for name in self.table["model"] if name in names)

    def nothing_as_good(self, best: str) -> str:
        """The sentence where ordering nothing is as good as the best: its error is not shown to be larger."""
        wape = self.table.set_index("model")["wape"]
        nothing = next(name for name in wape.index if name in NOTHING_NAMES)
        if best and wape[best] < wape[nothing]:
            verdict = self.verdict(best, nothing)
            if wape[best] < _CLEARLY * wape[nothing] or (verdict is not None and verdict.word == "better"):
                return ""
        errs = "errs less" if best and wape[best] > wape[nothing] else "is as good"
        return (
            f"{NOTHING} {errs} (a WAPE of 1): this shop sells too seldom for forecasts of single products by the "
            f"{self.how.period}. Forecast longer periods, or categories."
        )

    def held(self) -> list[str]:
        """How many intervals held, where there are some: plain coverage never stands alone."""
        try:
            found = coverage_by_size(self.frame, self.model, self.earlier, self.how.level)
        except DataError:
            return []
        return [f"{found}."] if np.isfinite(found.plain) else []

    def warnings(self) -> list[str]:
        """What a reader of the model's column should know: a median of zero does not say that nothing will be sold."""
        zero = float(self.frame[self.model].median()) < 0.5
        empty = float((self.frame["y"] == 0).mean())
        if not zero or self.model in NOTHING_NAMES:
            return []
        return [
            f"the median forecast of {word_of(self.model)} is zero, and {empty:.0%} of the {self.how.period}s of "
            "single products are empty: read its sums and upper ends, not single cells."
        ]

    def lost_to(self, sane: list[str]) -> list[str]:
        """The rules that are better: shown to be, or ahead by more than matters of what was learned.

        A rule needs no proof; what was learned does.
        """
        wape, found = self.table.set_index("model")["wape"], []
        for rule in (name for name in wape.index if name in RULE_NAMES and name in sane and name != self.model):
            if not wape[rule] < wape[self.model]:
                continue
            verdict = self.verdict(self.model, rule)
            shown = verdict is None or verdict.word == "worse"
            ahead = wape[self.model] > (1 + MARGIN) * wape[rule] and self.model not in RULE_NAMES
            if (shown and not (verdict and verdict.slight)) or ahead:
                found.append(rule)
        return found


def against_rules(answer: ShopAnswer) -> str:
    """Set the model's error beside the rules': last week, the mean of eight weeks and last year; empty without errors.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["trees", "naive"], "wape": [0.1, 0.25]})
    >>> against_rules(ShopAnswer("Shop", "trees", table, "trees", None, True, ""))
    'trees 0.100; last week 0.250; ordering nothing 1'
    """
    wape = answer.table.set_index("model")["wape"].dropna()
    if answer.model not in wape:
        return ""
    found = [f"{word_of(answer.model)} {wape[answer.model]:.3f}"]
    for names in (LAST_NAMES, MEAN_NAMES, YEAR_NAMES):
        found += [f"{word_of(name)} {wape[name]:.3f}" for name in wape.index if name in names and name != answer.model]
    return "; ".join([*found, f"{NOTHING} 1"])
