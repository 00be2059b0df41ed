"""Counts lines that hold code: without blank lines, comments and docstrings, of which a course cannot have too many."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from pathlib import Path

_SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(path: Path) -> int:
    """Count the lines of code of one Python file."""
    source = path.read_text(encoding="utf-8")
    documented = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    written = {line for t in tokens if t.type not in _SILENT for line in range(t.start[0], t.end[0] + 1)}
    return len(written - documented)


def by_room(package: Path) -> Counter[str]:
    """Count the lines of code of each room (folder or file at the top) of a package."""
    found: Counter[str] = Counter()
    for path in sorted(package.rglob("*.py")):
        found[path.relative_to(package).parts[0].removesuffix(".py")] += code_lines(path)
    return found
