"""Runs trial runs, marks stale results, and works off the queue of recorded runs (``ecomlib recorded``)."""

from __future__ import annotations

import ast
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecomlib import recorded
from ecomlib.errors import DataError
from ecomlib.recorded import fingerprint as fp

Card = Mapping[str, Any]
Say = Callable[[str], None]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
FLAG = "SCORES_TEST_PART"  # a script that says so at its top is not run by the queue unless it is asked to


def checkout(start: Path | None = None) -> Path:
    """Return the checkout's root; raise where the package was installed without its benchmarks."""
    root = start or Path(recorded.__file__).resolve().parents[2]
    if not (root / "benchmarks" / "__init__.py").is_file():
        raise DataError("the benchmarks are not here", remedy="run this in a checkout of the repository.")
    return root


def code_state(root: Path) -> str:
    """Return a name for all code that a result rests on: a digest of every Python file of package and benchmarks."""
    digest = hashlib.sha256()
    for folder in ("ecomlib", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def scores_test_part(script: Path) -> bool:
    """Read from a script whether its runs score a protocol's test part."""
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == FLAG for t in node.targets):
            return bool(ast.literal_eval(node.value))
    return False


def _words(command: str, folder: Path | None = None) -> list[str]:
    """A card's command for this Python; DIR becomes ``folder``."""
    words = shlex.split(command)
    if words[:2] != ["python", "-m"]:
        raise DataError("a card's command starts with python -m", value=command)
    return [sys.executable, *(str(folder) if word == "DIR" else word for word in words[1:])]


def trial_command(card: Card, tables: Path) -> list[str]:
    """Return the trial run that makes a card's small table, and its script's others, in ``tables``."""
    words = _words(card["command"])[:3]  # the script without its options
    lesson = card["name"].removeprefix("second_part_")
    own = ["--lesson", lesson] if lesson != card["name"] else []  # a lesson at a time: each is a run of its own
    return [*words, *own, "--smoke", "--tables", str(tables)]


def _run(command: list[str], root: Path, *, real_data: bool) -> None:
    """Run it with one thread. A trial run finds no real data, so that its tables are the same everywhere."""
    environment = os.environ | dict.fromkeys(THREADS, "1")
    if not real_data:
        environment.pop("ECOMLIB_DATA_DIR", None)
    done = subprocess.run(command, cwd=root, env=environment, check=False)
    if done.returncode:
        shown = " ".join(["python", *command[1:]])
        raise DataError("a run failed", value=shown, remedy="its own message stands above.")


def trials(names: Collection[str], *, root: Path, directory: Path | None = None, say: Say = print) -> dict[str, Card]:
    """Run the trial of each script once, and return the trial cards of ``names``."""
    cards = recorded.cards(directory)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for command in dict.fromkeys(tuple(trial_command(cards[name], place)) for name in names):
            say(f"trial run: {' '.join(command[2:-2])}")
            _run(list(command), root, real_data=False)
        found = recorded.cards(place)
    missing = sorted(set(names) - set(found))
    if missing:
        raise DataError("its script's trial run does not make this table", table=missing[0])
    return {name: found[name] for name in names}


def stamp(trial_cards: Mapping[str, Card], *, directory: Path | None = None) -> None:
    """Write the fingerprints of trial runs into the cards: their results were made with the code of now."""
    for name, trial in trial_cards.items():
        recorded.set_fingerprint(name, fp.note(trial), directory=directory)


def mark(trial_cards: Mapping[str, Card], *, directory: Path | None = None) -> dict[str, str | None]:
    """Mark as ``stale_since``, or take the mark away, by trial runs made now; return the marks that changed."""
    cards, changed = recorded.cards(directory), dict[str, str | None]()
    for name, trial in trial_cards.items():
        note = fp.checked_note(cards[name], trial)
        if note != cards[name]["fingerprint"]:
            recorded.set_fingerprint(name, note, directory=directory)
            changed[name] = note["stale_since"]
    return changed


def disagreements(trial_cards: Mapping[str, Card], *, directory: Path | None = None) -> list[str]:
    """Return a sentence for each card whose mark is not the one that its trial run, made now, would set."""
    cards, said = recorded.cards(directory), list[str]()
    for name, trial in trial_cards.items():
        if name in cards and fp.checked_note(cards[name], trial) != cards[name]["fingerprint"]:
            was = "differs from" if fp.compare(cards[name], trial) == "different" else "is again"
            said.append(
                f"the trial run {was} the one noted on the card '{name}': ecomlib recorded status --check {name} "
                "updates its mark; commit the card"
            )
    return said


@dataclass(frozen=True)
class Job:
    """Hold one command of the queue, and the cards that it brings up to date; without one only their fingerprints."""

    names: tuple[str, ...]
    command: str
    script: str
    seconds: float
    scores_test_part: bool
    only_stamp: bool = False


def words(job: Job, score_test: bool = False) -> str:
    """Return a job in a line."""
    if job.only_stamp:
        return f"fingerprint only: {', '.join(job.names)}"
    left_out = "left out without --score-test: " if job.scores_test_part and not score_test else ""
    return f"{left_out}{job.command}  ({job.seconds / 60:.0f} minutes: {', '.join(job.names)})"


def queue(*, root: Path, directory: Path | None = None, names: Collection[str] = ()) -> list[Job]:
    """Return what is to be done, the shortest first: stale cards are run again, cards without fingerprint are stamped.

    The cards themselves are the queue's memory. A finished run writes a new card, which is no longer stale, so a queue
    that was stopped or killed goes on with what is left. A run that was killed between its tables and their
    fingerprints is only stamped. What an interrupted run has computed, its script finds in ``build/partial`` as long as
    no code has changed.
    """
    states = [fp.status(card) for name, card in recorded.cards(directory).items() if not names or name in names]
    jobs = []
    for again in (False, True):
        wanted = [s for s in states if (bool(s.stale_since) if again else not s.stamped)]
        for command in dict.fromkeys(state.command for state in wanted):
            own = [state for state in wanted if state.command == command]
            seconds = max(state.seconds for state in own)
            script, name = own[0].script, tuple(state.name for state in own)
            jobs.append(Job(name, command, script, seconds, scores_test_part(root / script), only_stamp=not again))
    return sorted(jobs, key=lambda job: (not job.only_stamp, job.seconds))


def run_queue(
    jobs: Iterable[Job], *, root: Path, directory: Path | None = None, score_test: bool = False, say: Say = print
) -> list[Job]:
    """Run the jobs one after the other; return those that were left out because they would score a test part."""
    refused = []
    for job in jobs:
        if not job.only_stamp:
            if job.scores_test_part and not score_test:
                say(f"left out, as it scores a test part (--score-test runs it): {job.command}")
                refused.append(job)
                continue
            say(f"{job.seconds / 60:.0f} minutes when it was last run: {job.command}")
            before = {name: recorded.cards(directory)[name]["date"] for name in job.names}
            folder = root / "build" / "partial" / f"{job.script.replace('/', '-')}-{code_state(root)}"
            folder.mkdir(parents=True, exist_ok=True)
            _run(_words(job.command, folder), root, real_data=True)
            after = recorded.cards(directory)
            same = [name for name in job.names if after[name]["date"] == before[name]]
            if same:
                raise DataError("the run did not write this table", table=same[0], value=job.command)
        everything = {n for n, c in recorded.cards(directory).items() if c["command"] == job.command}
        bare = [name for name in everything if "fingerprint" not in recorded.cards(directory)[name]]
        stamp(trials(sorted(bare), root=root, directory=directory, say=say), directory=directory)
        say(f"up to date: {', '.join(job.names)}")
    return refused
