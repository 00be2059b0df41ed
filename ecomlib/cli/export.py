"""Defines ``ecomlib data map``: from what a shop system writes to a folder of tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.stores.export import ExportMapping, Made, Proposal
    from ecomlib.stores.export.stack import Stack


def map_export(
    export: Annotated[
        list[Path], typer.Argument(help="Files of the export, or a folder of them: CSV, Excel, Parquet, gz.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write: products.csv, orders.csv, mapping.toml.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="A mapping file, as an earlier run wrote it.")] = None,
    dates: Annotated[str, typer.Option(help="day-first or month-first, where the dates do not tell.")] = "",
    decimal: Annotated[str, typer.Option(help="point or comma, where the numbers do not tell.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Take the proposal, unsure columns too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace tables that stand in the folder.")] = False,
) -> None:
    """Make tables from an export of a shop system: say which column is what, and write the folder."""
    from ecomlib.stores.export import propose, read_export, read_mapping, stack, write_folder
    from ecomlib.stores.export.values import DATES, DECIMALS
    from ecomlib.stores.export.write import may_write

    if out is None and not dry_run:
        raise DataError("data map needs a folder to write", remedy="add --out FOLDER, or --dry-run to look first.")
    if out is not None and not dry_run:
        may_write(out.expanduser(), overwrite)
    tables = read_export(export)
    stacks = stack(tables)
    for note in (note for table in tables for note in table.notes):
        typer.echo(f"- {note}")
    for name, word, offered in (("dates", dates, DATES), ("decimal", decimal, DECIMALS)):
        if word not in ("", *offered):
            raise DataError(f"--{name} has no such choice", value=word, remedy=f"write {' or '.join(offered)}.")
    remarks: dict[tuple[str, str], str] = {}
    home = None if dry_run else out
    if mapping is not None:
        chosen = read_mapping(mapping)
    else:
        proposal = propose(stacks)
        typer.echo(_table(proposal))
        remarks = {key: f"{guess.word}: {guess.reason}" for key, guess in proposal.guesses.items()}
        remarks |= _idle(stacks, proposal.mapping)
        typer.echo("".join(f"{said}\n" for (_, role), said in remarks.items() if not role), nl=False)
        chosen = _decided(proposal, stacks, remarks, home, yes)
    remarks |= _idle(stacks, chosen)
    chosen = replace(chosen, dates=dates or chosen.dates, decimal=decimal or chosen.decimal)
    made, chosen = _made(stacks, chosen, remarks, home, (out or Path("shop")).name, given=mapping)
    typer.echo(_report(made))
    if dry_run or out is None:
        typer.echo("Nothing was written (--dry-run).")
        return
    write_folder(made, chosen, remarks, out, overwrite=overwrite)
    typer.echo(f"Written: {out}{'' if mapping else ' (mapping.toml there says what was read, and can be edited)'}")
    typer.echo(f"Next: ecomlib data check {out}")


def _on_a_terminal() -> bool:
    return sys.stdin.isatty()


def _table(proposal: Proposal) -> str:
    """The proposal as a table: column, from, confidence, reason."""
    several = len(proposal.mapping.parts()) > 1
    rows = [("column", "from", "", "why")]
    for (part, role), guess in proposal.guesses.items():
        files = proposal.mapping.parts()[part].files
        source = f"{files[0]}: {guess.column}" if several else guess.column
        rows.append((role, source, f"{guess.word} {guess.confidence:.2f}", guess.reason))
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [
        f"This is {proposal.layout}." if proposal.layout else "No known system's export; read by names and values."
    ]
    lines += [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]).rstrip() for row in rows
    ]
    for name, one in proposal.mapping.parts().items():
        if one.key:
            link = "order_id" if name == "orders" else "product_id"
            lines.append(f"{', '.join(one.files)}: joined to the lines where '{one.key}' is {link}.")
    lines += proposal.notes
    if proposal.unused:
        lines.append(f"Files not used: {', '.join(proposal.unused)} (nothing there could be joined to the lines).")
    return "\n".join(lines)


def _idle(stacks: Sequence[Stack], mapping: ExportMapping) -> dict[tuple[str, str], str]:
    """Remarks on each part: its columns that nothing is read from."""
    from ecomlib.stores.export.stack import idle

    several = len(mapping.parts()) > 1
    return {
        (part, ""): f"Columns not used{f' of the {part}' if several else ''}: {', '.join(columns)}."
        for part, columns in idle(stacks, mapping).items()
        if columns
    }


def _decided(
    proposal: Proposal, stacks: Sequence[Stack], remarks: dict[tuple[str, str], str], out: Path | None, yes: bool
) -> ExportMapping:
    """The mapping with every open role decided: by the person, by --yes, or not at all."""
    undecided = proposal.open()
    if not undecided or (yes and all(role in _roles(proposal.mapping) for role in undecided)):
        return proposal.mapping
    if not yes and _on_a_terminal():
        return _asked(proposal, stacks, undecided)
    words = []
    for role in undecided:
        guess = next((g for (_, name), g in proposal.guesses.items() if name == role), None)
        perhaps = [*([guess.column] if guess else []), *proposal.rivals.get(role, ())]
        words.append(f"{role} ({'perhaps ' + ' or '.join(perhaps) if perhaps else 'no column looks like it'})")
    if proposal.packed and {"quantity", "title"} & set(undecided):
        problem = "a cell holds all products of an order, and tables need a row for each"
        remedy = "export the orders with a row for each product (line items), not for each order."
        raise DataError(problem, column=proposal.packed[0], remedy=remedy)
    raise _with_file(DataError(f"these columns must be decided: {'; '.join(words)}"), proposal.mapping, remarks, out)


def _roles(mapping: ExportMapping) -> set[str]:
    roles = {role for part in mapping.parts().values() for role in part.columns}
    return roles | ({"unit_price"} if "line_total" in roles else set())


def _asked(proposal: Proposal, stacks: Sequence[Stack], undecided: Sequence[str]) -> ExportMapping:
    from ecomlib.stores.export.roles import ROLE
    from ecomlib.stores.export.stack import find

    mapping = proposal.mapping
    home = find(stacks, mapping.lines.files, mapping.lines.columns.values())
    columns = list(home.frame.columns) if home else []
    chosen = dict(mapping.lines.columns)
    for role in undecided:
        typer.echo(f"{role}: {ROLE[role].means}. Columns: {', '.join(columns)}")
        while True:
            first = chosen.get(role, (proposal.rivals.get(role) or ("",))[0])
            answer = typer.prompt(f"Which column is {role}? (- for none)", default=first or "-").strip()
            if answer == "-":
                chosen.pop(role, None)
                break
            if answer in columns:
                chosen = {other: column for other, column in chosen.items() if column != answer} | {role: answer}
                break
            typer.echo(f"There is no column '{answer}'.")
    return replace(mapping, lines=replace(mapping.lines, columns=chosen))


def _made(
    stacks: Sequence[Stack],
    chosen: ExportMapping,
    remarks: dict[tuple[str, str], str],
    out: Path | None,
    name: str,
    given: Path | None,
) -> tuple[Made, ExportMapping]:
    """The store, after asking on a terminal what the values leave open."""
    from ecomlib.stores.export import make_store

    while True:
        try:
            return make_store(stacks, chosen, name), chosen
        except DataError as fault:
            open_choice = next((word for word in ("dates", "decimal") if f"--{word} " in str(fault)), "")
            if open_choice and _on_a_terminal() and not getattr(chosen, open_choice):
                typer.echo(str(fault))
                offered = ("day-first", "month-first") if open_choice == "dates" else ("point", "comma")
                answer = ""
                while answer not in offered:
                    answer = typer.prompt(f"{open_choice}: {' or '.join(offered)}?")
                chosen = replace(chosen, **{open_choice: answer})  # type: ignore[arg-type]
                continue
            if given is not None:
                raise
            raise _with_file(fault, chosen, remarks, out) from None


def _with_file(
    fault: DataError, mapping: ExportMapping, remarks: dict[tuple[str, str], str], out: Path | None
) -> DataError:
    """The error with the mapping file written for editing, and the way to hand it in."""
    from ecomlib.stores.export.write import MAPPING, write_mapping

    if out is None:
        way = "run it with --out FOLDER for a mapping file that can be edited."
    else:
        file = write_mapping(mapping, out.expanduser() / MAPPING, remarks)
        way = f"edit {file} and run again with --mapping {file}; or --yes to take the proposal where it names a column."
    said = str(fault)
    if "What to do:" in said:
        return DataError(f"{said.rstrip('.')}. Or {way}")
    return DataError(said, remedy=way)


def _report(made: Made) -> str:
    orders, products = made.store.orders, made.store.products
    first, last = orders["ordered_at"].min(), orders["ordered_at"].max()
    lines = [
        f"Made: {len(orders):,} order lines of {orders['order_id'].nunique():,} orders, {len(products):,} products,"
        f" {first:%Y-%m-%d} to {last:%Y-%m-%d}, {int(orders['quantity'].sum()):,} units."
    ]
    if made.left_out:
        lines.append("Left out:")
        lines += [f"  {count:>7,}  {why}" for why, count in made.left_out]
    if made.notes:
        lines.append("Noticed:")
        lines += [f"  - {note}" for note in made.notes]
    return "\n".join(lines)
