"""Skips cells that need an optional extra that is not installed; its name stands in the first line below the title."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from ecomlib.errors import install_command

# The libraries that come with an extra of pyproject.toml, by their import names.
PARTS = {
    "serve": ("onnx", "onnxruntime", "fastapi", "uvicorn", "sqlalchemy", "prometheus_client", "lightgbm"),
}
MARK = "# needs: "


def missing(part: str) -> list[str]:
    """The libraries of a part that cannot be imported here."""
    absent = []
    for library in PARTS[part]:
        try:
            importlib.import_module(library)
        except ImportError:
            absent.append(library)
    return absent


def skip_without(part: str) -> bool:
    """Whether the part is there. Where it is not, cells whose first line is ``# needs: PART`` are skipped from now on.
    A title (``# @title …``) may stand above it.

    They say so instead of failing, and the lesson runs to its end: what does not need the part still works.
    """
    absent = missing(part)
    if not absent:
        return True
    from IPython.core.getipython import get_ipython

    def skip(lines: Sequence[str]) -> list[str]:
        first = next((line.strip() for line in lines if not line.startswith("# @title")), "")
        return [f'print("Skipped: needs the part {part}.")\n'] if first == MARK + part else list(lines)

    shell = get_ipython()
    if shell is not None:
        shell.input_transformers_cleanup.append(skip)
    print(f"Not installed here: {', '.join(absent)}. The cells that begin with '{MARK}{part}' are skipped.")
    print(f"All of them:  {install_command(f'ecomlib[{part}]')}  (in a clone: make setup), then start again.")
    return False
