"""Make tests/golden/published.csv: every number that the lessons publish, and how far it may lie from there.

    python tests/golden/run_notebooks.py 1 ONE
    python tests/golden/run_notebooks.py 2 TWO
    python tests/golden/make_published.py ONE TWO

ONE and TWO are folders outside the checkout. The values are those of the committed lessons. The rule for the tolerance:

    max(3 x largest difference between any two of {committed, one thread, two threads}, half a unit of the last digit)

Half a unit: where the three agree, what is shown must stay as it is. A number that a run does not publish (a sentence
with other words, say, or a lesson that was not executed) has no difference to that run; the column ``runs`` says how
many runs published it. A wider tolerance of the table as it is stays: what another processor showed is not forgotten.
Wall-clock times, rates and ratios of times (``PublishedNumber.clock``: by the words of the column or the sentence) have
an empty tolerance: they must be there, and may be anything.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from ecomlib.course import lessons, published_numbers
from ecomlib.files import write_whole

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests" / "golden" / "published.csv"
COLUMNS = ["lesson", "cell", "output", "kind", "title", "key", "value", "tolerance", "runs"]
SLACK = 3.0


def extract(folder: Path) -> pd.DataFrame:
    """Extract the published numbers of all executed lessons in a folder; empty where there are none."""
    if not any(folder.glob("*.ipynb")):
        return published_numbers.table([])
    return published_numbers.table(
        [
            number
            for lesson in lessons.choose(folder)
            for number in published_numbers.numbers(lessons.read(lesson.path), lesson.number)
        ]
    )


def with_tolerances(committed: pd.DataFrame, runs: list[pd.DataFrame]) -> pd.DataFrame:
    """Add each number's tolerance to the committed numbers, by the rule of this module."""
    values = committed[[*published_numbers.IDENTITY, "value"]]
    for n, run in enumerate(runs):
        other = run[[*published_numbers.IDENTITY, "value"]].rename(columns={"value": f"run {n}"})
        values = values.merge(other, how="left", on=published_numbers.IDENTITY, validate="one_to_one")
    said = values.drop(columns=published_numbers.IDENTITY)
    spread = (said.max(axis=1) - said.min(axis=1)).to_numpy()
    tolerance = (SLACK * pd.Series(spread)).clip(lower=committed["step"].reset_index(drop=True) / 2)
    answer = committed.reset_index(drop=True).assign(tolerance=tolerance.mask(committed["clock"].to_numpy()))
    return answer.assign(runs=said.notna().sum(axis=1).to_numpy() - 1)


def keep_wider(made: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """Keep the recorded tolerance and count of runs of a number where they are the larger ones."""
    earlier = recorded[[*published_numbers.IDENTITY, "tolerance", "runs"]]
    both = made.merge(earlier, how="left", on=published_numbers.IDENTITY, suffixes=("", "_before"))
    wider = both[["tolerance", "tolerance_before"]].max(axis=1).mask(both["clock"])
    runs = both[["runs", "runs_before"]].max(axis=1).astype(int)
    return made.reset_index(drop=True).assign(tolerance=wider.to_numpy(), runs=runs.to_numpy())


def main(folders: list[str]) -> None:
    """Write the table and say what was measured."""
    committed, runs = extract(ROOT / "notebooks"), [extract(Path(folder)) for folder in folders]
    recorded = pd.read_csv(TABLE, dtype={"lesson": str, "cell": str, "key": str})
    made = keep_wider(with_tolerances(committed, runs), recorded)
    for folder, run in zip(folders, runs, strict=True):
        both = committed.merge(run, how="left", on=published_numbers.IDENTITY, suffixes=("", "_run"))
        ran = both[both["lesson"].isin(run["lesson"])]
        moved = ran[~ran["clock"] & ((ran["value"] - ran["value_run"]).abs() > 0)]
        print(
            f"{folder}: {len(ran)} of {len(committed)} numbers in {ran['lesson'].nunique()} lessons; "
            f"{ran['value_run'].isna().sum()} not published; {len(moved)} moved that no clock says"
        )
    print(f"{int(made['clock'].sum())} of {len(made)} numbers are a clock's and not held")
    write_whole(TABLE, made[COLUMNS].round({"tolerance": 9}).to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
