"""Write one company: its vendors' exports, its ``rapport.yml``, and the truth beside them.

The same arguments give the same bytes. The clock is never read.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from simulation.back_office_export import export_back_office
from simulation.configuration import RAPPORT_YML
from simulation.delighted_export import export_answers
from simulation.deliveries import Book
from simulation.entanglements import entangle
from simulation.ga4_export import export_events as export_web_events
from simulation.hubspot_export import export_crm
from simulation.local_time import Calendar
from simulation.mailings import draw_mail
from simulation.people import CAST, draw_people
from simulation.purchases import draw_purchases
from simulation.sendgrid_export import export_events as export_mail_events
from simulation.service import draw_service
from simulation.shopify_export import export_orders
from simulation.traps import write_traps
from simulation.truth import write_truth
from simulation.visits import draw_visits

MINIMUM_CUSTOMERS = 50
MINIMUM_DAYS = 40
EXPORT_NAMES = (
    "rapport.yml",
    "hubspot",
    "shopify",
    "sendgrid",
    "ga4",
    "delighted",
    "back_office",
)
TRUTH_NAMES = (
    "people.csv",
    "identifiers.csv",
    "orders.csv",
    "revenue.json",
    "effects.json",
    "engagement_inputs.csv",
    "survey_answers.csv",
    "true_remaining_lifetime.csv",
    "quarantine.csv",
    "deliveries.csv",
    "traps.json",
)


class SimulationError(ValueError):
    """The company asked for cannot be written; the message says what to ask for instead."""


@dataclass(frozen=True)
class Summary:
    """What was written. ``rows`` counts the records of all files, repeated ones included."""

    folder: Path
    truth: Path
    people: int
    orders: int
    sessions: int
    mail_events: int
    files: int
    rows: int
    traps: int


def write_company(
    folder: Path,
    customers: int = 2000,
    days: int = 180,
    seed: int = 1,
    last_day: date = date(2026, 6, 30),
    truth: Path | None = None,
) -> Summary:
    """Write exports and ``rapport.yml`` to ``folder`` and the truth to ``truth`` (default: a
    sibling folder ``<folder>_truth``).

    Both folders are emptied of an earlier company first. Raises SimulationError where the company
    would be too small to hold every trap, or where a folder holds something that is not an earlier
    company.
    """
    if customers < MINIMUM_CUSTOMERS or days < MINIMUM_DAYS:
        raise SimulationError(
            f"{customers} customers over {days} days cannot hold every trap: ask for at least "
            f"{MINIMUM_CUSTOMERS} customers ({len(CAST)} of them play traps) "
            f"and {MINIMUM_DAYS} days"
        )
    if seed < 0:
        raise SimulationError(f"seed {seed}: seeds are whole numbers from 0 up")
    truth = folder.parent / f"{folder.name}_truth" if truth is None else truth
    _empty(folder, EXPORT_NAMES)
    _empty(truth, TRUTH_NAMES)
    calendar = Calendar(last_day - timedelta(days=days - 1), last_day)

    people = entangle(draw_people(customers, calendar, seed), calendar)
    orders, lifetimes = draw_purchases(people, calendar, seed)
    mail = draw_mail(people, orders, calendar, seed)
    sessions = draw_visits(people, orders, lifetimes, mail, calendar, seed)
    service = draw_service(people, orders, mail, calendar, seed)

    book = Book(folder)
    export_orders(book, orders, people, calendar)
    export_crm(book, people, orders, mail, calendar, seed)
    export_mail_events(book, mail, people, calendar, seed)
    export_web_events(book, sessions, orders, people, calendar)
    export_answers(book, service.answers, people, calendar)
    rates = export_back_office(book, people, orders, mail, service, calendar, seed)
    (folder / "rapport.yml").write_text(RAPPORT_YML, encoding="utf-8")

    answers = service.answers + [interview.answer for interview in service.interviews]
    write_truth(truth, book, people, orders, lifetimes, answers, rates, last_day)
    traps = write_traps(truth, book)
    return Summary(
        folder=folder,
        truth=truth,
        people=len(people),
        orders=len(orders),
        sessions=len(sessions),
        mail_events=len(mail.events),
        files=len(book.deliveries),
        rows=sum(delivery.rows for delivery in book.deliveries),
        traps=traps,
    )


def _empty(folder: Path, known: tuple[str, ...]) -> None:
    """Take away an earlier company; a folder that holds anything else, a data home for one, is
    refused.
    """
    if folder.exists():
        strangers = sorted(entry.name for entry in folder.iterdir() if entry.name not in known)
        if strangers:
            raise SimulationError(
                f"{folder} holds {strangers[0]}, which no simulated company writes: "
                "name an empty or a new folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
