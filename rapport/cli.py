"""The command line. Exit codes: 0 done, 1 failed, 2 usage, 3 gate closed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ingestion import settings as configuration
from ingestion.ingest import SourceFailed
from ingestion.landing import UnreadableFile
from ingestion.personal_data import KeyMissing
from ingestion.settings import CONFIGURATION, SettingsError
from ingestion.warehouse import NothingDelivered

app = typer.Typer(
    name="rapport",
    help="Exports in, trustworthy lifetime-value and engagement tables out, every night.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
sources_app = typer.Typer(help="List sources and the files they expect.", rich_markup_mode=None)
deliveries_app = typer.Typer(
    help="What arrived; take a delivery out or let it in.", rich_markup_mode=None
)
app.add_typer(sources_app, name="sources", invoke_without_command=True)
weights_app = typer.Typer(
    help="Propose other weights or another scale of the engagement score; nothing is applied.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(weights_app, name="weights")
app.add_typer(deliveries_app, name="deliveries", invoke_without_command=True)

# Texts of deliveries are printed as they are: brackets are no markup, colons no emoji.
console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
errors = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="The data folder (RAPPORT_HOME; default ./data).")
]
ExportsOption = Annotated[
    str | None,
    typer.Option(
        "--exports", help="Where exports lie: folder or fsspec URL (default HOME/exports)."
    ),
]
AsOfOption = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="The run's day (default: the latest day with data)."
    ),
]

FAILED, USAGE, GATE_CLOSED = 1, 2, 3


def main() -> None:
    """Run the command line; known failures become one message and an exit code."""
    # Known failures of the pipeline's own parts, imported late: they pull in heavy libraries.
    try:
        app()
    except (SettingsError, KeyMissing, SourceFailed, UnreadableFile, NothingDelivered) as error:
        _fail(error, USAGE if isinstance(error, SettingsError) else FAILED)
    except Exception as error:
        from expectations.gate import GateClosed
        from publishing.refusal import ReleaseError
        from rapport.home_lock import HomeInUseError
        from rapport.published import NothingPublished
        from rapport.receipt import ReceiptDiffers
        from rapport.steps import BuildInterrupted, TransformFailed
        from rapport.weight_proposals import NothingToPropose

        if isinstance(error, GateClosed):
            _fail(error, GATE_CLOSED)
        known = (
            *(ReleaseError, BuildInterrupted, TransformFailed, HomeInUseError),
            *(NothingPublished, ReceiptDiffers, NothingToPropose),
        )
        if isinstance(error, (*known, OSError)):
            _fail(error, FAILED)
        raise


def _fail(error: BaseException, code: int) -> None:
    errors.print(f"error: {error}")
    sys.exit(code)


def _enter(home: Path | None, exports: str | None = None, as_of: datetime | None = None) -> Path:
    """Settle where this command works, for this process and the ones it starts."""
    if home is not None:
        os.environ["RAPPORT_HOME"] = str(home.absolute())
    if exports is not None:
        os.environ["RAPPORT_EXPORTS"] = (
            exports if "://" in exports else str(Path(exports).absolute())
        )
    if as_of is not None:
        os.environ["RAPPORT_AS_OF"] = as_of.date().isoformat()
    return configuration.home()


@contextmanager
def _alone(home: Path, command: str) -> Iterator[None]:
    """One writer per data home."""
    from rapport.home_lock import hold

    with hold(home, f"rapport {command}, process {os.getpid()}"):
        yield


def _now() -> datetime:
    """The one place where the clock is read: from here on, time is passed in."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


@contextmanager
def _progress(text: str) -> Iterator[Callable[[str], None]]:
    """A line that says what is going on, on a terminal only."""
    with console.status(text) as status:
        yield status.update


def _adopt_configuration(home: Path, exports: str) -> None:
    """A first run may bring its rapport.yml with the exports; it is copied, and said."""
    target = home / CONFIGURATION
    brought = Path(exports, CONFIGURATION)
    if "://" not in exports and not target.exists() and brought.exists():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(brought, target)
        console.print(f"{target} taken over from {brought}")


@app.command()
def run(home: HomeOption = None, exports: ExportsOption = None, as_of: AsOfOption = None) -> None:
    """The whole night through the Airflow DAGs: ingest, build, validate, publish."""
    folder = _enter(home, exports, as_of)
    _adopt_configuration(folder, configuration.exports())
    settings = configuration.load(folder)
    from rapport.airflow_runner import run_dags
    from rapport.night_report import print_night

    names = [source.name for source in settings.sources]
    with _progress("starting Airflow") as progress:
        outcome = run_dags(folder, configuration.exports(), names, _now(), progress)

    sys.exit(print_night(console, errors, folder, outcome))


@app.command()
def ingest(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="All if none is named.")
    ] = None,
    home: HomeOption = None,
    exports: ExportsOption = None,
) -> None:
    """Take in what is new of the sources."""
    folder = _enter(home, exports)
    _adopt_configuration(folder, configuration.exports())
    settings = configuration.load(folder)
    from rapport.steps import ingest_source

    failed = False
    with _alone(folder, "ingest"):
        for name in names or [source.name for source in settings.sources]:
            try:
                with _progress(name) as progress:
                    done = ingest_source(folder, configuration.exports(), name, _now(), progress)
            except SourceFailed as error:
                errors.print(f"error: {error}")
                failed = True
                continue
            console.print(
                f"{name}: {done.new_files} new of {done.files} files, "
                f"{done.rows_accepted} rows accepted, {done.rows_quarantined} quarantined"
            )
    sys.exit(FAILED if failed else 0)


@app.command()
def build(home: HomeOption = None, as_of: AsOfOption = None) -> None:
    """Build and validate all layers from what is in the ledger; publish nothing."""
    folder = _enter(home, as_of=as_of)
    configuration.load(folder)
    from rapport.steps import build_marts

    with _alone(folder, "build"), _progress("building") as progress:
        build_marts(folder, progress)
    console.print("built; `rapport publish` makes it a release")


@app.command()
def validate(
    layer: Annotated[str, typer.Argument(help="raw, staging or marts")], home: HomeOption = None
) -> None:
    """Check a layer of the warehouse."""
    if layer not in ("raw", "staging", "marts"):
        raise typer.BadParameter(f"{layer!r} is none of raw, staging, marts")
    folder = _enter(home)
    from rapport.steps import validate as check

    with _progress(f"validating {layer}"):
        report = check(folder, layer)
    for warning in report.warnings:
        console.print(f"warning: {warning.table}.{warning.expectation}: {warning.observed}")
    console.print(f"{layer}: {len(report.checked)} expectations hold, gate open")


@app.command()
def publish(home: HomeOption = None) -> None:
    """Publish what was built and validated."""
    folder = _enter(home)
    from rapport.steps import publish as release

    with _alone(folder, "publish"):
        done = release(folder, _now())
    word = "published" if done.is_new else "nothing new; current is"
    console.print(f"{word} release {done.number}: {done.folder}")


@app.command()
def releases(home: HomeOption = None) -> None:
    """List the releases; the current one is marked."""
    from publishing.pointer import releases as listed

    table = Table("release", "as of", "created (UTC)", "rows", "current")
    for item in listed(_enter(home)):
        table.add_row(
            str(item.number),
            str(item.as_of),
            f"{item.created_at:%Y-%m-%d %H:%M}",
            f"{item.rows:,}",
            "<-" if item.is_current else "",
        )
    console.print(table)


@app.command()
def rollback(
    release: Annotated[int | None, typer.Argument(help="Default: the one before.")] = None,
    reason: Annotated[str, typer.Option(help="Kept in the record of rollbacks.")] = "",
    home: HomeOption = None,
) -> None:
    """Point readers to an earlier release."""
    from publishing.pointer import rollback as roll

    done = roll(_enter(home), release, now=_now(), reason=reason)
    console.print(f"current is release {done.number}: {done.folder}")


@sources_app.callback()
def sources(context: typer.Context, home: HomeOption = None) -> None:
    """List the configured sources, the files they expect and how their last ingest ended."""
    folder = _enter(home)
    if context.invoked_subcommand is not None:
        return
    from ingestion.ledger import open_ledger

    settings = configuration.load(folder)
    with open_ledger(folder) as ledger:
        runs = ledger.runs()
    table = Table("source", "vendor", "contract", "files", "last ingest")
    for source in settings.sources:
        last = runs.get(source.name)
        for file in source.files:
            table.add_row(
                source.name,
                source.vendor,
                file.contract.table,
                f"{source.path}/{', '.join(file.patterns)}",
                f"{last.status} {last.run_at}" if last else "never",
            )
    console.print(table)


@sources_app.command("detect")
def sources_detect(folder: Annotated[Path, typer.Argument(help="A folder with exports.")]) -> None:
    """Recognise what lies in a folder and propose a rapport.yml."""
    if not folder.is_dir():
        raise typer.BadParameter(f"{folder} is no folder")
    from ingestion.detection import detect, proposal

    console.print(proposal(detect(folder)))


@deliveries_app.callback()
def deliveries(context: typer.Context, home: HomeOption = None) -> None:
    """What arrived and what became of it."""
    folder = _enter(home)
    if context.invoked_subcommand is not None:
        return
    from ingestion.warehouse import live_deliveries

    table = Table("delivery", "source", "object", "file", "rows", "quarantined", "in force")
    for item in live_deliveries(configuration.load(folder)):
        delivery = item.delivery
        table.add_row(
            delivery.delivery_id,
            delivery.source,
            delivery.object,
            delivery.file_name,
            f"{delivery.rows_delivered:,}",
            f"{delivery.rows_quarantined:,}",
            "yes" if item.is_live else item.reason,
        )
    console.print(table)


def _decide(home: Path | None, delivery: str, status: str, reason: str, effect: str) -> None:
    from ingestion.ledger import open_ledger

    folder = _enter(home)
    configuration.load(folder)
    with open_ledger(folder) as ledger:
        if not ledger.set_status(delivery, status, reason):
            raise typer.BadParameter(f"no delivery {delivery!r}; `rapport deliveries` lists them")
    console.print(f"{delivery} {status}: {reason}. The next run builds {effect}")


@deliveries_app.command("reject")
def deliveries_reject(
    delivery: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")],
    home: HomeOption = None,
) -> None:
    """Take a delivery out; its rows count as quarantined."""
    _decide(home, delivery, "rejected", reason, "without its rows")


@deliveries_app.command("accept")
def deliveries_accept(
    delivery: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="Kept in the ledger.")],
    home: HomeOption = None,
) -> None:
    """Let a delivery in that was rejected, or that a gate stopped, with a recorded reason."""
    _decide(home, delivery, "accepted", reason, "with its rows")


@app.command()
def quarantine(
    home: HomeOption = None,
    rows: Annotated[int, typer.Option(help="How many rows to show.")] = 20,
) -> None:
    """What was rejected and why, with file and line."""
    from rapport.quarantine import print_quarantine

    print_quarantine(console, configuration.load(_enter(home)), rows)


@app.command()
def explain(
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER_ID")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address.")] = None,
    order: Annotated[str | None, typer.Option(help="An order's id.")] = None,
    home: HomeOption = None,
) -> None:
    """The receipt of a customer's score and value, and the evidence of the identity."""
    if [customer, email, order].count(None) != 2:
        raise typer.BadParameter("give one of CUSTOMER_ID, --email, --order")
    from rapport.explanation import print_explanation

    sys.exit(print_explanation(console, errors, _enter(home), customer, email, order))


@app.command()
def audit(home: HomeOption = None) -> None:
    """Make everything anew beside the warehouse and compare: to be run weekly."""
    folder = _enter(home)
    configuration.load(folder)
    from rapport.audit import audit as compare

    with _alone(folder, "audit"), _progress("auditing") as progress:
        found = compare(folder, progress)
    for difference in found:
        errors.print(f"error: {difference.table}: {difference.what}")
        for row in difference.rows:
            errors.print(f"  {row}")
    if not found:
        console.print("every table is what a full rebuild makes it")
    sys.exit(FAILED if found else 0)


@weights_app.command("propose")
def weights_propose(home: HomeOption = None) -> None:
    """Learn weights from past origins and write them as changed seeds to review."""
    from rapport.weight_proposals import propose_weights

    with _progress("learning"):
        done = propose_weights(_enter(home))
    console.print((done.folder / "report.md").read_text(encoding="utf-8"))
    console.print(f"{done.folder}: {done.verdict}")


@weights_app.command("rebase")
def weights_rebase(home: HomeOption = None) -> None:
    """Measure the score's scale on today's customers and write it as changed seeds to review."""
    from rapport.weight_proposals import propose_reference

    done = propose_reference(_enter(home))
    console.print(f"{done.folder}: {done.verdict}")


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    customers: Annotated[int, typer.Option(min=1)] = 2000,
    days: Annotated[int, typer.Option(min=1)] = 180,
    seed: int = 1,
) -> None:
    """Write the trap company's exports, and the truth about them beside the folder."""
    from simulation.company import write_company

    with _progress(f"writing {customers} customers over {days} days to {folder}"):
        summary = write_company(folder, customers=customers, days=days, seed=seed)
    console.print(
        f"{summary.folder}: {summary.people:,} people, {summary.orders:,} orders, "
        f"{summary.rows:,} rows in {summary.files:,} files with {summary.traps} traps; "
        f"the truth about them: {summary.truth}",
    )


@app.command()
def doctor(home: HomeOption = None, exports: ExportsOption = None) -> None:
    """What is missing before a run can work."""
    from rapport.doctor import findings

    folder = _enter(home, exports)
    found = findings(folder, configuration.exports())
    for item in found:
        console.print(("ok    " if item.is_fine else "WRONG ") + item.text)
    sys.exit(0 if all(item.is_fine for item in found) else FAILED)


if __name__ == "__main__":
    main()
