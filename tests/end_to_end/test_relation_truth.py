"""How customers and the company stand with each other, worked out again in Python.

Orders, touches, visits and answers are the published ones, each of which ``test_company_night``
holds against the exports; contacts, consents, tickets, reviews and referrals are read from the
exports.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import mean, median
from typing import NamedTuple

import pytest

from tests.end_to_end.night import OSLO, Night, Record, local_day, moment

SECONDS, MINUTES = "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"
ISO = "%Y-%m-%dT%H:%M:%S.%f%z"


@pytest.fixture(scope="module")
def relations(night: Night) -> dict[str, Record]:
    """``customer_relationships`` with the customers' own attributes, by customer."""
    rows = night.rows(
        "select * from customer_relationships join customers using (customer_id, as_of)"
    )
    assert len(rows) > 100
    return {row["customer_id"]: row for row in rows}


def _column(relations: dict[str, Record], name: str) -> dict[str, object]:
    """A column by customer; not the same for everybody."""
    found = {customer: row[name] for customer, row in relations.items()}
    assert len(set(found.values())) > 1
    return found


def _naive(text: str, form: str) -> datetime:
    """A moment with its offset as naive UTC."""
    return datetime.strptime(text, form).astimezone(UTC).replace(tzinfo=None)


# --- who they are ----------------------------------------------------------------------------


class Contact(NamedTuple):
    """A contact record as it stood in its newest version."""

    customer: str | None
    updated: datetime
    phone: str
    name: str
    country: str
    industry: str
    is_opted_out: bool


def _hubspot_versions(night: Night) -> Iterator[tuple[str, datetime, bool, dict[str, str]]]:
    """Every version of every CRM contact: id, when it was written, whether removed, the rest."""
    for path in sorted(night.company.exports.glob("hubspot/contacts_*.json")):
        for record in json.loads(path.read_text(encoding="utf-8"))["results"]:
            own = {name: value or "" for name, value in record["properties"].items()}
            updated = _naive(own["lastmodifieddate"] or record["updatedAt"], ISO)
            yield record["id"], updated, record["archived"], own
    renamed = {
        "Phone Number": "phone",
        "First Name": "firstname",
        "Last Name": "lastname",
        "Country/Region": "country",
        "Industry": "industry",
        "Unsubscribed from all email": "hs_email_optout",
    }
    for path in sorted(night.company.exports.glob("hubspot/contacts_*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                at = datetime.strptime(row["Last Modified Date"], "%Y-%m-%d %H:%M")  # noqa: DTZ007
                updated = at.replace(tzinfo=OSLO).astimezone(UTC).replace(tzinfo=None)
                own = {name: row[column] for column, name in renamed.items()}
                yield row["Record ID"], updated, False, own


@pytest.fixture(scope="module")
def contacts(night: Night) -> dict[str, list[Contact]]:
    """Contact records that still exist, by customer, the newest first."""
    owner = dict(
        night.ask(
            "select identifier, customer_id from customer_identities "
            "where id_space = 'hubspot' and identifier_type = 'customer'"
        )
    )
    crm: dict[str, tuple[datetime, bool, dict[str, str]]] = {}
    for number, updated, is_gone, own in _hubspot_versions(night):
        if number not in crm or updated >= crm[number][0]:
            crm[number] = (updated, is_gone, own)
    found = [
        Contact(
            owner.get(number),
            updated,
            own["phone"],
            own["firstname"] + own["lastname"],
            own["country"],
            own["industry"],
            own["hs_email_optout"] == "true",
        )
        for number, (updated, is_gone, own) in crm.items()
        if not is_gone
    ]
    office: dict[str, Contact] = {}
    for row in night.company.office("kunderegister"):
        at = moment(row["Endret"] or row["Registrert"], MINUTES)
        name = row["Fornavn"] + row["Etternavn"]
        who = night.owner("customer", row["Kundenr"], at)
        contact = Contact(who, at, row["Mobil"], name, row["Land"], "", False)
        if row["Kundenr"] not in office or at >= office[row["Kundenr"]].updated:
            office[row["Kundenr"]] = contact
    by_customer = defaultdict(list)
    for contact in sorted([*found, *office.values()], key=lambda x: x.updated, reverse=True):
        if contact.customer:
            by_customer[contact.customer].append(contact)
    assert len(by_customer) > 80
    return by_customer


def test_an_attribute_is_that_of_the_newest_record_that_knows_it(
    night: Night, contacts: dict[str, list[Contact]], relations: dict[str, Record]
) -> None:
    """A record that says nothing about the industry does not unsay it."""
    known = {
        customer: next((x.industry for x in contacts.get(customer, ()) if x.industry), None)
        for customer in relations
    }
    assert _column(relations, "industry") == known
    assert _column(relations, "engagement_segment") == {
        customer: industry or "unknown" for customer, industry in known.items()
    }
    first = dict(
        night.ask(
            "select customer_id, arg_min(country, ordered_at) from orders "
            "where customer_id is not null and country is not null group by 1"
        )
    )
    assert _column(relations, "country") == {
        customer: next(
            (x.country for x in contacts.get(customer, ()) if x.country), first.get(customer)
        )
        for customer in relations
    }


def test_a_profile_is_complete_to_the_share_of_six_details_that_are_known(
    night: Night, contacts: dict[str, list[Contact]], relations: dict[str, Record]
) -> None:
    """E-mail, telephone, name, country; nobody says address or language here."""
    mailed = {
        customer
        for (customer,) in night.ask(
            "select customer_id from customer_identities where identifier_type = 'email'"
        )
    }
    assert _column(relations, "profile_completeness") == {
        customer: round(
            Decimal(
                (customer in mailed)
                + any(x.phone for x in contacts.get(customer, ()))
                + any(x.name for x in contacts.get(customer, ()))
                + (row["country"] is not None)
            )
            / 6,
            6,
        )
        for customer, row in relations.items()
    }


def test_a_relation_is_as_old_as_the_first_sight_of_the_customer(
    night: Night, relations: dict[str, Record]
) -> None:
    """Who took over an address is as old as the taking over, not as its former owner."""
    seen: dict[str, datetime] = {}
    for customer, since in night.ask(
        "select customer_id, min(valid_from) from customer_identities "
        "where valid_from notnull group by 1"
    ):
        seen[customer] = since
    assert _column(relations, "first_seen_at") == {c: seen.get(c) for c in relations}
    assert _column(relations, "tenure_days") == {
        c: (night.as_of - local_day(seen[c])).days if c in seen else None for c in relations
    }


# --- what they permit ------------------------------------------------------------------------


def _consents(night: Night, contacts: dict[str, list[Contact]]) -> dict[str, tuple[datetime, bool]]:
    """The latest decision on e-mail of every customer; of two in one moment the refusal."""
    decisions: list[tuple[str | None, datetime, bool]] = []
    for own in contacts.values():
        decisions += [(x.customer, x.updated, False) for x in own if x.is_opted_out]
    for row in [*night.company.office("samtykker")]:
        if row["Kanal"] == "email":
            at = moment(row["Når"], SECONDS)
            decisions.append((night.owner("email", row["E-post"], at), at, row["Svar"] == "ja"))
    for path in sorted(night.company.exports.glob("shopify/*.csv")):
        for row in night.company.table(f"shopify/{path.name}"):
            if row["Accepts Marketing"] and row["Email"] and row["Created at"][:2] == "20":
                at = _naive(row["Created at"], "%Y-%m-%d %H:%M:%S %z")
                who = night.owner("email", row["Email"], at)
                decisions.append((who, at, row["Accepts Marketing"] == "yes"))
    for customer, kind, at in night.ask(
        "select customer_id, kind, occurred_at from interactions where kind in "
        "('email_unsubscribe', 'email_resubscribe', 'email_spam_report')"
    ):
        decisions.append((customer, at, kind == "email_resubscribe"))
    latest: dict[str, tuple[datetime, bool]] = {}
    for who, at, is_granted in decisions:
        if who and local_day(at) <= night.as_of:
            before = latest.get(who, (at, True))
            if at > before[0] or (at == before[0] and not is_granted):
                latest[who] = (at, is_granted)
            latest.setdefault(who, (at, is_granted))
    return latest


def test_the_latest_decision_on_e_mail_holds(
    night: Night, contacts: dict[str, list[Contact]], relations: dict[str, Record]
) -> None:
    latest = _consents(night, contacts)
    words = {True: "granted", False: "denied"}
    assert _column(relations, "email_consent") == {
        c: words[latest[c][1]] if c in latest else "unknown" for c in relations
    }


def test_only_who_may_be_mailed_and_left_something_is_retargeted(
    night: Night, relations: dict[str, Record]
) -> None:
    """A cart of thirty days that was not recovered, or products looked at and nothing bought."""
    carts = {
        customer
        for customer, at in night.ask(
            "select customer_id, created_at from abandoned_carts "
            "where customer_id is not null and not is_recovered"
        )
        if (night.as_of - local_day(at)).days < 30
    }
    bought = _recently(night, "orders where is_counted", "ordered_date", 90)
    looked = _recently(
        night,
        "interactions where is_human and kind in ('view_item', 'add_to_cart', 'begin_checkout')",
        "occurred_date",
        30,
    )
    assert _column(relations, "is_retargeting_audience") == {
        c: row["email_consent"] == "granted" and (c in carts or c in looked - bought)
        for c, row in relations.items()
    }


def _recently(night: Night, table: str, column: str, days: int) -> set[str]:
    rows = night.ask(f"select customer_id, {column} from {table} and customer_id is not null")
    return {customer for customer, day in rows if (night.as_of - day).days < days}


# --- what they think -------------------------------------------------------------------------


class Ticket(NamedTuple):
    """A ticket in its newest version."""

    number: str
    opened: datetime
    answered: datetime | None
    solved: datetime | None
    verdict: str | None


@pytest.fixture(scope="module")
def tickets(night: Night) -> list[Ticket]:
    newest: dict[str, dict[str, str]] = {}
    for row in night.company.office("saker"):
        known = newest.get(row["Saksnr"], row)
        if moment(row["Endret"], MINUTES) >= moment(known["Endret"], MINUTES):
            newest[row["Saksnr"]] = row
    words = {"Bra": "good", "Dårlig": "bad", "": None}

    def at(text: str) -> datetime | None:
        found = moment(text, MINUTES) if text else None
        return found if found and local_day(found) <= night.as_of else None

    found = [
        Ticket(
            number,
            moment(row["Åpnet"], MINUTES),
            at(row["Første svar"]),
            at(row["Løst"]),
            words[row["Dom"]],
        )
        for number, row in newest.items()
    ]
    assert len(found) > 15
    return found


def test_tickets_are_answered_and_solved_as_fast_as_the_desk_says(
    night: Night, tickets: list[Ticket]
) -> None:
    def gap(ticket: Ticket, end: datetime | None, unit: timedelta) -> float | None:
        return None if end is None else pytest.approx((end - ticket.opened) / unit, abs=5e-5)

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    found = {
        number: tuple(rest)
        for number, *rest in night.ask(
            "select ticket_id, first_response_minutes::double, resolution_hours::double, "
            "satisfaction from tickets"
        )
    }
    assert found == {
        x.number: (gap(x, x.answered, minute), gap(x, x.solved, hour), x.verdict) for x in tickets
    }
    answered = [(x.answered - x.opened) / minute for x in tickets if x.answered]
    solved = [(x.solved - x.opened) / hour for x in tickets if x.solved]
    # The company is younger than the ninety days of both medians.
    assert min(x.opened for x in tickets).date() > night.as_of - timedelta(days=90)
    assert night.kpi("first_response_minutes") == (pytest.approx(median(answered)), len(answered))
    assert night.kpi("resolution_hours") == (pytest.approx(median(solved)), len(solved))


def test_how_it_went_is_what_calls_reviews_and_tickets_say(
    night: Night, tickets: list[Ticket]
) -> None:
    """A complaint without a verdict is bad; any other ticket without one says nothing."""
    words = {"fornøyd": "good", "ok": "neutral", "misfornøyd": "bad"}
    complaints = {row["Saksnr"] for row in night.company.office("saker") if row["Type"] == "Klage"}
    said = Counter(("call", words[row["Utfall"]]) for row in night.company.office("anrop"))
    for row in night.company.office("omtaler", encoding="cp1252"):
        stars = int(row["Stjerner"])
        meaning = "good" if stars >= 4 else "bad" if stars <= 2 else "neutral"
        said["review", meaning] += 1
    for ticket in tickets:
        if ticket.number in complaints:
            said["ticket_complaint", ticket.verdict or "bad"] += 1
        elif ticket.verdict:
            said["ticket", ticket.verdict] += 1
    found = Counter(
        night.ask(
            "select kind, outcome from interactions where outcome is not null "
            "and kind in ('call', 'review', 'ticket', 'ticket_complaint')"
        )
    )
    assert len(said) > 5
    assert found == said


def test_answers_have_the_length_of_their_comment_and_the_meaning_of_their_score(
    night: Night,
) -> None:
    """Delighted's answers in their last version; the words themselves stay in the vault."""
    said: dict[str, tuple[int, str | None]] = {}
    for path in sorted(night.company.exports.glob("delighted/*.json")):
        for answer in json.loads(path.read_text(encoding="utf-8")):
            version, comment = answer["updated_at"], answer.get("comment")
            if answer["id"] not in said or version >= said[answer["id"]][0]:
                said[answer["id"]] = (version, comment)
    bad, good = {"nps": 6, "csat": 2}, {"nps": 9, "csat": 4}
    rows = night.rows("select * from survey_responses where source = 'delighted'")
    assert any(row["comment_length"] for row in rows)
    for row in rows:
        comment = said[row["response_id"]][1]
        assert (row["comment_length"] or 0) == len(comment or ""), row
        kind, score = row["survey_type"], row["score"]
        meaning = "bad" if score <= bad[kind] else "good" if score >= good[kind] else "neutral"
        assert row["outcome"] == meaning, row


def test_satisfaction_is_the_share_of_good_verdicts(
    night: Night, relations: dict[str, Record]
) -> None:
    """Answers of 4 or 5, and verdicts on tickets, of a year; the KPI asks answers alone."""
    verdicts: dict[str, list[bool]] = defaultdict(list)
    answers = []
    for customer, score, at in night.ask(
        "select customer_id, score, answered_at from survey_responses where survey_type = 'csat'"
    ):
        verdicts[customer].append(score >= 4)
        answers += [score >= 4] * ((night.as_of - local_day(at)).days < 90)
    for customer, verdict in night.ask(
        "select customer_id, satisfaction from tickets where satisfaction is not null"
    ):
        verdicts[customer].append(verdict == "good")
    assert _column(relations, "csat_answers_365d") == {c: len(verdicts[c]) for c in relations}
    assert _column(relations, "csat_share_365d") == {
        c: pytest.approx(mean(verdicts[c])) if verdicts[c] else None for c in relations
    }
    assert night.kpi("csat") == (pytest.approx(mean(answers)), len(answers))


def test_trust_is_the_mean_of_the_signs_that_are_known(
    night: Night, relations: dict[str, Record]
) -> None:
    """Permission kept, no complaint by one who spoke, money not taken back, a working address."""
    came, complained = set(), set()
    mail: dict[str, dict[str, datetime]] = defaultdict(dict)
    for customer, kind, towards, at, day in night.ask(
        "select customer_id, kind, direction, occurred_at, occurred_date from interactions "
        "where is_human and customer_id is not null order by occurred_at"
    ):
        if (night.as_of - day).days < 365:
            came |= {customer} if towards != "outbound" else set()
            if kind in ("ticket_complaint", "email_spam_report"):
                complained.add(customer)
            if kind in ("email_delivered", "email_bounce"):
                mail[customer][kind] = at
    expected: dict[str, tuple[int, float | None]] = {}
    for customer, row in relations.items():
        signs = []
        if row["email_consent"] != "unknown":
            signs.append(float(row["email_consent"] == "granted"))
        if customer in came:
            signs.append(float(customer not in complained))
        if row["return_rate_365d"] is not None:
            signs.append(1 - min(max(row["return_rate_365d"], 0), 1))
        last = mail[customer]
        if last:
            signs.append(float(max(last, key=lambda kind: last[kind]) == "email_delivered"))
        index = pytest.approx(mean(signs)) if len(signs) > 1 else None
        expected[customer] = (len(signs), index)
    assert len({number for number, _ in expected.values()}) > 3
    found = {c: (row["trust_signs"], row["trust_index"]) for c, row in relations.items()}
    assert found == expected


# --- how engaged they are --------------------------------------------------------------------


class Evidence(NamedTuple):
    """What a signal of a customer on a day was: so many acts, or the mean of so many opinions."""

    events: float
    opinion: float


@pytest.fixture(scope="module")
def evidence(night: Night) -> dict[tuple[str, str], dict[date, Evidence]]:
    """By customer and signal, and by day."""
    acts: dict[tuple[str, str], Counter[date]] = defaultdict(Counter)
    opinions: dict[tuple[str, str], dict[date, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for customer, signal, day in night.ask(
        "select customer_id, signal, occurred_date from interactions "
        "where is_human and signal is not null and customer_id is not null"
    ):
        acts[customer, signal][day] += 1
    for customer, day in night.ask(
        "select customer_id, started_date from sessions where is_human and customer_id is not null"
    ):
        acts[customer, "session"][day] += 1
    scales = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
    for customer, kind, score, at in night.ask(
        "select customer_id, survey_type, score, answered_at from survey_responses "
        "where customer_id is not null"
    ):
        low, high = scales[kind]
        opinion = (float(score) - low) / (high - low)
        opinions[customer, f"{kind}_answer"][local_day(at)].append(opinion)
    for customer, verdict, at in night.ask(
        "select customer_id, satisfaction, coalesce(resolved_at, created_at) from tickets "
        "where satisfaction is not null and customer_id is not null"
    ):
        opinions[customer, "ticket_verdict"][local_day(at)].append(float(verdict == "good"))
    for row in night.company.office("omtaler", encoding="cp1252"):
        at = moment(row["Når"], SECONDS)
        if who := night.owner("email", row["E-post"], at):
            stars = (float(row["Stjerner"]) - 1) / 4
            opinions[who, "review_rating"][local_day(at)].append(stars)
    found = {
        place: {day: Evidence(n, 0) for day, n in days.items()} for place, days in acts.items()
    }
    for place, said in opinions.items():
        found[place] = {day: Evidence(len(values), mean(values)) for day, values in said.items()}
    assert len({signal for _, signal in found}) > 12
    return found


class Signal(NamedTuple):
    """A signal of the configuration, with its weight in the score."""

    dimension: str
    weight: float
    half_life: float
    cap: float
    scale: float
    neutral: float | None

    def strength(self, days: dict[date, Evidence], as_of: date) -> tuple[float, float]:
        """Decayed events, and how much of the signal's points they bring: -1 to 1."""
        left, distance = 0.0, 0.0
        for day, seen in days.items():
            counted = min(seen.events, self.cap) * 2 ** (-(as_of - day).days / self.half_life)
            left += counted
            distance += counted * (seen.opinion - (self.neutral or 0))
        if self.neutral is None:
            return left, 1 - 2.718281828459045 ** (-left / self.scale)
        return left, distance / (left + 3) / max(self.neutral, 1 - self.neutral)

    def reach(self) -> tuple[float, float]:
        """The least and the most that the signal can bring."""
        if self.neutral is None:
            return min(0.0, self.weight), max(0.0, self.weight)
        return -abs(self.weight), abs(self.weight)


@pytest.fixture(scope="module")
def signals(night: Night) -> dict[str, Signal]:
    """The configuration as docs/metrics.md says to read it."""
    weights = {
        row["dimension"]: float(row["weight"])
        for row in night.seed("engagement/engagement_dimensions")
    }
    rows = night.seed("engagement/engagement_signals")
    whole: Counter[str] = Counter()
    for row in rows:
        whole[row["dimension"]] += abs(float(row["weight"]))
    scale = {row["signal"]: row for row in night.seed("engagement/engagement_reference")}
    return {
        row["signal"]: Signal(
            row["dimension"],
            weights[row["dimension"]] * float(row["weight"]) / whole[row["dimension"]],
            float(row["half_life_days"]),
            float(row["daily_cap"]),
            float(scale[row["signal"]]["saturation_scale"] or 1),
            float(scale[row["signal"]]["neutral_value"])
            if scale[row["signal"]]["neutral_value"]
            else None,
        )
        for row in rows
    }


def _score(signals: dict[str, Signal], raw: float) -> float:
    low = sum(signal.reach()[0] for signal in signals.values())
    high = sum(signal.reach()[1] for signal in signals.values())
    return 100 * (raw - low) / (high - low)


def test_the_score_is_worked_out_again_from_what_was_done_and_said(
    night: Night,
    evidence: dict[tuple[str, str], dict[date, Evidence]],
    signals: dict[str, Signal],
) -> None:
    """Evidence, cap, decay, saturation, weights: the five steps of docs/metrics.md."""
    strengths: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for (customer, name), days in evidence.items():
        strengths[customer][name] = signals[name].strength(days, night.as_of)
    found = {
        row["customer_id"]: row
        for row in night.rows("select * from customer_engagement_scores where score is not null")
    }
    assert found.keys() == strengths.keys()
    assert _score(signals, 0) == pytest.approx(13.69, abs=0.005)
    receipt = {
        (customer, name): (points, left)
        for customer, name, points, left in night.ask(
            "select customer_id, signal, contribution::double, decayed_events::double "
            "from engagement_contributions"
        )
    }
    for customer, own in strengths.items():
        raw = sum(signals[name].weight * level for name, (_, level) in own.items())
        # Every row of the receipt is rounded in its sixth decimal.
        assert float(found[customer]["score"]) == pytest.approx(_score(signals, raw), abs=2e-5)
        for name, (left, level) in own.items():
            points = _score(signals, signals[name].weight * level) - _score(signals, 0)
            assert receipt[customer, name] == pytest.approx((points, left), abs=2e-6)
        for dimension in ("behavioural", "cognitive", "emotional", "social"):
            part = {n: s for n, s in signals.items() if s.dimension == dimension}
            known = [signals[name].weight * own[name][1] for name in own if name in part]
            expected = pytest.approx(_score(part, sum(known)), abs=2e-5) if known else None
            value = found[customer][f"{dimension}_score"]
            assert (None if value is None else float(value)) == expected, (customer, dimension)


def test_coverage_is_the_share_of_the_channels_on_which_a_customer_was_seen(night: Night) -> None:
    """A channel weighs as many customers as it reaches; what was sent reaches nobody."""
    seen = defaultdict(set)
    reach = Counter[str]()
    for customer, channel in night.ask(
        "select distinct customer_id, channel from interactions "
        "where is_human and direction != 'outbound' and customer_id is not null"
    ):
        seen[customer].add(channel)
        reach[channel] += 1
    found = dict(
        night.ask(
            "select customer_id, coverage from customer_engagement_scores where score is not null"
        )
    )
    assert len(set(found.values())) > 5
    assert found == {
        customer: pytest.approx(sum(reach[channel] for channel in seen[customer]) / reach.total())
        for customer in found
    }


def test_the_percentile_is_among_the_scored_of_the_same_industry(
    night: Night, relations: dict[str, Record]
) -> None:
    """Who is alone in a group has nobody below: 0."""
    groups: dict[str, list[Decimal]] = defaultdict(list)
    scores = dict(night.ask("select customer_id, score from customer_engagement_scores"))
    for customer, row in relations.items():
        if scores[customer] is not None:
            groups[row["engagement_segment"]].append(scores[customer])
    assert len(groups) > 1
    expected = {}
    for customer, row in relations.items():
        group, score = groups[row["engagement_segment"]], scores[customer]
        expected[customer] = (
            None
            if score is None
            else pytest.approx(sum(other < score for other in group) / max(1, len(group) - 1))
        )
    assert _column(relations, "engagement_percentile_in_segment") == expected


def test_segments_read_recency_and_frequency_then_value_then_tier(
    night: Night, relations: dict[str, Record]
) -> None:
    rows = {
        row["customer_id"]: row
        for row in night.rows(
            "select values.customer_id, order_count, segment, net_value, "
            "coalesce(expected_value_365d, 0) as expected, tier "
            "from customer_lifetime_values as values join customer_engagement_scores using "
            "(customer_id)"
        )
    }
    worth = {
        c: float(row["net_value"]) + row["expected"]
        for c, row in rows.items()
        if row["order_count"]
    }
    # The upper fifth of buyers: at most a fifth are worth as much or more, equals together.
    top = {
        c
        for c, value in worth.items()
        if sum(x <= value for x in worth.values()) > 0.8 * len(worth)
    }
    words = {}
    for customer, row in rows.items():
        is_top, is_fan = customer in top, row["tier"] in ("high", "medium")
        words[customer] = {
            "lost": "lost",
            "hibernating": "lost",
            "at risk": "slipping away",
            "cannot lose": "slipping away",
            "about to sleep": "slipping away",
            "new": "newcomer",
            "promising": "newcomer",
        }.get(row["segment"], "occasional buyer")
        if not row["order_count"]:
            words[customer] = "warm prospect" if is_fan else "cold prospect"
        elif words[customer] == "slipping away" and is_top:
            words[customer] = "valuable and slipping away"
        elif words[customer] == "occasional buyer" and is_top:
            words[customer] = "core customer" if is_fan else "quiet big spender"
        elif words[customer] == "occasional buyer" and is_fan:
            words[customer] = "fan with room to grow"
    assert len(set(words.values())) > 5
    assert _column(relations, "segment_name") == words


def test_customers_are_engaged_who_came_within_thirty_days_of_a_year(night: Night) -> None:
    days = defaultdict(set)
    for customer, day in night.ask(
        "select customer_id, occurred_date from interactions "
        "where is_human and direction != 'outbound' and customer_id is not null"
    ):
        days[customer].add(day)
    ages = {c: {(night.as_of - day).days for day in own} for c, own in days.items()}
    year = [c for c, own in ages.items() if min(own) < 365]
    month = [c for c in year if min(ages[c]) < 30]
    assert 0 < len(month) < len(year)
    assert night.kpi("engaged_customer_share") == (
        pytest.approx(len(month) / len(year)),
        len(year),
    )
    weeks = [
        len({day.isocalendar()[:2] for day in own if (night.as_of - day).days < 91})
        for own in days.values()
    ]
    came = [min(number, 13) for number in weeks if number]
    assert night.kpi("active_weeks") == (pytest.approx(mean(came)), len(came))
    # Who came before is compared; a customer of sixty days is not.
    trend = {
        c: sum(age < 90 for age in own) / sum(90 <= age < 180 for age in own)
        for c, own in ages.items()
        if any(90 <= age < 180 for age in own)
    }
    found = dict(night.ask("select customer_id, cadence_trend from customer_relationships"))
    assert trend
    assert found == {c: pytest.approx(trend[c]) if c in trend else None for c in found}


def test_omnichannel_is_online_and_offline_in_ninety_days(night: Night) -> None:
    used = defaultdict(set)
    for customer, is_online, day in night.ask(
        "select customer_id, is_online, occurred_date from interactions "
        "where is_human and direction != 'outbound' and customer_id is not null"
    ):
        if (night.as_of - day).days < 90:
            used[customer].add(is_online)
    found = dict(night.ask("select customer_id, is_omnichannel from customers"))
    assert set(found.values()) == {True, False}
    assert found == {customer: used[customer] >= {True, False} for customer in found}


# --- whom they tell --------------------------------------------------------------------------


def test_who_recommends_is_what_reviews_referrals_and_shares_say(night: Night) -> None:
    """Two ways in a year, or a friend who became a customer, make an advocate."""
    newest = max(night.company.exports.glob("back_office/advocates_*.csv"))
    sent, won = Counter[str | None](), Counter[str | None]()
    asked, brought = 0, 0
    ways: dict[str | None, set[str]] = defaultdict(set)
    with newest.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            at = _naive(row["sent"], ISO)
            who = night.owner("customer", row["advocate"], at)
            who = who or night.owner("email", row["advocate_mail"], at)
            sent[who] += 1
            won[who] += row["state"] == "won"
            ways[who].add("referral")
            asked += (night.as_of - local_day(at)).days < 90
            brought += (night.as_of - local_day(at)).days < 90 and row["state"] == "won"
    stars: dict[str | None, list[int]] = defaultdict(list)
    for row in night.company.office("omtaler", encoding="cp1252"):
        who = night.owner("email", row["E-post"], moment(row["Når"], SECONDS))
        stars[who].append(int(row["Stjerner"]))
        if int(row["Stjerner"]) >= 4:
            ways[who].add("review")
    shares = Counter[str]()
    for (customer,) in night.ask("select customer_id from interactions where kind = 'share'"):
        shares[customer] += 1
        ways[customer].add("share")
    latest = dict(
        night.ask(
            "select customer_id, arg_max(score, answered_at) from survey_responses "
            "where survey_type = 'nps' and customer_id is not null group by 1"
        )
    )
    for customer, score in latest.items():
        if score >= 9:
            ways[customer].add("answer")
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select customer_id, referrals_sent, referrals_converted, review_count, mean_rating, "
            "share_count, content_count, latest_nps_score, advocacy_kinds_365d, is_advocate "
            "from advocacy"
        )
    }
    expected = {
        c: (
            sent[c],
            won[c],
            len(stars[c]),
            pytest.approx(mean(stars[c])) if stars[c] else None,
            shares[c],
            0,
            latest.get(c),
            len(ways[c]),
            won[c] > 0 or len(ways[c]) > 1,
        )
        for c in found
    }
    assert sum(is_advocate for *_, is_advocate in expected.values()) > 3
    assert found == expected
    value, n = night.kpi("referral_conversion_rate")
    assert (value, n) == (pytest.approx(brought / asked), asked)


def test_coupons_are_those_of_a_years_orders(night: Night, relations: dict[str, Record]) -> None:
    used = Counter(
        customer
        for customer, day in night.ask(
            "select customer_id, ordered_date from orders "
            "where is_counted and discount_code is not null"
        )
        if (night.as_of - day).days < 365
    )
    assert _column(relations, "coupon_redemptions_365d") == {c: used[c] for c in relations}
