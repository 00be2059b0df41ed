"""Protocol H, on the tuning half alone: why prototypes found half our Qini, and what shuffled letters find.

    python -m benchmarks.real_shop.letters_why            # the tuning half; writes tuning/letters_why.csv; seconds
    python -m benchmarks.real_shop.letters_why --smoke    # invented customers; writes nothing

The prototypes of protocol H had a Qini of .003 to .004 for learners, .0012 and .0023 for the response models on
everybody and on the treated; ours is twice that. Their code is not kept. So each ranking is measured here by two
definitions: ours (``decisions.qini``), and Radcliffe's (2007), who counts the visits that the treated made more,
``R_t - R_c N_t / N_c`` of the top share, divided by all customers of both arms.

And the letters are drawn anew, six times: who "got" one then has nothing to do with who came.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from benchmarks.real_shop.letters import BASES, CHOSEN_BASE, TUNING, WOMENS, Floats, _Data, halves, invented, rankings
from ecomlib.decisions.qini import qini
from ecomlib.decisions.uplift import LEARNERS, Experiment, effect_out_of_fold
from ecomlib.stores.published.download import read_tables

OUT, SHUFFLES = TUNING.with_name("letters_why.csv"), 6


def counted(score: Floats, outcome: Floats, treated: Floats, rng: np.random.Generator) -> float:
    """Area of Radcliffe's curve above the straight line: visits that the treated made more, a customer of both arms."""
    order = np.lexsort((rng.random(len(score)), -score))
    y, w = outcome[order], treated[order]
    ours, theirs, came, others = (np.cumsum(v) for v in (w, 1 - w, w * y, (1 - w) * y))
    more = came - np.divide(others * ours, theirs, out=np.zeros(len(y)), where=theirs > 0)
    gain = np.append(0.0, more) / len(y)
    return float(np.trapezoid(gain, np.linspace(0, 1, len(gain))) - gain[-1] / 2)


def both_ways(data: _Data) -> pd.DataFrame:
    """Every ranking by both definitions, and by letters drawn anew."""
    make, rng = BASES[CHOSEN_BASE], np.random.default_rng(0)
    log, within = data.against_none(WOMENS, "visit")
    rows = []
    for name, score in rankings(data, None, make).items():
        value = qini(score, log.outcome, log.treated, 0.5, rng=rng)
        rows.append({"score": name, "qini": value, "counted": counted(score, log.outcome, log.treated, rng)})
    for k in range(SHUFFLES):
        drawn = np.random.default_rng(k).permutation(log.treated)
        shuffled = Experiment(log.known, drawn, log.outcome, 0.5)
        for kind in LEARNERS:
            score = effect_out_of_fold(kind, shuffled, make, fold=data.fold[within])
            value = qini(score, log.outcome, drawn, 0.5, rng=rng)
            rows.append({"score": f"{kind}, letters shuffled, {k}", "qini": value})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="invented customers; writes nothing")
    options = parser.parse_args()
    table = invented() if options.smoke else read_tables("hillstrom")["customers"]
    found = both_ways(_Data(table.iloc[halves(len(table))[0]])).round(5)
    print(found.to_string(index=False))
    if not options.smoke:
        found.to_csv(OUT, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
