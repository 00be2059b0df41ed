"""Defines ``ecomlib game``: the order-list game, for a room or alone against the bots."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecomlib.cli.outputs import check_folder
from ecomlib.cli.plainly import plainly
from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.course.game.lists import ListRead
    from ecomlib.course.game.referee import Referee, Result
    from ecomlib.course.game.rules import Talk

app = typer.Typer(no_args_is_help=True, help="The order-list game: run a shop that nobody has seen for a quarter.")
Game = Annotated[Path, typer.Option("--game", help="The game's folder, as `ecomlib game new --out` named it.")]
DEFAULT = Path("game")


@app.command("new")
@plainly
def game_new(
    out: Annotated[Path, typer.Option(help="A new folder for the game.")] = DEFAULT,
    secret: Annotated[
        str, typer.Option(help="The pass-phrase that the shop is drawn from; unless given, one is made up.")
    ] = "",
    months: Annotated[int, typer.Option(min=1, help="Months of four weeks.")] = 3,
    team: Annotated[list[str] | None, typer.Option(help="A team that plays; others join by handing in.")] = None,
    solo: Annotated[bool, typer.Option("--solo", help="Play alone against the bots.")] = False,
    size: Annotated[str, typer.Option(help="Size of the shop: small; tiny for a rehearsal.")] = "small",
    quarter: Annotated[
        bool, typer.Option("--quarter", help="Thirteen weeks in four rounds: orders, then prices, offers, letters too.")
    ] = False,
) -> None:
    """Begin a game: draw a shop from a pass-phrase, publish the rules and the phrase's hash."""
    from ecomlib.course.game.board import publish
    from ecomlib.course.game.kinds import begin_quarter
    from ecomlib.course.game.referee import GameSettings, begin
    from ecomlib.course.game.secret import published_hash

    check_folder(out)
    settings = GameSettings(secret, months, size, solo, tuple(team or ()))
    if quarter and solo:
        raise DataError("alone the quarter is played week by week", remedy="play it with: ecomlib play")
    referee = begin_quarter(out, settings) if quarter else begin(out, settings)
    typer.echo(f"{out}: a shop is drawn. SHA-256 of its pass-phrase: {published_hash(referee.settings.phrase)}")
    if solo:
        typer.echo(f"{out / 'referee'} holds the pass-phrase and what customers will want: no peeping.")
        _hand_out(referee, 1)
        return
    publish(referee)
    typer.echo(
        f"Share {out / 'room'} and {out / 'handin'} with the teams, and never {out / 'referee'}: it holds the "
        f"pass-phrase and what customers want.\nNext: ecomlib game month 1{_option(out)}"
    )


@app.command("month")
@plainly
def game_month(
    number: Annotated[int, typer.Argument(min=1, help="The month to hand out: 1, 2, 3.")],
    game: Game = DEFAULT,
) -> None:
    """Hand out a month's tables: what the shop knows on that Sunday evening."""
    from ecomlib.course.game.kinds import open_game

    referee = open_game(game)
    with referee.alone():
        _hand_out(referee, number)


@app.command("check")
@plainly
def game_check(
    file: Annotated[Path, typer.Argument(help="Your order list: CSV with product_id,week,units.")],
    tables: Annotated[Path, typer.Option(help="The folder of the month's tables, such as room/month-1.")],
) -> None:
    """Say all that is wrong with an order list, before it is handed in."""
    from ecomlib.course.game.lists import read_list
    from ecomlib.course.game.rules import TURN, month_of

    if (tables / TURN).is_file():  # a round of the quarter, which needs gymnasium
        from ecomlib.course.game.sheets import LETTERS_FILE, read_sheet, turn_of

        found: ListRead = read_sheet(file, turn_of(tables), file.with_name(f"{file.stem}{LETTERS_FILE}"))
    else:
        found = read_list(file, month_of(tables))
    if found.units is not None:
        typer.echo(f"{file}: complete, {found.complete}.")
        return
    for number, fault in enumerate(found.faults, start=1):
        typer.echo(f"{number}. {fault.full()}")
    raise typer.Exit(1)


@app.command("score")
@plainly
def game_score(
    game: Game = DEFAULT,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Close the month even if lists are missing or have faults.")
    ] = False,
) -> None:
    """Close the open month and score it; without an open month, write scores and board again."""
    from ecomlib.course.game.board import publish
    from ecomlib.course.game.kinds import open_game

    referee = open_game(game)
    turn = referee.talk.turn
    with referee.alone():
        hands = referee.look()
        faulty = [hand for hand in hands if hand.faults]
        for hand in faulty:
            typer.echo(f"{hand.team}: {hand.state}", err=not anyway)
            for number, fault in enumerate(hand.faults, start=1):
                typer.echo(f"  {number}. {fault}", err=not anyway)
        if faulty and not anyway:
            publish(referee)
            typer.echo(
                f"ecomlib: {turn} {referee.handed_out} is not closed. Every place: {referee.room / 'answers'}. "
                "What to do: have the lists mended and run this again, or close it with --anyway: a list with faults "
                "does not count, and the last one does again.",
                err=True,
            )
            raise typer.Exit(1)
        waiting = referee.handed_out > referee.closed and not any(hand.read for hand in hands)
        if waiting and not anyway:  # run twice by mistake, it must not close the month that has just begun
            typer.echo(
                f"{turn.capitalize()} {referee.handed_out} is open, and nobody has handed in: close it with --anyway."
            )
        result = referee.close(hands) if referee.handed_out > referee.closed and (anyway or not waiting) else None
        if result is None:
            for team in referee.late():
                typer.echo(f"{team}: came too late for {turn} {referee.closed}, and does not count.")
        _say(result or (referee.result(referee.closed) if referee.closed else None), referee.talk)
        shown = referee.reveal()
        board = publish(referee)
        typer.echo(f"Board: {board}")
        if shown:
            typer.echo(f"It is over. The pass-phrase is in {shown[0]}, what customers wanted in {shown[1]}.")
        elif referee.handed_out > referee.closed:
            pass  # a month is open
        elif referee.settings.solo:
            _hand_out(referee, referee.closed + 1)
        else:
            typer.echo(f"Next: ecomlib game month {referee.closed + 1}{_option(game)}")


@app.command("board")
@plainly
def game_board(
    game: Game = DEFAULT,
    watch: Annotated[
        float, typer.Option(min=0, help="Look at the hand-in folder every so many seconds, until Ctrl-C; 0 looks once.")
    ] = 0,
) -> None:
    """Write the board for the projector: scores, ranks, and who has handed in."""
    from ecomlib.course.game.board import publish
    from ecomlib.course.game.kinds import open_game

    referee = open_game(game)
    while True:
        with referee.alone():
            board = publish(referee)
        if not watch:
            break
        time.sleep(watch)
    typer.echo(f"Board: {board}")


@app.command("verify")
@plainly
def game_verify(
    room: Annotated[Path, typer.Option(help="The room's folder of a quarter that is over.")] = DEFAULT / "room",
    digits: Annotated[str, typer.Option(help="The SHA-256 as you noted it before; else that of README.txt.")] = "",
    size: Annotated[str, typer.Option(help="Size of the shop: small, or tiny.")] = "small",
) -> None:
    """Check a quarter that is over: the phrase is the promised one, and this very shop came out of it."""
    from ecomlib.course.game.verify import verify_quarter

    for sentence in verify_quarter(room, size, digits):
        typer.echo(sentence)


def _hand_out(referee: Referee, number: int) -> None:
    from ecomlib.course.game.board import publish

    there = referee.tables(number).is_dir()
    folder = referee.hand_out(number)
    publish(referee)
    holds, begin = referee.words_of(number)
    typer.echo(
        f"{referee.talk.turn.capitalize()} {number} of {referee.settings.months}"
        f"{' was handed out already' if there else ''}: {folder}, {holds}."
    )
    where = referee.folder / "handin" / ("you.csv" if referee.settings.solo else "TEAM.csv")
    typer.echo(f"Write {where} (begin with a copy of {begin}), then: ecomlib game score{_option(referee.folder)}")


def _say(result: Result | None, talk: Talk) -> None:
    """Print a turn's rows, best first."""
    if result is None:
        typer.echo(f"No {talk.turn} is closed yet.")
        return
    from ecomlib.course.game.board import points

    typer.echo(f"{talk.turn.capitalize()} {result.month}, weeks from {result.weeks[0]} to {result.weeks[-1]}")
    for row in sorted(result.rows, key=lambda row: (row.money, row.name)):
        typer.echo(f"  {points(row.score):>5}  {row.name:<40} {row.money:>12,.0f} {talk.money}  {row.list}")


def _option(folder: Path) -> str:
    return "" if folder == DEFAULT else f" --game {folder}"
