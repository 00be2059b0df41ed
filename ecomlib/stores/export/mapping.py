"""Holds which column of an export is which, and keeps it in a file that a person can read and edit."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecomlib.errors import DataError
from ecomlib.files import write_whole
from ecomlib.stores.export.roles import ROLE
from ecomlib.stores.export.values import DATES, DECIMALS

PARTS = ("lines", "orders", "products")
_WHAT = {
    "lines": "Files whose rows are order lines, and which of their columns is which.",
    "orders": "Files whose rows are orders, joined to the lines by this key.",
    "products": "Files whose rows are products, joined to the lines by this key.",
}


@dataclass(frozen=True)
class Part:
    """Hold the part of a mapping that one kind of file gives: its files, its key to the lines, its columns by role."""

    files: tuple[str, ...]
    columns: Mapping[str, str]
    key: str = ""


@dataclass(frozen=True)
class ExportMapping:
    """Hold how an export becomes tables.

    Parameters
    ----------
    lines : Part
        The files of order lines; its key is empty.
    orders, products : Part, optional
        Files joined to the lines.
    dates : str
        ``"day-first"``, ``"month-first"``, or empty: the column decides.
    decimal : str
        ``"point"``, ``"comma"``, or empty: the files decide.
    quantity_times : float
        What quantities are multiplied and prices divided by: 1000 turns kilograms into grams.
    fraction_times : float
        The same for products that are sold in fractions only; their titles say so.
    keep : mapping of str to tuple of str
        By a column of the lines: the values of the rows that are order lines.
    cancelled, returned : tuple of str
        Words of the status column that mean so, beside those that are known.
    """

    lines: Part
    orders: Part | None = None
    products: Part | None = None
    dates: str = ""
    decimal: str = ""
    quantity_times: float = 1.0
    fraction_times: float = 1.0
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cancelled: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()

    def parts(self) -> dict[str, Part]:
        """Give the parts that there are, by name."""
        every = {"lines": self.lines, "orders": self.orders, "products": self.products}
        return {name: part for name, part in every.items() if part is not None}

    def column(self, role: str) -> tuple[str, str] | None:
        """Find the part and the column that a role is read from; the lines come first."""
        for name, part in self.parts().items():
            if part.columns.get(role):
                return name, part.columns[role]
        return None


def write_mapping(mapping: ExportMapping, path: Path, remarks: Mapping[tuple[str, str], str]) -> Path:
    """Write a mapping as TOML, each column with a remark behind it, and a list of what may be named.

    Parameters
    ----------
    remarks : mapping of (str, str) to str
        By part and role: what stands behind the line, such as the reason of a proposal; by part and an empty role what
        stands below its columns.
    """
    lines = [
        "# Which column of the export is which. Edit it, and hand it in again:",
        "#   ecomlib data map EXPORT --out FOLDER --mapping THIS_FILE",
        "",
        f"dates = {_toml(mapping.dates)}  # day-first or month-first; empty: the column decides",
        f"decimal = {_toml(mapping.decimal)}  # point or comma; empty: the files decide",
        f"quantity_times = {mapping.quantity_times:g}  # 1000 turns kilograms into grams (prices are divided by it)",
        f"fraction_times = {mapping.fraction_times:g}  # the same, but only for products that are sold in fractions",
        f"cancelled = {_toml(mapping.cancelled)}  # states of lines to leave out, besides the usual ones",
        f"returned = {_toml(mapping.returned)}  # states of lines that came back, besides the usual ones",
    ]
    for name, part in mapping.parts().items():
        lines += ["", f"# {_WHAT[name]}", f"[{name}]", f"files = {_toml(part.files)}"]
        if name != "lines":
            lines.append(f"key = {_toml(part.key)}")
        for role, column in part.columns.items():
            remark = remarks.get((name, role), "")
            lines.append(f"{role} = {_toml(column)}" + (f"  # {remark}" if remark else ""))
        lines += [f"# {remarks[name, '']}"] if remarks.get((name, "")) else []
    if mapping.keep:
        lines += ["", "# Only rows with these values are order lines.", "[keep]"]
        lines += [f"{_toml(column)} = {_toml(values)}" for column, values in mapping.keep.items()]
    lines += ["", "# What may be named in [lines], [orders] and [products]:"]
    lines += [f"#   {role.key:<18} {role.means}" for role in ROLE.values()]
    lines += [
        "# A file of orders or products is joined by its key, the column that holds the order_id or product_id:",
        "#   [products]",
        '#   files = ["articles.csv"]',
        '#   key = "Article number"',
        '#   title = "Name"',
    ]
    return write_whole(path, "\n".join(lines) + "\n")


def _toml(value: object) -> str:
    # A JSON string is a TOML string, and so is a list of them.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False).replace("\x7f", "")


def read_mapping(path: str | Path) -> ExportMapping:
    """Read a mapping file.

    Raises
    ------
    DataError
        The file cannot be read, or names a part, role or choice that is not known.
    """
    try:
        content = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8-sig"))
    except OSError as fault:
        raise DataError(f"the mapping file cannot be read: {fault.strerror}", value=str(path)) from None
    except ValueError as fault:
        remedy = "put names between quotation marks, one column a line; the comments in a new file show the form."
        raise DataError(f"the mapping file is not TOML: {fault}", value=str(path), remedy=remedy) from None
    parts = {name: _part(name, content[name]) for name in PARTS if name in content}
    known = {*PARTS, "dates", "decimal", "quantity_times", "fraction_times", "keep", "cancelled", "returned"}
    unknown = sorted(set(content) - known)
    if unknown or "lines" not in parts:
        problem = (
            f"the mapping file has no meaning for '{unknown[0]}'" if unknown else "the mapping file has no [lines]"
        )
        raise DataError(problem, value=str(path), remedy=f"it may hold {', '.join(sorted(known))}.")
    _choice("dates", content.get("dates", ""), DATES)
    _choice("decimal", content.get("decimal", ""), DECIMALS)
    keep = content.get("keep", {})
    if not isinstance(keep, dict):
        raise DataError("[keep] must hold lists of values by column", value=keep, remedy='write "Type" = ["Order"].')
    return ExportMapping(
        **parts,
        dates=content.get("dates", ""),
        decimal=content.get("decimal", ""),
        quantity_times=_times("quantity_times", content.get("quantity_times", 1.0)),
        fraction_times=_times("fraction_times", content.get("fraction_times", 1.0)),
        keep={column: _words(column, values) for column, values in keep.items()},
        cancelled=_words("cancelled", content.get("cancelled", [])),
        returned=_words("returned", content.get("returned", [])),
    )


def _choice(name: str, value: object, offered: tuple[str, ...]) -> None:
    if value not in ("", *offered):
        raise DataError(
            f"'{name}' has no such choice", value=value, remedy=f"write {' or '.join(offered)}, or leave it empty."
        )


def _times(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise DataError(f"{name} must be a number above zero", value=value, remedy="write 1 to leave quantities.")
    return float(value)


def _words(name: str, value: Any) -> tuple[str, ...]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise DataError(f"'{name}' must hold a list of words", value=value, remedy='write ["one", "two"].')
    return tuple(value)


def _part(name: str, content: Any) -> Part:
    if not isinstance(content, dict):
        raise DataError(f"[{name}] must hold columns", value=content, remedy='write order_id = "Order number".')
    columns = {role: column for role, column in content.items() if role not in ("files", "key")}
    for role, column in columns.items():
        if role not in ROLE:
            raise DataError(f"[{name}] has no meaning for '{role}'", remedy=f"it may hold {', '.join(ROLE)}.")
        if not isinstance(column, str):
            raise DataError(f"[{name}] {role} must name one column", value=column, remedy='write "Name of the column".')
    files, key = _words("files", content.get("files", [])), content.get("key", "")
    if name != "lines" and not key:
        link = "order_id" if name == "orders" else "product_id"
        column = columns.get(link) or "id"
        remedy = f"write the column that holds the {link} there: key = {_toml(column)}."
        raise DataError(f"[{name}] names no key", remedy=remedy)
    return Part(files, {role: column for role, column in columns.items() if column}, str(key))
