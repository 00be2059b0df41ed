"""Defines the commands train, serve, replay, versions, promote, rollback, backup and restore (lesson 08, section 2)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from ecomlib.cli.outputs import printable, writes
from ecomlib.cli.past import cautious, note_end
from ecomlib.errors import DataError, MissingDependencyError, install_command
from ecomlib.stores import registry as stores

if TYPE_CHECKING:
    from ecomlib.evaluation.shop_answer import ShopAnswer
    from ecomlib.stores import Store

Home = Annotated[Path, typer.Option(envvar="ECOMLIB_HOME", help="Folder of versions and events; made by train.")]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="ECOMLIB_DATABASE",
        show_envvar=True,
        help="SQLAlchemy URL of the events; by default SQLite in the home. A password is better kept in the variable.",
    ),
]
HOME = Path("ecomlib-home")
Command = TypeVar("Command", bound=Callable[..., Any])


@writes("home")
@cautious
def train(
    store: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(stores.names('train'))}, or a folder of your tables; default: the home's, else simulated."
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="Size of the simulated store: tiny, small, full.")] = "small",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated store and of the network.")] = 0,
    hold_out: Annotated[int, typer.Option(min=0, help="Last weeks to leave out of training, for a replay.")] = 0,
    home: Home = HOME,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Rounds of training; unless given, by the shop's size.")
    ] = None,
    text: Annotated[bool, typer.Option(help="Use the listings' words to estimate what prices do.")] = True,
    model: Annotated[
        str | None,
        typer.Option(
            help="Publish this candidate whatever the scores say: naive, window_mean, seasonal_naive, "
            "exponential_smoothing, trees, gru, average."
        ),
    ] = None,
    learn_from: Annotated[
        Literal["log", "tables"],
        typer.Option(
            "--from", help="Where orders after the first version come from: the service's log, or the tables."
        ),
    ] = "log",
    quick: Annotated[bool, typer.Option("--quick", help="Leave networks out of the candidates.")] = False,
    returns: Annotated[
        str | None,
        typer.Option(help="Count units gross, or net of what came back; by default as in the home, else gross."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Also make an eight-bit network, and say what it costs.")
    ] = False,
    customers: Annotated[
        bool,
        typer.Option(help="Also keep lists, risk board and offers: the version then holds customers' identifiers."),
    ] = True,
    database: Database = None,
) -> None:
    """Publish the candidate that does best on the shop's own history. A home's first version is promoted; a later
    one has to earn it."""
    from contextlib import closing

    from ecomlib.serving.live import retrain
    from ecomlib.serving.live.event_log import EventLog
    from ecomlib.serving.live.replay import store_of
    from ecomlib.serving.release import bundle
    from ecomlib.serving.release.train import ReleaseSettings
    from ecomlib.serving.release.train import train as make

    versions = bundle.registry(home)
    before = versions.current()
    units = returns or (bundle.open_bundle(home).settings.get("units", "gross") if before else "gross")
    plan = ReleaseSettings(
        hold_out, epochs, seed, text=text, small=int8, quick=quick, model=model, returns=units, customers=customers
    )
    if store is not None or before is None:
        source = {"store": stores.resolve(store or "simulated", "train"), "size": size, "seed": seed}
    else:
        source = dict(bundle.open_bundle(home).settings["source"])
    typer.echo(f"reading the store {source['store']} …")
    shop = store_of(source)
    note_end(source, shop)
    if before is None:
        made = make(shop, home, plan, source=source, say=typer.echo)
        if versions.current() is None:  # no other train was faster
            versions.promote(made.version.number, "the first version")
            typer.echo(f"version {made.version.number:04d} is in force: ecomlib serve --home {home}")
            if not hold_out:
                _tell_running_week(shop, home)
            _tell(made.answer)
            return
    else:
        with closing(EventLog(database or bundle.database_url(home))) as log:
            events = log.span()[0]
    if before is None:
        pass
    elif events and learn_from == "log":
        made = retrain.retrain(shop, home, plan, database=database, source=source, say=typer.echo)
    else:  # nobody has told the service of anything: the tables themselves may be newer
        source.pop("cutoff", None)
        made = make(shop, home, plan, source=source, say=typer.echo)
    found = retrain.judge(home, made.version.number, database=database)
    if found.promote:
        versions.promote(made.version.number, found.why)
    typer.echo(found.why)
    left = "" if found.promote else f"; to overrule: ecomlib promote {made.version.number}"
    typer.echo(f"version {versions.open().number:04d} is in force{left}")
    _tell(made.answer)


def _tell_running_week(shop: Store, home: Path) -> None:
    """Say that orders of a week that is not over wait in the tables: the service knows only what it is told."""
    from ecomlib.serving.release.inputs import monday
    from ecomlib.serving.release.snapshot import last_full_week

    first = monday(last_full_week(shop) + 1)
    units = int(shop.orders.loc[shop.orders["ordered_at"] >= first, "quantity"].sum())
    if units:
        typer.echo(
            f"{units:,} units of the week from {first:%Y-%m-%d}, which is not over, stand in the tables; the service"
            f" counts them when they are told, while it runs: ecomlib replay --speed 0 --home {home}"
        )


def _tell(answer: ShopAnswer) -> None:
    """Say at the end of all how good the version is: beside the rules, then in a sentence."""
    from ecomlib.evaluation.shop_answer import against_rules

    beside = against_rules(answer)
    if beside:
        typer.echo(f"WAPE over all origins: {beside}")
    typer.echo(answer.sentence)


def serve(
    home: Annotated[Path | None, typer.Option(help=f"Folder of versions and events; default: {HOME}.")] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on, by default 127.0.0.1; any but a loopback address needs a write key."),
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, by default 8000; 0: a free one.")] = None,
    database: Annotated[
        str | None, typer.Option(help="SQLAlchemy URL of the events; by default SQLite in the home.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A name by which callers reach it, such as shop.example; may be repeated.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="The shop's time zone, such as Europe/Berlin; by default the system's.")
    ] = None,
    clock: Annotated[
        str | None, typer.Option(help="What moves the shop's clock: world, events, or auto (the default).")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with these settings, such as port = 8001.")] = None,
    play: Annotated[
        Path | None, typer.Option(help="Offer the quarter of lesson 22 at /play, and keep its games in this folder.")
    ] = None,
    room: Annotated[
        Path | None,
        typer.Option(help="Show at /play/room who stands where in this game of `ecomlib game new --quarter`."),
    ] = None,
) -> None:
    """Answer over HTTP with the version in force, until SIGTERM or Ctrl-C.

    An option wins over its variable (ECOMLIB_HOST, ECOMLIB_PORT, …), and the variable over the file (--config,
    ECOMLIB_CONFIG). Where ECOMLIB_WRITE_KEY is set, each order must bring it, and ECOMLIB_READ_KEY each question.
    """
    from ecomlib.serving.live.configuration import read_settings
    from ecomlib.serving.live.serve import serve as answer

    given = {"home": home, "host": host, "port": port, "database": database, "timezone": timezone, "clock": clock}
    settings = read_settings({**given, "allowed_hosts": allowed_host}, config=config)
    if play is None and room is None:
        answer(settings)
        return
    from ecomlib.cli.play_page import pages

    answer(settings, [pages(play, room)])


def replay(
    home: Home = HOME,
    url: Annotated[str, typer.Option(help="Where the service listens.")] = "http://127.0.0.1:8000",
    speed: Annotated[
        float, typer.Option(min=0, help="How many times as fast as the shop's time; 0: as fast as it goes.")
    ] = 1000.0,
    days: Annotated[
        int | None, typer.Option(min=1, help="How many days of the held-out weeks; all unless given.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="At most so many events at once.")] = 500,
) -> None:
    """Send a running service the weeks that training did not see, as if they were happening now."""
    from ecomlib.serving.live.replay import held_out, store_of
    from ecomlib.serving.live.replay import replay as send
    from ecomlib.serving.release.bundle import open_bundle
    from ecomlib.serving.release.inputs import week_of
    from ecomlib.stores.returns import sold

    settings = open_bundle(home).settings
    cutoff = week_of(settings["source"].get("cutoff", settings["cutoff"]))
    events = held_out(sold(store_of(settings["source"]), settings.get("units", "gross")), cutoff, days)
    if not events:
        raise DataError("no week was held out", value=settings["cutoff"], remedy="train with --hold-out 4.")
    total = send(events, url, speed, batch)
    wait = f", {total['waiting']:,} told to wait: dated too far ahead" if total["waiting"] else ""
    typer.echo(f"{total['received']:,} events sent, {total['new']:,} new, {total['late']:,} of these late{wait}")


def versions(home: Home = HOME) -> None:
    """List a home's versions: what each is made of, its error beside a mean of 8 weeks, and which is in force."""
    from ecomlib.evaluation.shop_answer import DO_NOT_USE
    from ecomlib.serving.release.bundle import registry
    from ecomlib.serving.release.candidates import WORDS

    kept = registry(home)
    now = kept.current()
    for number in kept.versions():
        try:
            card = kept.card(number)
            notes = card["notes"]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            typer.echo(f"! {number:04d}  cannot be read: {printable(str(fault))}")
            continue
        notes, mark = card["notes"], "→" if now and now.version == number else " "
        kind, wape = notes.get("model", "gru"), notes.get("wape", {})  # older releases knew one network only
        ours, simple = (
            "undefined" if value is None else value for value in (wape.get(n, "?") for n in ("model", "naive"))
        )
        error = f"{WORDS.get(kind, kind)}, WAPE {ours} (mean of 8 {simple})"
        data = str(notes.get("data", "?"))[:12]
        line = f"{number:04d}  {card['created'][:16]}  cutoff {notes.get('cutoff', '?')}  {error}  data {data}"
        line += "" if notes.get("usable", True) else f"  {DO_NOT_USE.lower()}"
        typer.echo(f"{mark} {printable(line)}")
    for promotion in kept.history():
        who = f" ({promotion.who})" if promotion.who else ""
        typer.echo(f"  {promotion.at[:16]}  {promotion.version:04d} in force: {printable(promotion.why + who)}")
    if now is None:
        raise DataError("no version is in force", remedy="train one: ecomlib train.")


@writes("home")
def promote(
    number: Annotated[int, typer.Argument(min=1, help="A version's number.")],
    why: Annotated[str, typer.Option(help="The reason, kept with the promotion.")] = "promoted by hand",
    home: Home = HOME,
) -> None:
    """Put a version in force; a running service takes it over."""
    from ecomlib.serving.release.bundle import open_bundle, registry, try_out

    try_out(open_bundle(home, number))  # it must be one that can be served
    registry(home).promote(number, why)
    typer.echo(f"version {number:04d} is in force")


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    home: Home = HOME,
    database: Database = None,
) -> None:
    """Write versions, promotions and events into one archive, while the service runs."""
    from ecomlib.serving.live.backup import back_up

    made = back_up(file, home, database)
    held = "no events" if made.events is None else f"{made.events:,} events"
    typer.echo(f"{file}: {made.versions} versions, {held}, {made.size / 2**20:.1f} MiB")
    if made.events is None:
        typer.echo("The events are in PostgreSQL: back these up by pg_dump.")


def restore(
    file: Annotated[Path, typer.Argument(help="An archive that backup wrote.")],
    home: Home = HOME,
) -> None:
    """Make a new home from a backup."""
    from ecomlib.serving.live.backup import restore as put_back

    made = put_back(file, home)
    held = "its events are in PostgreSQL: pg_restore" if made.events is None else f"{made.events:,} events"
    typer.echo(f"{home}: {made.versions} versions, {held}")


@writes("home")
def rollback(
    why: Annotated[str, typer.Option(help="The reason, kept with the promotion.")],
    home: Home = HOME,
) -> None:
    """Put the version that was in force before back in force; a running service takes it over."""
    from ecomlib.serving.release.bundle import registry

    typer.echo(f"version {registry(home).roll_back(why).version:04d} is in force again")


def with_extras(command: Command) -> Command:
    """The command, with a sentence in place of a traceback where a library of the service is not installed."""

    @functools.wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except ModuleNotFoundError as error:
            problem = f"the service needs the library {error.name}. What to do: {install_command('ecomlib[serve]')}"
            raise MissingDependencyError(problem) from error

    return wrapped  # type: ignore[return-value]


@with_extras
def catalogue(home: Path, database: str | None) -> Any:
    """Forecast the whole catalogue at once, as a frame: what the service answers now."""
    from ecomlib.serving.live.retrain import forecast_catalogue

    return forecast_catalogue(home, database=database)


_ALL: tuple[Callable[..., None], ...] = (train, serve, replay, versions, promote, rollback, backup, restore)
COMMANDS = tuple(with_extras(command) for command in _ALL)
