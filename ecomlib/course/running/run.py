"""Executes lessons with papermill, shows progress, and writes a report (``ecomlib run``)."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecomlib.course import lessons
from ecomlib.course.lessons import LessonFile
from ecomlib.course.running.results import RECORDED, LessonRun, RunSettings, absence
from ecomlib.errors import LessonError
from ecomlib.files import sweep, whole_file
from ecomlib.stores import registry

Watch = Callable[[LessonFile, int, int, str], None]  # lesson, cells done, cells in all, section


def excerpt(source: str, traceback: Sequence[str]) -> str:
    """The failing line of a cell, marked, with two lines before and one after; its start where no line is named."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))
    lines = source.splitlines()
    failing = 0
    for number, line in re.findall(r"^-+>\s*(\d+) ?(.*)$", plain, re.M):
        # The libraries' own frames have such arrows too: ours is the one whose text is in the cell.
        if int(number) <= len(lines) and lines[int(number) - 1].strip() == line.strip():
            failing = int(number)
    shown = range(max(0, failing - 3), min(len(lines), failing + 1)) if failing else range(min(4, len(lines)))
    return "\n".join(f"{'>' if n + 1 == failing else ' '} {lines[n]}" for n in shown)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Kernels inherit one thread each from this process's environment, which is put back afterwards."""
    before = {name: os.environ.get(name) for name in (*lessons.ONE_THREAD, "MPLBACKEND")}
    os.environ.update(dict.fromkeys(lessons.ONE_THREAD, "1"))
    os.environ.pop("MPLBACKEND", None)  # a terminal's choice; a notebook has its own
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def known_parameters(path: Path) -> list[str]:
    """Names in the notebook's parameters cell."""
    return list(lessons.library("papermill").inspect_notebook(str(path)))


def plan_parameters(chosen: Sequence[LessonFile], asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Which parameters each lesson gets: those it has. A parameter that no chosen lesson has is an error."""
    known = {lesson.number: known_parameters(lesson.path) for lesson in chosen}
    unknown = [name for name in asked if not any(name in names for names in known.values())]
    if unknown:
        there = "; ".join(f"{number}: {', '.join(names) or 'none'}" for number, names in known.items())
        raise LessonError(f"No chosen lesson has the parameter {', '.join(unknown)}. Parameters by lesson: {there}.")
    return {number: {n: v for n, v in asked.items() if n in names} for number, names in known.items()}


def run_lesson(lesson: LessonFile, parameters: Mapping[str, Any], settings: RunSettings, watch: Watch) -> LessonRun:
    """Execute one lesson. A failure is recorded, not raised; the executed notebook is there in both cases."""
    papermill = lessons.library("papermill")
    notebook = lessons.read(lesson.path)
    target = settings.out / "executed" / lesson.path.name
    target.unlink(missing_ok=True)  # an old success must not stand beside a new failure
    origin = list(range(len(notebook.cells)))  # for each executed cell, the author's cell it comes from
    if parameters:  # papermill puts the injected parameters into a cell of their own, after the author's
        tagged = next(n for n, cell in enumerate(notebook.cells) if "parameters" in lessons.tags(cell))
        origin.insert(tagged + 1, tagged)
    titles = [lessons.section_at(notebook, n) for n in origin]

    def on_cell_start(cell: Any, cell_index: int) -> None:
        watch(lesson, cell_index, len(titles), titles[cell_index])

    started = time.monotonic()
    error, section, cell, source = "", "", None, ""
    with whole_file(target, optional=True) as part:  # also what failed is there to be read
        try:
            papermill.execute_notebook(
                str(lesson.path),
                str(part),
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                execution_timeout=settings.cell_seconds,
                on_cell_start=on_cell_start,
                extra_arguments=["--log-level=ERROR"],  # the kernel's own log is no news to a reader
            )
        except papermill.PapermillExecutionError as problem:
            cell, source = origin[problem.cell_index] + 1, excerpt(problem.source, problem.traceback)
            section = titles[problem.cell_index]
            error = f"{problem.ename}: {problem.evalue}".strip()[:2000]
        except Exception as problem:  # a dead kernel, a time-out, a full disk: the other lessons still run
            error = f"{type(problem).__name__}: {problem}".strip()[:2000]
    seconds = time.monotonic() - started
    absent = "" if error or not target.exists() else absence(lessons.read(target))
    return LessonRun(lesson, target, seconds, error, section, cell, source, absent)


class Display:
    """Progress on a terminal as bars that name lesson and section, elsewhere as one line for each section."""

    def __init__(self, stream: Any = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.bars: dict[str, Any] = {}
        self.last: dict[str, str] = {}
        self.tty = bool(getattr(self.stream, "isatty", lambda: False)())

    def __call__(self, lesson: LessonFile, done: int, total: int, section: str) -> None:
        from tqdm import tqdm

        if self.tty:
            if lesson.number not in self.bars:
                self.bars[lesson.number] = tqdm(total=total, unit="cell", file=self.stream, leave=False)
            bar = self.bars[lesson.number]
            bar.set_description_str(f"{lesson.number} {lesson.title} · {section}"[:70], refresh=False)
            bar.update(done + 1 - bar.n)
        elif self.last.get(lesson.number) != section:
            self.last[lesson.number] = section
            print(f"  {lesson.number} {lesson.title} · {section}", file=self.stream, flush=True)

    def finish(self, run: LessonRun) -> None:
        """Close the lesson's bar and say how it went."""
        bar = self.bars.pop(run.lesson.number, None)
        if bar is not None:
            bar.close()
        done = f"✓ {run.lesson.number} {run.lesson.title}: {run.seconds:.1f} s"
        done += f" ({run.missed})" if run.missed else ""
        print(done if run.passed else run.complaint(), file=self.stream, flush=True)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Nobody else writes into ``out`` meanwhile. The lock dies with its process, so a killed run leaves none behind."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            sweep(out / "executed", older_than=0)  # of a run that was killed
            yield
    except Timeout:
        raise LessonError(f"Another run is writing into {out}. Wait for it, or choose another folder: --out.") from None


def insist_on_store(store: str | None) -> None:
    """Open the shop of the second parts before anything runs: a fault is worth knowing in the first second."""
    from ecomlib.stores.folder.read_write import check

    entry = None if store is None else registry.entry(store)
    if entry is not None and entry.kind == "published":
        entry.load()  # its own error says how to fetch it
    elif store is not None and store != RECORDED and entry is None:
        found = check(store)
        if not found.ok:
            faults = f"{len(found.problems)} fault{'s' if len(found.problems) > 1 else ''}"
            raise LessonError(
                f"The shop in {store} has {faults}, so no lesson was run. What to do: ecomlib data check {store}"
            )
        if found.stray:
            raise LessonError(f"The shop in {store} cannot be learnt from, so no lesson was run: {found.stray}")


def _lack(number: str, store: str | None) -> str:
    """What the data check says that a folder lacks for a lesson, in the owner's words; empty where nothing."""
    from ecomlib.course.data_check import check

    if store is None or registry.entry(store) is not None or not Path(store).is_dir():
        return ""
    able, why = check(store).lessons[number]
    return "" if able else why


def run_lessons(
    numbers: Sequence[str] = (), settings: RunSettings | None = None, *, where: Path | None = None
) -> list[LessonRun]:
    """Run the lessons, in order; write ``executed/``, ``report.html`` and ``leaderboard.csv`` into ``settings.out``.

    Raises ``LessonError`` for an unknown lesson, parameter, size or store. Failing lessons are in the returned list.
    """
    from ecomlib.course.running import report

    settings = settings or RunSettings()
    chosen = lessons.choose(where or lessons.folder(), numbers)
    parameters = plan_parameters(chosen, settings.parameters())
    insist_on_store(settings.store)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    display = Display()
    with _alone(settings.out):
        (settings.out / "executed").mkdir(exist_ok=True)

        def one(lesson: LessonFile) -> LessonRun:
            run = run_lesson(lesson, parameters[lesson.number], settings, display)
            if run.absent:
                run = replace(run, absent=_lack(lesson.number, settings.store) or run.absent)
            display.finish(run)
            return run

        pool = ThreadPoolExecutor(max_workers=max(1, settings.jobs))
        try:
            with _one_thread():
                runs = list(pool.map(one, chosen))
        finally:  # after Ctrl-C nothing is waited for
            pool.shutdown(wait=False, cancel_futures=True)
        report.write(runs, settings)
    return runs
