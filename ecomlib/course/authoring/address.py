"""Writes the address of the course's repository everywhere it is needed.

``python -m ecomlib.course.authoring.address owner/name [ROOT]`` (``make address REPO=owner/name``) writes it into the
setting ``setup_cell.REPOSITORY``, into the set-up cells and into the lessons' "Open in Colab" badges. Until then there
is no address and no badge.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def badge(repository: str, file: str) -> str:
    """The badge's Markdown between its two marks; nothing between them without an address."""
    if not repository:
        return "<!-- badge --><!-- /badge -->"
    host = "https://colab.research.google.com"
    link = f"{host}/github/{repository}/blob/main/notebooks/{file}"
    return f"<!-- badge -->[![Open in Colab]({host}/assets/colab-badge.svg)]({link})<!-- /badge -->"


def write(repository: str, root: Path) -> list[Path]:
    """Write ``owner/name`` (or nothing) into the checkout at ``root``; returns the files that were changed."""
    from ecomlib.course import lessons, setup_cell
    from ecomlib.errors import LessonError
    from ecomlib.files import write_whole

    if repository and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", repository):
        raise LessonError(f"'{repository}' is not an address. It has the form owner/name.")
    setting = root / "ecomlib" / "course" / "setup_cell.py"
    if not setting.is_file():
        raise LessonError(f"{root} holds no checkout of ecomlib: there is no {setting.relative_to(root)}.")
    changed = []
    before = setting.read_text(encoding="utf-8")
    after = re.sub(r'^REPOSITORY = ".*"$', f'REPOSITORY = "{repository}"', before, count=1, flags=re.M)
    if after != before:
        write_whole(setting, after)
        changed.append(setting)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        notebook = lessons.read(path)
        old = lessons.dump(notebook)
        for cell in notebook.cells:
            if "setup" in lessons.tags(cell):
                cell.source = setup_cell.text(repository)
            elif cell.cell_type == "markdown":
                cell.source = lessons.BADGE.sub(badge(repository, path.name), cell.source)
        if lessons.dump(notebook) != old:
            write_whole(path, lessons.dump(notebook))
            changed.append(path)
    return changed


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    from ecomlib.course import lessons
    from ecomlib.errors import EcomlibError

    if len(arguments) not in (1, 2):
        print("usage: python -m ecomlib.course.authoring.address owner/name [ROOT]", file=sys.stderr)
        return 2
    try:
        root = Path(arguments[1]) if len(arguments) == 2 else lessons.checkout()
        if root is None:
            raise lessons.LessonError("This folder lies in no checkout of ecomlib. Pass its root as second argument.")
        for path in write(arguments[0], root):
            print(path)
    except EcomlibError as error:
        print(f"ecomlib: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
