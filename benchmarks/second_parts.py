"""The lessons' second parts on a real shop: what a reader without the data sees.

    python benchmarks/second_parts.py                    # every lesson that has rows for a real shop
    python benchmarks/second_parts.py --lesson 00        # one of them
    python benchmarks/second_parts.py --smoke            # lesson by lesson on the tiny simulated store; records nothing

Runs each lesson on the registered store that serves to be recorded, takes the rows that it adds to the course's results
table for that shop, and records them as second_part_NN. A lesson with STORE="recorded" shows that table with its date
and machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from ecomlib import recorded
from ecomlib.course import lessons
from ecomlib.course.run import RunSettings, run_lessons
from ecomlib.stores import registry

(SHOP,) = registry.names("record")


def second_part(number: str, store: str, out: Path) -> tuple[pd.DataFrame, float]:
    """The results that lesson ``number`` finds on ``store``, and the seconds it took."""
    started = time.perf_counter()
    (run,) = run_lessons([number], RunSettings(size="tiny", store=store, out=out))
    if not run.passed:
        raise SystemExit(run.complaint())
    rows = pd.read_csv(out / "leaderboard.csv", dtype={"lesson": str})
    own = rows[rows["store"] != "simulated"].drop(columns=["lesson"]).dropna(axis="columns", how="all")
    return own.reset_index(drop=True), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesson", action="append", default=[], help="a lesson's number; all without it")
    parser.add_argument("--smoke", action="store_true", help="on the tiny simulated store; records nothing")
    arguments = parser.parse_args()
    for lesson in lessons.choose(lessons.folder(), arguments.lesson):
        with tempfile.TemporaryDirectory() as folder:
            rows, seconds = second_part(lesson.number, "tiny" if arguments.smoke else SHOP, Path(folder))
            if rows.empty:
                sys.exit(
                    f"Lesson {lesson.number} adds no rows for its second part: call results_table(…, store=…) there."
                )
            print(f"\nLesson {lesson.number}, second part, {seconds:.0f} s\n{rows.to_string(index=False)}", flush=True)
            recorded.write(
                f"second_part_{lesson.number}",
                rows,
                script=__file__,
                command="python benchmarks/second_parts.py",
                protocol=f"the second part of lesson {lesson.number} as it stands, on {SHOP}; scored on sales",
                seconds=seconds,
                smoke=arguments.smoke,
                directory=Path(folder) if arguments.smoke else None,
            )


if __name__ == "__main__":
    main()
