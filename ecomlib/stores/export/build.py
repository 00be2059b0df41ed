"""Makes a store's tables from an export and its mapping, and counts what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ecomlib.errors import DataError
from ecomlib.stores.export.amounts import downloaded_twice, paid, variants
from ecomlib.stores.export.discounts import DISCOUNTS, take_off
from ecomlib.stores.export.lines import gather, product_columns
from ecomlib.stores.export.mapping import ExportMapping
from ecomlib.stores.export.roles import OF_ORDER
from ecomlib.stores.export.stack import Stack
from ecomlib.stores.export.states import CANCELLED, RETURNED, SALES, TEST, is_marked, is_state, overlooked, told_of
from ecomlib.stores.export.units import broken, in_fractions, remedy, small_units
from ecomlib.stores.export.values import bare, clocks, currencies, decimal_signs, moments, numbers
from ecomlib.stores.store import Store

_ORDERS = ("order_id", "product_id", "region_id", "customer_id", "ordered_at", "quantity", "unit_price", "returned")


@dataclass
class Made:
    """Hold the store that an export became, what was left out (words and rows), and what was noticed."""

    store: Store
    left_out: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Work:
    """Hold the lines while they are being made."""

    lines: pd.DataFrame
    left_out: list[tuple[str, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    small: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))

    def leave_out(self, bad: pd.Series, why: str) -> None:
        """Take rows out and note how many."""
        if bad.any():
            self.left_out.append((why, int(bad.sum())))
            self.lines = self.lines[~bad].copy()


def make_store(stacks: Sequence[Stack], mapping: ExportMapping, name: str) -> Made:
    """Make a store from the tables of an export.

    Parameters
    ----------
    stacks : sequence of Stack
        The export's tables.
    mapping : ExportMapping
        Which of their columns is which.
    name : str
        The store's name.

    Returns
    -------
    Made
        The store, checked, with what was left out.

    Raises
    ------
    DataError
        A role that is required has no column, a value cannot be read, or two readings are possible.
    """
    gathered = gather(stacks, mapping)
    main, work = gathered.stack, _Work(gathered.lines, gathered.left_out, gathered.notes)
    has = work.lines.columns
    decimal = mapping.decimal or _decimal_sign(stacks)
    read = {column for role, column in mapping.lines.columns.items() if role != "order_id"}
    again, named = downloaded_twice(main.frame.loc[work.lines.index], read)
    if len(main.names) == 1:
        work.leave_out(again, f"rows that stand there twice, with the same {named}")
    _fill_orders(work, has)
    nameless = work.lines["product_id"].isna()
    work.leave_out(nameless, "rows without a product (order totals, shipping, fees, footers)")
    work.leave_out(work.lines["order_id"].isna(), "rows without an order's identifier")
    _take_states(work, mapping)
    work.leave_out(work.lines["quantity"].isna(), "rows without a quantity")
    amounts = [role for role in ("unit_price", "line_total") if role in has]
    work.leave_out(work.lines[amounts].isna().all(axis=1), "rows without a price")
    work.leave_out(work.lines["ordered_at"].isna(), "rows without a date")
    if work.lines.empty:
        found = ", ".join(f"{count} {why}" for why, count in work.left_out)
        remedy = "look at the mapping: a column there is probably another one."
        raise DataError(f"no order line is left ({found})", table=main.names[0], remedy=remedy)

    def number(role: str) -> pd.Series:
        part, column = mapping.column(role) or ("lines", role)
        home = gathered.home[part]
        words = bare(work.lines[role])
        sign = "point" if column in home.typed else decimal or _only_reading(words, column, role, main)
        fail = lambda problem, bad, remedy: main.fault(problem, column, bad, remedy)  # noqa: E731
        return numbers(words, sign, fail)

    if "currency" not in has and (beside := currencies(work.lines[amounts[0]])) is not None:
        work.lines["currency"] = beside
    discounts = {role: number(role) for role in DISCOUNTS if role in has}
    fewer = {role: number(role) for role in ("quantity_cancelled", "quantity_returned") if role in has}
    if discounts and "unit_price" in has:
        amounts = ["unit_price"]  # a line's total beside it may hold the discount already
        work.lines = work.lines.drop(columns="line_total", errors="ignore")
    counted = ("quantity", *amounts, *(["price_per"] if "price_per" in has else []))
    lines = work.lines = work.lines.assign(**{role: number(role) for role in counted})
    lines["ordered_at"] = _moments(work, mapping, main)
    if "price_per" in has and "unit_price" in has:
        lines["unit_price"] /= lines["price_per"].where(lines["price_per"] > 0, 1.0)
    lines["unit_price"] = paid(lines)
    work.leave_out(work.lines["quantity"] == 0, "rows with a quantity of 0")
    if discounts:
        _take_discounts(work, mapping, discounts)
    twins = variants(work.lines)
    work.leave_out(twins, "lines without a price that repeat the priced line of their order (a variant and its parent)")
    _take_parts(work, fewer)
    times = _whole_units(work, mapping, main)
    _take_returns(work)
    _prices(work)
    _regions_and_customers(work, mapping)
    _drop_copies(work, gathered.files)
    _say_states(work, mapping, main)
    _divide(work)
    if work.lines.empty:
        raise DataError(
            "no order line is left", table=main.names[0], remedy="look at what was left out, and the mapping."
        )
    products = product_columns(stacks, mapping, work.lines, decimal, work.notes)
    products = _by_small_units(products, times, work.small)
    return Made(_store(work, products, name), work.left_out, work.notes)


def _decimal_sign(stacks: Sequence[Stack]) -> str:
    """The decimal sign that the numbers of all files agree on, or empty."""
    point = comma = 0
    for one in stacks:
        for column in one.frame.columns:
            if column in one.typed:
                continue
            words = bare(one.frame[column].dropna().drop_duplicates().head(2000))
            # A dotted date or a list of numbers is no number.
            numeric = words.str.fullmatch(r"[+-]?[\d.,]*\d").mean() > 0.8 if len(words) else False
            if numeric and not words.str.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{2,4}").any():
                p, c = decimal_signs(words)
                point, comma = point + p, comma + c
    if point >= 20 * comma and point:
        return "point"
    return "comma" if comma >= 20 * point and comma else ""


def _only_reading(words: pd.Series, column: str, role: str, main: Stack) -> str:
    """The decimal sign of one column where the files do not agree on one."""
    point, comma = decimal_signs(words.dropna().unique())
    if bool(point) != bool(comma):
        return "point" if point else "comma"
    signs = words.dropna().astype(str)
    grouped = signs.str.fullmatch(r"[+-]?\d{1,3}[.,]\d{3}")
    if not point and not grouped.any():
        return "point"
    if not point and role == "quantity" and grouped.all():
        # An ERP writes quantities with three decimals; a thousand units on every line is not likely.
        return "comma" if signs.str.contains(",").any() else "point"
    if point:
        problem, bad = "numbers written in two ways, with decimal commas and with decimal points", words.notna()
    else:
        problem = "a comma or point that could be a decimal sign or a separator of thousands"
        bad = words.astype(str).str.fullmatch(r"[+-]?\d{1,3}[.,]\d{3}").fillna(False) & words.notna()
    remedy = "say which: --decimal point, or --decimal comma (or decimal = in the mapping file)."
    raise main.fault(problem, column, bad, remedy)


def _fill_orders(work: _Work, has: pd.Index) -> None:
    """Copy what stands on an order's first line only to its other lines."""
    lines = work.lines
    blank = lines["order_id"].isna() & lines["product_id"].notna() & lines["quantity"].notna()
    if blank.any() and lines["order_id"].notna().any():
        filled = lines["order_id"].ffill()
        lines["order_id"] = lines["order_id"].where(~blank, filled)
        work.notes.append(f"order_id: {int(blank.sum())} lines had none and took that of the line above.")
    taken: list[str] = []
    most = 0
    for role in (*OF_ORDER, "status"):
        if role not in has:
            continue
        gaps = lines[role].isna() & lines["order_id"].notna()
        if not gaps.any() or not lines[role].notna().any():
            continue
        first = lines.groupby("order_id", sort=False)[role].transform("first")
        lines[role] = lines[role].where(~gaps, first)
        count = int((gaps & lines[role].notna() & lines["product_id"].notna()).sum())
        if count and role != "cancelled":
            taken, most = [*taken, role], max(most, count)
    if taken:
        work.notes.append(
            f"{', '.join(taken)}: taken from the order's first line where its others have none ({most} lines)."
        )


def _take_states(work: _Work, mapping: ExportMapping) -> None:
    """Leave out cancelled lines and what is no sale, and mark returned ones."""
    lines = work.lines
    lines["returned"] = is_marked(lines["returned"]) if "returned" in lines else False
    if "cancelled" in lines:
        work.leave_out(is_marked(lines["cancelled"]), "lines of cancelled orders")
    if "test" in work.lines:
        work.leave_out(is_marked(work.lines["test"]), "lines of test orders")
    if "status" not in work.lines:
        return
    status = work.lines["status"]
    work.leave_out(is_state(status, TEST, ()), "lines whose state says test")
    status = work.lines["status"]
    work.leave_out(is_state(status, CANCELLED, mapping.cancelled), "lines whose state says cancelled, void or failed")
    status = work.lines["status"]
    back = is_state(status, RETURNED, mapping.returned)
    work.lines["returned"] |= back
    sale = is_state(status, SALES, ())
    # A column of states of an order holds no word for a sale; a column of kinds of rows does.
    if sale.any():
        other = ~(sale | back | status.isna())
        words = ", ".join(status[other].value_counts().index[:4])
        work.leave_out(other, f"rows that are no sale ({words})")


def _say_states(work: _Work, mapping: ExportMapping, main: Stack) -> None:
    """Say what the states of the kept lines are, and which columns that are not read speak of other states."""
    if "status" in work.lines:
        back = work.lines["returned"]
        if told := told_of(work.lines["status"][~back]):
            work.notes.append(f"status: kept as sales are {told}; others can be named in the mapping file (cancelled).")
        if back.any():
            work.notes.append(f"returned: {int(back.sum()):,} lines are kept and marked as returned.")
    read = [*mapping.lines.columns.values(), *mapping.keep]
    work.notes += overlooked(main.frame.loc[work.lines.index], read)


def _moments(work: _Work, mapping: ExportMapping, main: Stack) -> pd.Series:
    column = (mapping.column("ordered_at") or ("", ""))[1]
    time = mapping.column("time")
    clock = None
    if time is not None and "time" in work.lines:
        clock = clocks(work.lines["time"], lambda problem, bad, remedy: main.fault(problem, time[1], bad, remedy))
    found, notes = moments(
        work.lines["ordered_at"],
        clock,
        mapping.dates,
        lambda problem, bad, remedy: main.fault(problem, column, bad, remedy),
    )
    work.notes += [f"ordered_at: {note}" for note in notes]
    return found


def _take_discounts(work: _Work, mapping: ExportMapping, discounts: dict[str, pd.Series]) -> None:
    """Make prices those that were paid."""
    columns = [(mapping.column(role) or ("", role))[1] for role in discounts]
    if mapping.orders is not None and "discount" in mapping.orders.columns and "discount" not in mapping.lines.columns:
        discounts["order_discount"] = discounts.pop("discount")
    there = {role: values.reindex(work.lines.index) for role, values in discounts.items()}
    work.lines["unit_price"], said = take_off(work.lines, there, columns)
    work.notes.append(said)


def _take_parts(work: _Work, fewer: dict[str, pd.Series]) -> None:
    """Leave out what is a part of another line, and divide lines of which some units were cancelled or came back."""
    if "part_of" in work.lines:
        part = work.lines["part_of"].notna() & (work.lines["unit_price"] == 0)
        work.leave_out(part, "parts of another line (variants, bundles) without a price of their own")
    units = {role: values.reindex(work.lines.index).abs().fillna(0) for role, values in fewer.items()}
    if "quantity_cancelled" in units:
        off = units["quantity_cancelled"].clip(upper=work.lines["quantity"].clip(lower=0))
        work.lines["quantity"] -= off
        if count := int((off > 0).sum()):
            work.notes.append(f"quantity: {int(off.sum()):,} cancelled units were taken off {count:,} lines.")
        work.leave_out((work.lines["quantity"] == 0) & (off > 0), "lines of which all units were cancelled")
    if "quantity_returned" in units:
        sold = work.lines["quantity"]
        share = (units["quantity_returned"].reindex(work.lines.index) / sold.where(sold > 0)).clip(upper=1).fillna(0)
        work.lines["back"] = share.where(~work.lines["returned"], 0.0)
        if count := int((work.lines["back"] > 0).sum()):
            work.notes.append(f"returned: units of {count:,} lines came back; where some did, it is divided.")


def _divide(work: _Work) -> None:
    """Divide lines of which some units came back in two: what was kept, and what came back."""
    if "back" not in work.lines:
        return
    back = (work.lines["back"] * work.lines["quantity"]).round().astype("int64")
    came = work.lines[back > 0].assign(quantity=back[back > 0], returned=True)
    kept = work.lines.assign(quantity=work.lines["quantity"] - back)
    work.lines = pd.concat([kept[kept["quantity"] > 0], came])


def _take_returns(work: _Work) -> None:
    """Mark the sale that a negative line takes back, and leave the negative line out."""
    lines = work.lines
    back = lines["quantity"] < 0
    # A line marked as returned that names the sale again (a refund row with a positive quantity) counts as well.
    again = lines["returned"] & ~back
    repeated = lines.assign(all=1, kept=(~lines["returned"] & ~back).astype(int))
    sold_too = repeated.groupby(["order_id", "product_id"])["kept"].transform("sum") > 0
    back |= again & sold_too
    if not back.any():
        return
    sales = lines[~back & lines["product_id"].isin(lines.loc[back, "product_id"])].sort_values(
        "ordered_at", kind="stable"
    )
    keys: dict[tuple[object, ...], list[int]] = {}
    by = [["order_id", "product_id"]] + ([["customer_id", "product_id"]] if "customer_id" in lines else [])
    for names in by:
        for row in sales[["quantity", *names]].dropna().itertuples():
            keys.setdefault((names[0], *row[1:]), []).append(row.Index)
    taken: set[int] = set()
    for row in lines[back].itertuples():
        for names in by:
            places = keys.get((names[0], abs(row.quantity), *(getattr(row, name) for name in names)), [])
            free = [at for at in places if at not in taken and lines.loc[at, "ordered_at"] <= row.ordered_at]
            if free:
                taken.add(free[-1])
                break
    lines.loc[sorted(taken), "returned"] = True
    units = int(lines.loc[back, "quantity"].abs().sum())
    why = f"rows of returns or refunds ({units} units; {len(taken)} sales they take back are marked as returned)"
    work.leave_out(back, why)


def _whole_units(work: _Work, mapping: ExportMapping, main: Stack) -> pd.Series:
    """Make quantities whole, and give what each product's were multiplied by."""
    lines = work.lines
    times = pd.Series(mapping.quantity_times, index=lines.index)
    if mapping.quantity_times != 1:
        work.notes.append(f"quantity: multiplied by {mapping.quantity_times:g}, and prices divided by it.")
    lines["quantity"] = lines["quantity"] * times
    if mapping.fraction_times != 1 and (parts := in_fractions(lines)).any():
        times = times.where(~parts, times * mapping.fraction_times)
        lines["quantity"] = lines["quantity"].where(~parts, lines["quantity"] * mapping.fraction_times)
        work.small = small_units(lines[parts], mapping.fraction_times)
        kinds = ", ".join(work.small.value_counts().index[:4])
        work.notes.append(
            f"quantity: {len(work.small):,} products that are sold in fractions are counted in {kinds}"
            f" ({int(parts.sum()):,} lines; multiplied by {mapping.fraction_times:g}, and prices divided by it);"
            " sums and scores over all products count each of these as a unit."
        )
    if (bad := broken(lines["quantity"])).any():
        column = (mapping.column("quantity") or ("", ""))[1]
        raise main.fault(f"{int(bad.sum())} quantities are not whole numbers", column, bad, remedy(lines))
    lines["quantity"] = lines["quantity"].round().astype("int64")
    lines["unit_price"] = lines["unit_price"] / times
    return times.groupby(lines["product_id"]).first()


def _by_small_units(products: pd.DataFrame, times: pd.Series, small: pd.Series) -> pd.DataFrame:
    """Divide the prices of products that are counted in a smaller unit, and say the unit in their titles."""
    for role in ("list_price", "unit_cost"):
        if role in products:
            products[role] = products[role] / products["product_id"].map(times).fillna(1.0)
    unit = products["product_id"].map(small)
    products["title"] = products["title"].where(unit.isna(), products["title"] + " (in " + unit.astype(str) + ")")
    return products


def _prices(work: _Work) -> None:
    work.leave_out(work.lines["unit_price"] < 0, "rows with a negative price (discounts, corrections)")
    free = int((work.lines["unit_price"] == 0).sum())
    if free:
        work.notes.append(f"unit_price: {free} lines have a price of 0; they are kept.")


def _regions_and_customers(work: _Work, mapping: ExportMapping) -> None:
    lines = work.lines
    if "customer_id" in lines:
        mails = lines["customer_id"].astype(str).str.contains("@")
        if mails.any():
            from hashlib import sha256

            # The same address gives the same name in the next export, and no address stands in the tables.
            names = {
                word: "C" + sha256(word.strip().casefold().encode()).hexdigest()[:10]
                for word in lines.loc[mails, "customer_id"].unique()
            }
            lines["customer_id"] = lines["customer_id"].where(~mails, lines["customer_id"].map(names))
            work.notes.append(
                "customer_id: e-mail addresses were replaced by short codes, the same for the same address."
            )
    if "region_id" in lines:
        count = lines["region_id"].nunique()
        if count > 1:
            work.notes.append(
                f"region_id: {count} places; for forecasts by place add regions.csv"
                " (region_id, name, latitude, longitude)."
            )
        else:
            work.lines = work.lines.drop(columns="region_id")
            work.notes.append("region_id: all lines are from one place, so it was left out.")
    if "currency" in lines:
        kinds = lines["currency"].dropna().value_counts()
        if len(kinds) > 1:
            shares = ", ".join(f"{name} {count:,} lines" for name, count in kinds.items())
            column = mapping.lines.columns.get("currency")
            one = (
                f" A part [keep] with '{column}' = ['{kinds.index[0]}'] in the mapping file takes one."
                if column
                else ""
            )
            work.notes.append(
                f"currency: prices in several currencies stand in one column ({shares}); nothing was converted.{one}"
            )


def _drop_copies(work: _Work, files: np.ndarray) -> None:
    """Leave out lines that a later file of the same form holds once more, as exports of overlapping months do."""
    if len(set(files)) < 2:
        return
    lines = work.lines
    file = files[lines.index]
    same = ["order_id", "product_id", "ordered_at", "quantity", "unit_price"]
    first = pd.Series(file, index=lines.index).groupby([lines[name] for name in same]).transform("min")
    work.leave_out(first.to_numpy() < pd.Series(file, index=lines.index), "lines that an earlier file holds too")


def _store(work: _Work, products: pd.DataFrame, name: str) -> Store:
    lines = work.lines
    orders = pd.DataFrame({column: lines[column] for column in _ORDERS if column in lines}).reset_index(drop=True)
    kinds = list(lines["currency"].dropna().unique()) if "currency" in lines else []
    for column in (*(["postcode"] if "postcode" in lines else []), *(["currency"] if len(kinds) > 1 else [])):
        orders[column] = lines[column].to_numpy()
    if not orders["returned"].any():
        orders = orders.drop(columns="returned")
    orders = orders.sort_values("ordered_at", kind="stable", ignore_index=True)
    return Store(name, products, orders, currency=str(kinds[0]) if len(kinds) == 1 else "")
