"""Execute the lessons with a number of threads and leave them, executed, in a folder outside the checkout.

    python tests/golden/run_notebooks.py THREADS FOLDER [NN ...]

``tests/golden/make_published.py`` measures by two such runs how far a published number moves with the threads.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ecomlib.course import lessons
from ecomlib.files import write_whole

ROOT = Path(__file__).resolve().parent.parent.parent


def run(threads: int, folder: Path, numbers: list[str]) -> None:
    """Execute lessons at their default parameters with ``threads`` threads into ``folder``."""
    nbclient = lessons.library("nbclient")
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment |= dict.fromkeys(lessons.ONE_THREAD, str(threads))
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in lessons.choose(ROOT / "notebooks", numbers):
        notebook = lessons.read(lesson.path)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        client = nbclient.NotebookClient(
            notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        began = time.monotonic()
        client.execute(env=environment)
        write_whole(folder / lesson.path.name, lessons.dump(notebook))
        print(f"{lesson.path.name}: {time.monotonic() - began:.0f} s with {threads} threads", flush=True)


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
