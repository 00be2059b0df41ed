"""Gathers the order lines of an export from its files, and the products from lines and lists of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.export.mapping import ExportMapping, Part
from ecomlib.stores.export.role import plain
from ecomlib.stores.export.roles import OF_PRODUCT, ROLE
from ecomlib.stores.export.stack import Stack, find
from ecomlib.stores.export.values import bare, decimal_signs, moments, numbers


@dataclass
class Gathered:
    """Hold the lines as text by role, the stack whose rows they are, the home of each part, and what was said."""

    lines: pd.DataFrame
    stack: Stack
    files: np.ndarray
    home: Mapping[str, Stack]
    left_out: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gather(stacks: Sequence[Stack], mapping: ExportMapping) -> Gathered:
    """Gather the lines: their own columns, those of the orders joined to them, and an identifier for each product.

    Raises
    ------
    DataError
        A file or column that the mapping names is not there, or a required role has none.
    """
    _complete(mapping)
    home = {name: _home(stacks, name, part) for name, part in mapping.parts().items()}
    main = home["lines"]
    missing = [column for column in mapping.keep if column not in main.frame]
    if missing:
        raise _absent(missing[0], "keep", main.frame.columns)
    lines = pd.DataFrame({role: main.frame[column] for role, column in mapping.lines.columns.items()})
    found = Gathered(lines, main, main.files, home)
    for column, values in mapping.keep.items():
        wanted = {plain(value).replace(" ", "") for value in values}
        words = main.frame[column].loc[found.lines.index]
        kept = words.map(lambda value: plain(value or "").replace(" ", "")).isin(wanted)
        if (~kept).any():
            found.left_out.append((f"rows whose {column} is not {' or '.join(values)}", int((~kept).sum())))
            found.lines = found.lines[kept].copy()
    if mapping.orders is not None:
        _join_orders(found, mapping)
    _name_products(found, mapping)
    return found


def _complete(mapping: ExportMapping) -> None:
    has = {role for part in mapping.parts().values() for role in part.columns}
    lacking = [role for role in ("order_id", "ordered_at", "quantity") if role not in has]
    if not has & {"product_id", "title"}:
        lacking.append("product_id or title")
    if not has & {"unit_price", "line_total"}:
        lacking.append("unit_price or line_total")
    if lacking:
        remedy = "name it in the mapping file, or export the orders with a row a line and this column."
        means = ROLE[lacking[0].split()[0]].means
        raise DataError(f"no column is named for {', '.join(lacking)} ({means})", remedy=remedy)
    for role in ("order_id", "quantity"):
        if role not in mapping.lines.columns:
            raise DataError(f"[lines] must name {role}", remedy="only what joins the files may stand elsewhere.")


def _home(stacks: Sequence[Stack], name: str, part: Part) -> Stack:
    found = find(stacks, part.files, [part.key, *part.columns.values()])
    if found is not None:
        return found
    named = [one for one in stacks if set(one.names) & set(part.files)] or list(stacks)
    best = max(named, key=lambda one: len(set(part.columns.values()) & set(one.frame.columns)))
    absent = next(c for c in [part.key, *part.columns.values()] if c and c not in best.frame.columns)
    raise _absent(absent, name, best.frame.columns)


def _absent(column: str, part: str, names: Sequence[str]) -> DataError:
    remedy = f"correct [{part}] in the mapping file; the columns are {', '.join(map(str, names))}."
    return DataError("the mapping names a column that the export does not have", column=column, remedy=remedy)


def _keys(child: pd.Series, parent: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Both sides of a join; leading zeros are dropped where only so they meet."""
    if child.isin(parent).any():
        return child, parent
    return child.str.lstrip("0"), parent.str.lstrip("0")


def _join_orders(found: Gathered, mapping: ExportMapping) -> None:
    part, other = mapping.orders, found.home["orders"]
    assert part is not None
    child, parent = _keys(found.lines["order_id"], other.frame[part.key])
    table = pd.DataFrame({role: other.frame[column] for role, column in part.columns.items()})
    table = table.groupby(parent.rename("key"), sort=False).first()
    unknown = child.notna() & ~child.isin(table.index)
    if unknown.any():
        found.left_out.append((f"lines whose order is not in {other.names[0]}", int(unknown.sum())))
    found.lines = found.lines[~unknown].copy()
    joined = table.reindex(child[~unknown])
    for role in table.columns:
        found.lines[role] = joined[role].to_numpy()


def _name_products(found: Gathered, mapping: ExportMapping) -> None:
    """Give each line a product_id: the one it has, else its title."""
    lines = found.lines
    titles = lines["title"] if "title" in lines else pd.Series(None, index=lines.index, dtype=object)
    if "product_id" not in lines:
        lines["product_id"] = titles
        found.notes.append("product_id: there is no such column, so the title names the product.")
        return
    blank = lines["product_id"].isna() & titles.notna()
    if blank.any() and lines["quantity"][blank].notna().any():
        count = int(lines["quantity"][blank].notna().sum())
        column = mapping.lines.columns.get("product_id", "product_id")
        found.notes.append(f"product_id: {count} lines have no {column}; their title names the product.")
    lines["product_id"] = lines["product_id"].where(~blank, titles)


def product_columns(
    stacks: Sequence[Stack], mapping: ExportMapping, lines: pd.DataFrame, decimal: str, notes: list[str]
) -> pd.DataFrame:
    """Make the table of products, from a list of them where there is one, and from the lines.

    Parameters
    ----------
    lines : DataFrame
        The lines that are kept, with ``product_id`` and what they say of their product.
    decimal : str
        The files' decimal sign, or empty.
    notes : list of str
        What was noticed is appended here.

    Returns
    -------
    DataFrame
        A row a product; of several titles the most frequent one.
    """
    own = [role for role in OF_PRODUCT if role in lines]
    products = pd.DataFrame(index=pd.Index(sorted(lines["product_id"].unique()), name="product_id"))
    for role in own:
        products[role] = _most_frequent(lines["product_id"], lines[role])
    several = lines.groupby("product_id")["title"].nunique() if "title" in lines else pd.Series(dtype=int)
    if (several > 1).any():
        notes.append(
            f"title: {int((several > 1).sum())} products have several titles; the most frequent one was taken."
        )
    homes = {"lines": find(stacks, mapping.lines.files, mapping.lines.columns.values())}
    part = mapping.products
    if part is not None:
        other = homes["products"] = find(stacks, part.files, [part.key, *part.columns.values()])
        assert other is not None
        products = _listed(products, part, other, notes)
    for role in products.columns:
        if ROLE[role].kind in ("money", "day"):
            name, column = mapping.column(role) or ("lines", role)
            products[role] = _typed(products[role], role, column, homes[name], decimal, notes)
    if "title" not in products:
        products["title"] = None
    blank = products["title"].isna()
    if blank.any():
        notes.append(f"title: {int(blank.sum())} products have none; their identifier stands there.")
        products["title"] = products["title"].where(~blank, products.index.to_series())
    return products[["title", *[role for role in products.columns if role != "title"]]].reset_index()


def _most_frequent(key: pd.Series, values: pd.Series) -> pd.Series:
    there = values.notna()
    counts = (
        pd.DataFrame({"key": key[there], "value": values[there]}).value_counts(sort=False).reset_index(name="count")
    )
    counts = counts.sort_values(["key", "count", "value"], ascending=[True, False, True])
    return counts.drop_duplicates("key").set_index("key")["value"]


def _listed(products: pd.DataFrame, part: Part, other: Stack, notes: list[str]) -> pd.DataFrame:
    """Add what a list of products says, and the products that nobody bought."""
    key = other.frame[part.key]
    known = pd.Series(products.index, index=products.index, dtype=object)
    # A spreadsheet takes leading zeros away; where two products would then have one name, none is changed.
    stripped = known.str.lstrip("0")
    single = ~stripped.duplicated(keep=False)
    bare_names = dict(zip(stripped[single], known[single], strict=True))
    changed = ~key.isin(products.index) & key.notna()
    key = key.where(~changed, key.map(lambda word: bare_names.get(str(word).lstrip("0"), word)))
    table = pd.DataFrame({role: other.frame[column] for role, column in part.columns.items()})
    table = table.groupby(key.rename("product_id"), sort=False).first()
    unknown = int((~products.index.isin(table.index)).sum())
    if unknown:
        notes.append(f"products: {unknown} products of the lines are not in {other.names[0]}; they were added.")
    whole = products.index.union(table.index, sort=False).rename("product_id")
    return table.reindex(whole).combine_first(products.reindex(whole)).reindex(whole)


def _typed(values: pd.Series, role: str, column: str, home: Stack | None, decimal: str, notes: list[str]) -> pd.Series:
    """Numbers and days of products; a column that cannot be read is not worth an error, so it is left empty."""

    def fail(problem: str, bad: pd.Series, remedy: str) -> DataError:
        return DataError(problem, column=column, value=str(values[bad].iloc[0]))

    try:
        if ROLE[role].kind == "day":
            return moments(values, None, "", fail)[0].dt.normalize()
        words = bare(values)
        point, comma = decimal_signs(words.dropna().unique())
        sign = (
            "point" if home is not None and column in home.typed else decimal or ("comma" if comma > point else "point")
        )
        found = numbers(words, sign, fail)
        return found.where(found >= 0)
    except DataError as fault:
        notes.append(f"{role}: left empty, {fault}")
        return pd.Series(pd.NaT if ROLE[role].kind == "day" else np.nan, index=values.index)
