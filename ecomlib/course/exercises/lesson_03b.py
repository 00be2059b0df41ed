"""Defines lesson 03b's exercises: reading a placebo, difference in differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomlib.course.exercises import Answer, Exercise

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


# --- reading a placebo ---


def read_placebo(effect: float, placebos: Floats) -> tuple[float, str]:
    """How often chance does as much, and the most that may be concluded from that."""
    share = float((1 + np.sum(np.abs(placebos) >= abs(effect))) / (1 + len(placebos)))
    return share, "not chance" if share <= 0.05 else "cannot tell"


def _placebo_stub(effect: float, placebos: Floats) -> Any:
    return ...


def _reading(share: Callable[[float, Floats], float], small: str, large: str) -> Answer:
    def read(effect: float, placebos: Floats) -> tuple[float, str]:
        p = share(effect, placebos)
        return p, small if p <= 0.05 else large

    return read


def _two_sided(effect: float, placebos: Floats) -> float:
    return read_placebo(effect, placebos)[0]


def _no_one(effect: float, placebos: Floats) -> float:
    return float(np.mean(np.abs(placebos) >= abs(effect)))


def _one_above(effect: float, placebos: Floats) -> float:
    return float((1 + np.sum(np.abs(placebos) >= abs(effect))) / len(placebos))


def _one_below(effect: float, placebos: Floats) -> float:
    return float(np.sum(np.abs(placebos) >= abs(effect)) / (1 + len(placebos)))


def _no_ties(effect: float, placebos: Floats) -> float:
    return float((1 + np.sum(np.abs(placebos) > abs(effect))) / (1 + len(placebos)))


def _strictly(share: Callable[[float, Floats], float]) -> Answer:
    def read(effect: float, placebos: Floats) -> tuple[float, str]:
        p = share(effect, placebos)
        return p, "not chance" if p < 0.05 else "cannot tell"

    return read


def _one_sided(effect: float, placebos: Floats) -> float:
    return float((1 + np.sum(placebos >= effect)) / (1 + len(placebos)))


def _lower_side(effect: float, placebos: Floats) -> float:
    return float((1 + np.sum(placebos <= effect)) / (1 + len(placebos)))


def _placebo_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    small = np.array([-0.3, 0.1, 0.2, -0.1])
    return [
        (0.15, small),
        (-1.9, rng.normal(0, 0.3, 99)),  # beyond all of them
        (-0.25, rng.normal(0, 0.3, 99)),
        (0.62, np.append(rng.uniform(-0.5, 0.5, 96), [0.7, -0.65, -0.9])),  # 4 of 100
        (0.62, np.append(rng.uniform(-0.5, 0.5, 94), [0.7, -0.65, -0.9, -0.7, -0.8])),  # 6 of 100; by one side, 2
        (0.2, small),  # two placebos are just as large
        (-0.9, np.linspace(-0.8, 0.8, 19)),  # 1 of 20: just 5 per cent
    ]


_PLACEBO_MISTAKES: dict[str, tuple[Answer, str]] = {
    "p_as_proof": (
        _reading(_two_sided, "causal", "cannot tell"),
        "The share is right, the conclusion is not. Shuffled prices say that chance alone does not do this. A"
        " confounder does it as well: lesson 03's naive line passes this very test. A small p is no proof of a"
        " cause.",
    ),
    "no_effect": (
        _reading(_two_sided, "not chance", "no effect"),
        "A large share says that *these data* cannot tell the effect from chance. It may be there all the same.",
    ),
    "proof_and_absence": (
        _reading(_two_sided, "causal", "no effect"),
        "The share is right, both conclusions go too far: a small one does not prove a cause (confounders pass, too),"
        " a large one does not prove that there is none.",
    ),
    "no_one_added": (
        _reading(_no_one, "not chance", "cannot tell"),
        "A share of 0 cannot be: the real order is one of the possible ones and counts among them. Add one above and"
        " below.",
    ),
    "one_above_only": (
        _reading(_one_above, "not chance", "cannot tell"),
        "You added one above, not below: if all placebos are as large, your share exceeds one. The real order counts"
        " among the possible ones, so there are 1 + n of them.",
    ),
    "one_below_only": (
        _reading(_one_below, "not chance", "cannot tell"),
        "You added one below, not above. The real order is one of the possible ones, and it does as much as itself:"
        " count it in both places, or a share of 0 comes out.",
    ),
    "no_one_added_proof": (
        _reading(_no_one, "causal", "cannot tell"),
        "Two things: the real order counts among the possible ones (add one above and below), and a small share is no"
        " proof of a cause, since confounders pass this test.",
    ),
    "ties_left_out": (
        _reading(_no_ties, "not chance", "cannot tell"),
        "A placebo that is *just as large* as the effect has done as much: count it, with >=.",
    ),
    "ties_left_out_proof": (
        _reading(_no_ties, "causal", "cannot tell"),
        "Two things: a placebo just as large as the effect has done as much (>=), and a small share is no proof of a"
        " cause.",
    ),
    "strictly_below": (
        _strictly(_two_sided),
        "The share is right. At just 5 per cent (1 of 20) chance counts as ruled out here: use <=.",
    ),
    "ties_and_strictly_below": (
        _strictly(_no_ties),
        "Two borders are off: a placebo just as large as the effect counts (>=), and so does a share of just 5 per cent"
        " (<=).",
    ),
    "share_only": (
        _two_sided,
        "The share is right. Return what may be concluded from it as well: a pair of the share and one of the two"
        " sentences.",
    ),
    "conclusion_only": (
        lambda effect, placebos: read_placebo(effect, placebos)[1],
        "The conclusion is right. Return the share that it rests on as well: first the share, then the sentence.",
    ),
    "conclusion_first": (
        lambda effect, placebos: read_placebo(effect, placebos)[::-1],
        "Both are right, in the wrong order: first the share, then the conclusion.",
    ),
    "one_sided": (
        _reading(_one_sided, "not chance", "cannot tell"),
        "You count placebos above the effect only. An effect below zero would never be noticed: compare sizes.",
    ),
    "lower_side": (
        _reading(_lower_side, "not chance", "cannot tell"),
        "You count placebos below the effect only. One above zero would never be noticed: compare sizes.",
    ),
    "swapped": (
        _reading(_two_sided, "cannot tell", "not chance"),
        "The share is right, the conclusions are swapped: a *small* share says that chance rarely does as much.",
    ),
}


# --- difference in differences ---


def did(units: Floats, treated: Flags, after: Flags) -> float:
    """Mean change of log units of the treated, less that of the others."""
    logs = np.log(units)
    changes = [logs[group & after].mean() - logs[group & ~after].mean() for group in (treated, ~treated)]
    return float(changes[0] - changes[1])


def _did_stub(units: Floats, treated: Flags, after: Flags) -> Any:
    return ...


def _did_cases(rng: np.random.Generator) -> Sequence[tuple[Any, ...]]:
    flags = np.array([True, True, False, False]), np.array([False, True, False, True])
    cases: list[tuple[Any, ...]] = [(np.array([10.0, 20.0, 40.0, 60.0]), *flags)]
    for effect in (0.2, -0.4):
        treated, after = rng.random(60) < 0.4, rng.random(60) < 0.6
        mean = 3 + 0.7 * treated + 0.5 * after + effect * treated * after
        cases.append((np.exp(mean + rng.normal(0, 0.5, 60)), treated, after))
    return cases


def _means(of: Callable[[Floats], float]) -> Callable[[Floats, Flags, Flags], list[float]]:
    """The four means: treated after and before, others after and before."""
    return lambda units, treated, after: [of(units[g & a]) for g in (treated, ~treated) for a in (after, ~after)]


def _log_mean(units: Floats) -> float:
    return float(np.log(units).mean())


def _apart(of: Callable[[Floats], float]) -> Answer:
    def gap(units: Floats, treated: Flags, after: Flags) -> float:
        a, b, c, d = _means(of)(units, treated, after)
        return (a - b) - (c - d)

    return gap


def _of_four(weights: tuple[int, int, int, int]) -> Answer:
    return lambda *given: float(np.dot(weights, _means(_log_mean)(*given)))


def _one_group_against_the_rest(units: Floats, treated: Flags, after: Flags) -> float:
    both = treated & after
    return _log_mean(units[both]) - _log_mean(units[~both])


def _ratio_of_ratios(units: Floats, treated: Flags, after: Flags) -> float:
    a, b, c, d = _means(lambda part: float(part.mean()))(units, treated, after)
    return (a / b) / (c / d)


_DID_MISTAKES: dict[str, tuple[Answer, str]] = {
    "before_and_after": (
        _of_four((1, -1, 0, 0)),
        "This is before against after, in the treated alone. The season and the shop's growth are in it: take away what"
        " the others did in the same time.",
    ),
    "after_only": (
        _of_four((1, 0, -1, 0)),
        "You compare treated with others afterwards. They may have differed from the start: take away the difference"
        " that there was before.",
    ),
    "others_change": (
        _of_four((0, 0, 1, -1)),
        "This is the change of those who were *not* treated. It is what you take away, not the answer.",
    ),
    "sign": (
        _of_four((-1, 1, 1, -1)),
        "The size is right, the sign is not: treated less others, after less before.",
    ),
    "added": (
        _of_four((1, -1, 1, -1)),
        "You add the two changes. The others' change is what would have happened anyway: take it away.",
    ),
    "units": (
        _apart(lambda part: float(part.mean())),
        "These are units, not their logarithms. A large region grows by more units than a small one at the same rate:"
        " compare logs.",
    ),
    "log_of_means": (
        _apart(lambda part: float(np.log(part.mean()))),
        "You take the logarithm of the means. Here the mean of the logarithms is asked for: log first, then average.",
    ),
    "sums": (
        _apart(lambda part: float(np.log(part).sum())),
        "You add the logarithms up. A group with more rows then has the larger change: take the mean of each of the"
        " four groups.",
    ),
    "log_of_sums": (
        _apart(lambda part: float(np.log(part.sum()))),
        "You take the logarithm of the sums: how many rows each group has is then in the answer. Take the logarithm of"
        " each row, then the mean of each group.",
    ),
    "ratio_of_ratios": (
        _ratio_of_ratios,
        "You divide where the task subtracts: this is a ratio of ratios of mean units. Take logarithms first, then"
        " differences.",
    ),
    "per_cent": (
        lambda *given: float(np.expm1(did(*given))),
        "You have turned the answer into a share, exp(x) − 1. The task asks for log points: leave it as it is.",
    ),
    "factor": (
        lambda *given: float(np.exp(did(*given))),
        "You have turned the answer into a factor, exp(x). The task asks for log points: leave it as it is.",
    ),
    "log10": (
        lambda *given: float(did(*given) / np.log(10)),
        "These are logarithms to base 10. Log points are natural logarithms: np.log.",
    ),
    "the_rest": (
        _one_group_against_the_rest,
        "You compare the treated afterwards with all the rest at once. That mixes who is treated with when it is:"
        " four means are needed.",
    ),
}


EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "03b.placebo",
        read_placebo,
        _placebo_stub,
        _placebo_cases,
        _PLACEBO_MISTAKES,
        pairs={("no_one_added", "proof_and_absence"): _reading(_no_one, "causal", "no effect")},
        praise="You said as much as the test can say, and no more.",
    ),
    Exercise(
        "03b.did",
        did,
        _did_stub,
        _did_cases,
        _DID_MISTAKES,
        pairs={("log10", "log_of_sums"): _apart(lambda part: float(np.log10(part.sum())))},
        praise="What would have happened anyway is out of it, if the two would have moved alike.",
    ),
)
