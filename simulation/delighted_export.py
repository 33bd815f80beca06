"""Delighted: lists of survey answers from the API, one file a week with a day of overlap.

Native quirks kept: 0 is a score; ``person`` is an id in one week's file and an object in the next
(the exporter asked for ``expand``); an edited answer comes again with a newer ``updated_at``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import orjson

from simulation.deliveries import Book, Quarantined
from simulation.local_time import Calendar
from simulation.people import Person
from simulation.service import HTML_COMMENT, Answer

MALFORMED_FILE = 2


def export_answers(
    book: Book, answers: list[Answer], people: list[Person], calendar: Calendar
) -> None:
    """Write all files of the instance ``delighted`` and note its identifiers, counts and traps."""
    for number, (begin, last) in enumerate(calendar.weeks()):
        # A day of overlap with the week before, so that nothing falls between two calls of the API.
        since, until = calendar.at(max(0, begin - 1)), calendar.at(last + 1)
        states = [
            state
            for answer in answers
            for state in _states(answer, until)
            if since <= max(state.at, state.edited_at) < until
        ]
        is_expanded = number % 2 == 1
        records = [_record(state, people[state.person], is_expanded) for state in states]
        for state in states if is_expanded else ():
            person = people[state.person]
            email = person.emails[0].strip()
            book.identify("delighted", "email", email, person.index)
            book.link(person.index, ("survey_person", person_number(person)), ("email", email))
        day = calendar.day(last)
        path = f"delighted/survey_responses_{day.isoformat()}.json"
        if number == MALFORMED_FILE:
            records.append(_malformed(book, path, len(records) + 1))
        if records:
            book.write(path, _content(records), "survey_responses", day, _next(day), len(records))
    _note(book, answers, people)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _content(records: list[dict[str, object]]) -> bytes:
    return b"[" + b",\n ".join(orjson.dumps(record) for record in records) + b"]\n"


def _states(answer: Answer, until: int) -> list[Answer]:
    """The answer as the API shows it before ``until``: an edit replaces what was said."""
    if answer.edited_at and answer.edited_at < until:
        return [answer]
    return [replace(answer, edited_at=0)] if answer.at < until else []


def final_score(answer: Answer) -> int:
    """What holds in the end."""
    return answer.edited_score if answer.edited_at else answer.score


def person_number(person: Person) -> str:
    """Delighted's own id of a person."""
    return str(1_042_205_000 + person.index)


def _record(answer: Answer, person: Person, is_expanded: bool) -> dict[str, object]:
    expanded = {
        "id": person_number(person),
        "email": person.emails[0].strip(),
        "name": f"{person.given_name} {person.family_name}",
        "created_at": answer.at,
    }
    properties = {"customer_id": person.customer_number} if person.customer_number else None
    return {
        "id": answer.number,
        "person": expanded if is_expanded else person_number(person),
        "survey_type": answer.survey_type,
        "score": final_score(answer),
        "comment": answer.comment or None,
        "permalink": f"https://survey.example.com/r/{answer.number}",
        "created_at": answer.at,
        "updated_at": answer.edited_at or answer.at,
        "person_properties": properties,
        "notes": [],
        "tags": [],
        "additional_answers": [],
    }


def _malformed(book: Book, path: str, row: int) -> dict[str, object]:
    record = Quarantined("delighted", "survey_responses", path, row, "not_a_number", "299999999")
    book.reject(record)
    book.show("malformed_answer", file=path, row=row, reason=record.reason, response="299999999")
    return {
        "id": "299999999",
        "person": "1042999999",
        "survey_type": "nps",
        "score": "ten",
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_000,
    }


def _note(book: Book, answers: list[Answer], people: list[Person]) -> None:
    for answer in answers:
        person = people[answer.person]
        book.identify("delighted", "survey_person", person_number(person), person.index)
        book.identify("delighted", "customer", person.customer_number, person.index)
        surveyed = ("survey_person", person_number(person))
        book.link(person.index, surveyed, ("customer", person.customer_number))
        book.count(person.index, "survey_answers")
        if answer.comment == HTML_COMMENT:
            book.show("score_zero", response=answer.number, score=0)
            book.show("markup_in_text", response=answer.number, comment=answer.comment)
        if person.role == "edited":
            book.show(
                "edited_answer",
                response=answer.number,
                score_first=answer.score,
                score_now=final_score(answer),
                answered_at=answer.at,
                updated_at=answer.edited_at,
            )
        if person.role in ("parent", "html_comment"):
            book.show("person_forms", response=answer.number, person_number=person_number(person))
