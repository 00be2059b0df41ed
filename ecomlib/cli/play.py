"""Defines ``ecomlib play``: run a shop that nobody has seen for a quarter, alone, week by week, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecomlib.cli.outputs import check_folder
from ecomlib.cli.plainly import plainly
from ecomlib.errors import DataError

if TYPE_CHECKING:
    from ecomlib.course.game.quarter_referee import QuarterReferee
    from ecomlib.course.game.referee import Result
    from ecomlib.decisions.shop_quarter import Quarter, Sheet

RULE, REFERENCE = "the rule", "attainable"
DEFAULT = Path("play")
QUESTIONS = {"order": "order", "price": "price", "promote": "offers", "mail": "letters"}
FIRST = {"order": "rule", "price": "rule", "promote": "rule", "mail": "rule"}


@plainly
def play(
    out: Annotated[Path, typer.Option(help="The game's folder; one that holds a game goes on.")] = DEFAULT,
    secret: Annotated[
        str, typer.Option(help="The pass-phrase that the shop is drawn from; unless given, one is made up.")
    ] = "",
    size: Annotated[str, typer.Option(help="Size of the shop: small; tiny for a rehearsal.")] = "small",
    order: Annotated[
        str | None, typer.Option(help="rule, mean, shop, weeks of sales to order up to, or a CSV.")
    ] = None,
    price: Annotated[str | None, typer.Option(help="rule, list, shop, a mark-up such as 0.9, or a CSV.")] = None,
    offers: Annotated[str | None, typer.Option(help="rule, nothing, shop, or a CSV.")] = None,
    letters: Annotated[str | None, typer.Option(help="rule, nobody, everybody, shop, or a CSV.")] = None,
    weeks: Annotated[int | None, typer.Option(min=1, help="Play so many weeks and ask nothing.")] = None,
    browser: Annotated[bool, typer.Option("--browser", help="Play in a page of the browser, on this machine.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the page; 0: a free one. With --browser.")
    ] = 8022,
    room: Annotated[
        Path | None, typer.Option(help="A room's game, whose scores are a page too. With --browser.")
    ] = None,
) -> None:
    """Run a shop that nobody has seen for thirteen weeks; one lever more to move in each of four rounds."""
    given = {"order": order, "price": price, "promote": offers, "mail": letters}
    if browser:
        from ecomlib.cli.play_page import play_in_browser

        if weeks is not None or any(given.values()):
            raise DataError("in the browser the page asks for decisions", remedy="leave weeks and levers away.")
        play_in_browser(out, secret, size, port, room)
        return
    if room is not None:
        raise DataError("a room's scores are shown in the browser", remedy="add --browser.")
    from ecomlib.course.game.kinds import begin_quarter, open_game
    from ecomlib.course.game.quarter_referee import QuarterReferee
    from ecomlib.course.game.referee import GameSettings
    from ecomlib.course.game.secret import published_hash

    check_folder(out)
    if (out / "referee" / "game.json").is_file():
        referee = open_game(out)
        if secret:
            raise DataError("this folder holds a game already", value=str(out), remedy="name another one with --out.")
    else:
        typer.echo("Drawing a shop, and fitting the policies that you play against: half a minute.")
        referee = begin_quarter(out, GameSettings(phrase=secret, size=size, solo=True))
        typer.echo(
            f"{out}: SHA-256 of its pass-phrase: {published_hash(referee.settings.phrase)} (note it down)\n"
            f"Rules: {out / 'room' / 'README.txt'}. {out / 'referee'} holds the secret: no peeping."
        )
    if not (isinstance(referee, QuarterReferee) and referee.settings.solo):
        raise DataError("this folder holds another game", value=str(out), remedy="use ecomlib game, or another --out.")
    asks = weeks is None and all(value is None for value in given.values())
    with referee.alone():
        _Table(referee, {name: value for name, value in given.items() if value is not None}).sit(asks, weeks or 1)


class _Table:
    """Asks for a week's decisions, plays them, and says what came of it."""

    def __init__(self, referee: QuarterReferee, given: dict[str, str]) -> None:
        self.referee, self.last = referee, FIRST | given

    def sit(self, asks: bool, weeks: int) -> None:
        """Play on: to the end, or to Ctrl-D, where things are asked; else so many weeks."""
        referee, left = self.referee, weeks
        referee.hand_out(min(referee.closed + 1, referee.settings.months))
        quarter = referee.shop_of("you", referee.closed + 1)
        while not quarter.over and (asks or left):
            if asks:
                self._show(quarter)
                if not self._ask(quarter):
                    typer.echo("The game is kept. Go on with the same command.")
                    return
            sheet = self._sheet(quarter)
            stock = quarter.see()[["on_hand", "arriving"]].sum(axis=1).to_numpy()
            ordered = 0 if sheet.up_to is None else int((sheet.up_to - stock).clip(min=0).sum())
            result = referee.close([referee.hand("you", sheet)])
            quarter.play(sheet)
            if not referee.finished:
                referee.hand_out(referee.closed + 1)
            self._tell(quarter, result, ordered)
            left -= 1
        self._end(quarter)

    # --- what is said ---------------------------------------------------------------------------------------------

    def _show(self, quarter: Quarter) -> None:
        """The Monday: week, round, levers, and the products that a shop-keeper would look at first."""
        seen, week = quarter.see(), quarter.week + 1
        levers = ", ".join(QUESTIONS[lever] for lever in quarter.levers)
        typer.echo(f"\nWeek {week} of {quarter.env.game.weeks}, round {quarter.round}. You decide: {levers}.")
        out = int((seen["days_out"] > 0).sum())
        typer.echo(
            f"On hand {int(seen['on_hand'].sum()):,} units, arriving {int(seen['arriving'].sum()):,}; last week "
            f"{int(seen['sold_last_week'].sum()):,} were sold, and {out} of {len(seen)} products ran out."
        )
        shown = seen.sort_values("sold_last_week", ascending=False, kind="stable").head(5)
        columns = ["product_id", "on_hand", "arriving", "sold_last_week", "mean_of_8", "days_out", "unit_cost"]
        typer.echo(shown[[*columns, "plan_price"]].to_string(index=False))
        typer.echo(f"All products: {self.referee.tables(week) / 'you.csv'}")

    def _ask(self, quarter: Quarter) -> bool:
        """Ask for each open lever until the answer can be played; False where the player leaves."""
        from ecomlib.decisions.shop_quarter import CHOICES

        for lever in quarter.levers:
            while True:
                typer.echo(f"{QUESTIONS[lever]}: {CHOICES[lever]}, or a CSV. Enter: {self.last[lever]}. 'q' leaves.")
                try:
                    answer = typer.prompt(QUESTIONS[lever], default=self.last[lever], show_default=False).strip()
                except typer.Abort:
                    return False
                if answer.lower() in ("q", "quit", "exit"):
                    return False
                try:
                    self._decided(quarter, lever, answer)
                except DataError as error:
                    typer.echo(str(error))
                    continue
                self.last[lever] = answer
                break
        return True

    def _decided(self, quarter: Quarter, lever: str, answer: str) -> Any:
        """A lever's choice: a policy, or a sheet that was read from a file."""
        from ecomlib.course.game.sheets import read_lever

        if Path(answer).suffix.lower() in (".csv", ".parquet"):
            return read_lever(quarter, lever, Path(answer))
        return quarter.choice(**{lever: answer}).parts.get(lever)

    def _sheet(self, quarter: Quarter) -> Sheet:
        """The week's sheet, of all open levers."""
        chosen: dict[str, Any] = {}
        for lever in quarter.levers:
            found = self._decided(quarter, lever, self.last[lever])
            chosen[lever] = "shop" if found is None else found
        return quarter.sheet(quarter.choice(**chosen))

    def _tell(self, quarter: Quarter, result: Result, ordered: int) -> None:
        """What the week brought, beside the rule and the reference, and the score so far."""
        from ecomlib.course.game.board import points, publish
        from ecomlib.decisions.shop_quarter import score_so_far

        row = quarter.weeks.iloc[-1]
        profits = self.referee.profits.assign(you=quarter.weeks["profit"]).iloc[: quarter.week]
        beside = ", ".join(f"{name} {profits[name].iloc[-1]:,.0f}" for name in (RULE, REFERENCE))
        score = score_so_far(profits, "you")
        said = "none yet: there is next to nothing to gain" if score is None else points(score)
        typer.echo(
            f"Week {result.month}: {ordered:,} ordered, {int(row['sold']):,} sold, {row['profit']:,.0f} earned after "
            f"{row['holding']:,.0f} for holding ({beside}). So far {quarter.profit:,.0f}, score {said}."
        )
        publish(self.referee)

    def _end(self, quarter: Quarter) -> None:
        """The board, and once all is played the phrase."""
        from ecomlib.course.game.board import points, publish
        from ecomlib.decisions.shop_quarter import scoreboard

        referee = self.referee
        if quarter.week:
            typer.echo(f"\nAfter week {quarter.week} of {referee.settings.months}. {referee.talk.scale}")
            table = scoreboard(referee.profits.assign(you=quarter.weeks["profit"]), quarter.week)
            for row in table.itertuples():
                told = points(None if row.score != row.score else float(row.score))
                typer.echo(f"  {told:>5}  {row.player:<18} {row.profit:>12,.0f}")
        shown = referee.reveal()
        typer.echo(f"Board: {publish(referee)}")
        if shown:
            typer.echo(f"It is over. The pass-phrase is in {shown[0]}, what customers could not have in {shown[1]}.")
            sized = "" if referee.settings.size == "small" else f" --size {referee.settings.size}"
            typer.echo(f"Was it honest? ecomlib game verify --room {referee.room}{sized} --digits DIGITS")
