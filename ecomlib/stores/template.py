"""Writes empty tables for a shop's owner to fill in, each column explained (lesson 00, section 6)."""

from __future__ import annotations

from pathlib import Path

from ecomlib.errors import DataError
from ecomlib.files import whole_folder
from ecomlib.stores.schema import KIND_WORDS, SCHEMA, Column, Table

OPTIONAL = "optional"
_BY_KIND = {"id": "A17", "text": "some words", "count": "3", "number": "12.5", "flag": "true", "day": "2024-03-31"}
_EXAMPLES = {
    "order_id": "O1001",
    "product_id": "MUG-RED",
    "region_id": "north",
    "customer_id": "C204",
    "session_id": "S9",
    "ordered_at": "2024-03-31 14:05",
    "started_at": "2024-03-31 13:58",
    "title": "Red mug",
    "category": "kitchen",
    "name": "The north",
    "latitude": "48.85",
    "longitude": "2.35",
    "row": "0",
    "column": "4",
    "population": "125000",
    "image_path": "pictures/mug-red.jpg",
    "depth": "0.2",
    "propensity": "0.5",
    "promo_propensity": "0.5",
    "rating": "5",
    "version": "0",
    "text": "Keeps the tea warm.",
}
_START = """Tables for ecomlib

Fill in products.csv (a row a product) and orders.csv (a row an order line), then run

    ecomlib data check FOLDER

which lists all that does not fit, by table, column and row. Save as 'CSV UTF-8'. Leave a cell empty where a value is
not known; a column that you do not need may stay empty or be deleted, unless it is marked 'required'. Further columns
may be added. The tables in the folder 'optional' are not read there: fill one in and move it up to use it.
"""


def write_template(path: str | Path) -> Path:
    """Write a folder of empty tables: the two that every shop needs, the others in ``optional``, and README.txt.

    Raises
    ------
    DataError
        The folder is not empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     print((write_template(place + "/shop") / "products.csv").read_text(encoding="utf-8").split(",")[:2])
    ['product_id', 'title']
    """
    folder = Path(path).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("there is something under this name", value=str(path), remedy="name a new or an empty folder.")
    with whole_folder(folder) as draft:
        (draft / OPTIONAL).mkdir()
        for table in SCHEMA.values():
            place = draft if table.required else draft / OPTIONAL
            header = ",".join(column.name for column in table.columns)
            (place / f"{table.name}.csv").write_bytes((header + "\n").encode())
        (draft / "README.txt").write_bytes(explain().encode())
    return folder


def explain() -> str:
    """Describe all tables and columns as plain text: kind, whether required, meaning, limits and an example."""
    return "\n".join([_START, *(_explained(table) for table in SCHEMA.values())])


def _explained(table: Table) -> str:
    where = "required" if table.required else f"optional; in the folder '{OPTIONAL}'"
    lines = [f"{table.name}.csv ({where})"]
    if table.key:
        lines.append(f"  each row has its own {' and '.join(table.key)}")
    lines += [f"  {column} must stand in {parent}.csv, if there is one" for column, parent in table.refers]
    width = max(len(column.name) for column in table.columns)
    for column in table.columns:
        need = "required" if column.required else "optional"
        lines.append(f"  {column.name:<{width}}  {need}, {KIND_WORDS[column.kind]}: {column.means}{_limits(column)}")
        lines.append(f"  {'':<{width}}  for example {example(column)}")
    return "\n".join([*lines, ""])


def _limits(column: Column) -> str:
    said = []
    if column.above is not None:
        said.append(f"above {column.above:g}")
    if column.low is not None and column.high is not None:
        said.append(f"{column.low:g} to {column.high:g}")
    elif column.low is not None:
        said.append(f"at least {column.low:g}")
    if column.required and column.null:
        said.append("a cell may be empty")
    return f" ({'; '.join(said)})" if said else ""


def example(column: Column) -> str:
    """Give a value that a column may hold, as it is typed into the file."""
    return _EXAMPLES.get(column.name, _BY_KIND.get(column.kind, "2024-03-31 14:05"))
