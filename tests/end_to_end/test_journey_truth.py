"""Touch points, journeys, carts, campaigns and messages, worked out again in Python.

Orders, touches and visits are the published ones, each of which ``test_company_night`` holds
against the exports; what they lack (carts, pages, e-mails, campaigns) is read from the exports.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from statistics import median, variance
from typing import NamedTuple

import pytest

from tests.end_to_end.night import Night, Record, local, local_day, moment
from tests.end_to_end.oracle import Reference

SECONDS = "%d.%m.%Y %H:%M:%S"
ISO = "%Y-%m-%dT%H:%M:%S.%fZ"
NOTHING = Decimal(0)
Z95 = 1.959964
STAGES = ("awareness", "consideration", "purchase", "after_sales", "loyalty", "advocacy")
NO_STEPS = ("web_event", "order", "consent")
KINDS = {"Klage": "ticket_complaint", "sent": "push_received", "opened": "push_open"}


class Touch(NamedTuple):
    """Something that a known customer did."""

    customer: str
    at: datetime
    day: date
    kind: str
    record_type: str
    channel: str
    stage: str | None
    product: str | None
    category: str | None


class Order(NamedTuple):
    """A counted order of anybody."""

    customer: str | None
    at: datetime
    day: date
    net: Decimal


@pytest.fixture(scope="module")
def own(night: Night) -> dict[str, list[Touch]]:
    """What people did, not what was sent to them, by customer and in time."""
    found = defaultdict(list)
    for row in night.ask(
        "select customer_id, occurred_at, occurred_date, kind, record_type, channel, "
        "journey_stage, product_id, category from interactions where is_human "
        "and direction != 'outbound' and customer_id is not null order by occurred_at"
    ):
        found[row[0]].append(Touch(*row))
    assert len(found) > 80
    return found


@pytest.fixture(scope="module")
def orders(night: Night) -> list[Order]:
    rows = night.ask(
        "select customer_id, ordered_at, ordered_date, net_amount_reporting from orders "
        "where is_counted order by ordered_at, order_id"
    )
    assert len(rows) > 150
    return [Order(*row) for row in rows]


def _ndjson(night: Night, name: str) -> list[Record]:
    """Records of the office's NDJSON files by their text, so that a repeated line is one."""
    lines = {
        line
        for path in night.company.exports.glob(f"back_office/{name}_*.ndjson")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    }
    assert lines
    return [json.loads(line) for line in sorted(lines)]


# --- touch points ----------------------------------------------------------------------------


def test_every_touch_is_on_the_channel_and_in_the_shop_that_the_exports_say(night: Night) -> None:
    """Kind, channel, direction and shop of everything that the back office wrote down."""
    said = [
        ("store_visit", "store", "inbound", row["Butikk"])
        for row in night.company.office("butikkbesok")
    ]
    said += [
        ("call", "call", {"inn": "inbound", "ut": "outbound"}[row["Retning"]], None)
        for row in night.company.office("anrop")
    ]
    posts = {post["post"]["id"]: post for post in _ndjson(night, "social")}
    said += [(post["what"], post["where"], post["towards"], None) for post in posts.values()]
    pushes = {push["uuid"]: push["type"] for push in _ndjson(night, "push")}
    said += [
        (KINDS[word], "push", "outbound" if word == "sent" else "inbound", None)
        for word in pushes.values()
    ]
    tickets = {row["Saksnr"]: row for row in night.company.office("saker")}
    said += [
        (KINDS.get(row["Type"], "ticket"), row["Kanal"], "inbound", None)
        for row in tickets.values()
    ]
    receipts = {row["Bon"]: row["Butikk"] for row in night.company.office("kvitteringer")}
    sold = dict(night.ask("select order_id, is_counted from orders where source = 'back_office'"))
    said += [
        ("order", "store", "inbound", shop) for number, shop in receipts.items() if sold.get(number)
    ]
    kinds = {kind for kind, *_ in said} - {"order"}
    found = Counter(
        night.ask(
            "select kind, channel, direction, location_id from interactions "
            "where source = 'back_office' and (list_contains(?, kind) "
            "or (kind = 'order' and channel = 'store'))",
            sorted(kinds),
        )
    )
    assert {channel for _, channel, *_ in said} >= {"store", "television", "out_of_home", "video"}
    assert found == Counter(said)
    in_store = "select order_id, location_id from orders where source = 'back_office'"
    found_shops = dict(night.ask(f"{in_store} and channel = 'store'"))
    assert found_shops == receipts
    assert len(set(receipts.values())) > 1


def test_what_a_touch_is_stands_in_the_register(night: Night) -> None:
    """Type of engagement, stage and usual direction; and whether its channel is an online one."""
    register = {row["kind"]: row for row in night.seed("touch_points/touch_point_kinds")}
    offline = {row["channel"] for row in night.seed("touch_points/channel_names")} - {
        row["channel"]
        for row in night.seed("touch_points/channel_names")
        if row["is_online"] == "true"
    }
    rows = night.rows(
        "select distinct kind, channel, is_online, dimension, engagement_type, journey_stage "
        "from interactions"
    )
    assert len(rows) > 30
    for row in rows:
        known = register.get(row["kind"], {})
        assert row["is_online"] is (row["channel"] not in offline), row
        assert row["engagement_type"] == known.get("engagement_type"), row
        assert row["journey_stage"] == known.get("journey_stage"), row
        assert row["dimension"] == known.get("dimension", "behavioural"), row


def test_touch_points_have_the_owner_and_the_permission_of_the_register(night: Night) -> None:
    """Health data of wearables and portals is known and blocked; the bot's handover is nobody's."""
    register = night.seed("touch_points/touch_point_kinds")
    expected = {
        row["kind"]: (
            row["owner_team"],
            row["is_permitted"] == "true",
            row["blocked_reason"] or None,
            True,
        )
        for row in register
    } | {"bot_handover": (None, None, None, False)}
    found = {
        kind: tuple(rest)
        for kind, *rest in night.ask(
            "select kind, owner_team, is_permitted, blocked_reason, is_registered from touch_points"
        )
    }
    assert found == expected
    assert not found["device_signal"][1]
    assert not found["patient_portal_visit"][1]


def test_touch_points_are_as_much_used_as_touches_say(night: Night) -> None:
    used, human, customers = Counter[str](), Counter[str](), defaultdict(set)
    channels: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, channel, is_human, customer in night.ask(
        "select kind, channel, is_human, customer_id from interactions"
    ):
        used[kind] += 1
        human[kind] += is_human
        channels[kind][channel] += 1
        customers[kind] |= {customer} - {None}
    usual = {row["kind"]: row["channel"] for row in night.seed("touch_points/touch_point_kinds")}
    for kind, channel, *numbers in night.ask(
        "select kind, channel, volume, human_volume, customer_count from touch_points"
    ):
        assert numbers == [used[kind], human[kind], len(customers[kind])], kind
        most = max(channels[kind].values(), default=0)
        assert channel in ([c for c, n in channels[kind].items() if n == most] or [usual[kind]])


def test_unowned_touches_are_a_share_of_all(night: Night) -> None:
    owners = {row["kind"] for row in night.seed("touch_points/touch_point_kinds")}
    kinds = [
        kind
        for kind, day in night.ask("select kind, occurred_date from interactions where is_human")
        if (night.as_of - day).days < 30
    ]
    value, n = night.kpi("unowned_touch_share")
    assert n == len(kinds)
    assert value == pytest.approx(sum(kind not in owners for kind in kinds) / n)
    assert value > 0


def test_channels_have_the_volume_reach_and_answers_of_each_day(night: Night) -> None:
    days: dict[tuple[str, date], list[tuple[object, ...]]] = defaultdict(list)
    for channel, day, *rest in night.ask(
        "select channel, occurred_date, is_human, direction, customer_id from interactions"
    ):
        days[channel, day].append(tuple(rest))
    expected = {}
    for place, touches in days.items():
        answers = [who for is_human, towards, who in touches if is_human and towards != "outbound"]
        expected[place] = (
            len(touches),
            sum(bool(is_human) for is_human, _, _ in touches),
            sum(towards == "outbound" for _, towards, _ in touches),
            len(answers),
            len({who for _, _, who in touches} - {None}),
            len(set(answers) - {None}),
        )
    found = {
        (channel, day): tuple(rest)
        for channel, day, *rest in night.ask(
            "select channel, date, volume, human_volume, outbound_volume, responses, reach, "
            "responding_customers from channels_daily"
        )
    }
    assert {"email", "push", "in_app", "bot"} <= {channel for channel, _ in expected}
    assert found == expected


# --- journeys --------------------------------------------------------------------------------


class Step(NamedTuple):
    """A channel on a day before an order: the first moment on it."""

    at: datetime
    channel: str


@pytest.fixture(scope="module")
def paths(
    night: Night, own: dict[str, list[Touch]], orders: list[Order]
) -> list[tuple[Order, list[Step]]]:
    """Counted orders with the steps of the thirty days before them.

    A visit to the web stands for the web events in it; an order is no step to another, and a
    consent that was recorded no step at all.
    """
    steps: dict[str, list[Step]] = defaultdict(list)
    for customer, at, channel in night.ask(
        "select customer_id, started_at, channel from sessions "
        "where is_human and customer_id is not null"
    ):
        steps[customer].append(Step(at, channel))
    for customer, touches in own.items():
        steps[customer] += [Step(x.at, x.channel) for x in touches if x.record_type not in NO_STEPS]
    found = []
    for order in orders:
        before = sorted(
            step
            for step in steps.get(order.customer or "", ())
            if timedelta(0) < order.at - step.at <= timedelta(days=30)
        )
        first: dict[tuple[str, date], Step] = {}
        for step in before:
            # Moments of the web have microseconds, distances are whole seconds.
            begun = step._replace(at=step.at.replace(microsecond=0))
            first.setdefault((step.channel, local_day(step.at)), begun)
        found.append((order, list(first.values())))
    assert sum(len(steps) > 1 for _, steps in found) > 50
    return found


def test_journeys_are_the_channels_before_each_order(
    night: Night, paths: list[tuple[Order, list[Step]]]
) -> None:
    expected: dict[str, list[tuple[Order, list[Step], int]]] = defaultdict(list)
    for order, steps in paths:
        channels = [channel for channel, _ in groupby(step.channel for step in steps)]
        name = " > ".join(channels[-5:]) or "no touch seen"
        expected["... > " * (len(channels) > 5) + name].append((order, steps, len(channels)))
    found = {
        path: tuple(rest)
        for path, *rest in night.ask(
            "select journey_path, order_count, net_amount, touch_count, step_count, "
            "mean_days_from_first_touch from journeys"
        )
    }
    assert found == {
        name: (
            len(ends),
            sum((order.net for order, _, _ in ends), NOTHING),
            sum(len(steps) for _, steps, _ in ends),
            sum(number for _, _, number in ends),
            None
            if name == "no touch seen"
            else pytest.approx(
                sum((order.at - steps[0].at) / timedelta(days=1) for order, steps, _ in ends)
                / len(ends)
            ),
        )
        for name, ends in expected.items()
    }


def test_every_model_shares_out_each_order_among_its_steps(
    night: Night, paths: list[tuple[Order, list[Step]]]
) -> None:
    """Parts of an order are rounded in its last digit, so a sum is off by one of it per order."""
    models = ("first touch", "last touch", "linear", "time decay")
    parts: dict[tuple[str, str, date], list[tuple[float, float]]] = defaultdict(list)
    for order, steps in paths:
        month, last = order.day.replace(day=1), len(steps) - 1
        age = [(order.at - step.at) / timedelta(days=1) for step in steps]
        for model in models:
            weights = {
                "first touch": [float(place == 0) for place in range(len(steps))],
                "last touch": [float(place == last) for place in range(len(steps))],
                "linear": [1.0 for _ in steps],
                "time decay": [2 ** (-days / 7) for days in age],
            }[model] or [1.0]
            names = [step.channel for step in steps] or ["no touch seen"]
            for name, weight in zip(names, weights, strict=True):
                share = weight / sum(weights)
                parts[model, name, month].append((share, share * float(order.net)))
    found = {
        (model, channel, month): tuple(rest)
        for model, channel, month, *rest in night.ask(
            "select attribution_model, channel, order_month, credited_orders, credited_net_amount "
            "from attributions"
        )
    }
    assert found.keys() == parts.keys()
    for place, credited in parts.items():
        number, money = (sum(values) for values in zip(*credited, strict=True))
        assert float(found[place][0]) == pytest.approx(number, abs=1e-10 * len(credited)), place
        assert float(found[place][1]) == pytest.approx(money, abs=1e-4 * len(credited)), place
    for model in models:
        totals = [values for place, values in found.items() if place[0] == model]
        assert sum(number for number, _ in totals) == len(paths)
        assert sum(money for _, money in totals) == sum(order.net for order, _ in paths)


def test_stages_follow_one_another_by_the_furthest_of_each_day(
    night: Night, own: dict[str, list[Touch]]
) -> None:
    moves: dict[tuple[str, str], list[tuple[str, int | None]]] = defaultdict(list)
    for customer, touches in own.items():
        reached: dict[date, int] = {}
        for x in touches:
            if x.stage and (night.as_of - x.day).days < 365:
                reached[x.day] = max(reached.get(x.day, 0), STAGES.index(x.stage))
        days = sorted(reached.items())
        stays = [next(group) for _, group in groupby(days, key=lambda item: item[1])]
        for (began, stage), (after, other) in pairwise(stays):
            moves[STAGES[stage], STAGES[other]].append((customer, (after - began).days))
        if stays:
            moves[STAGES[stays[-1][1]], "none so far"].append((customer, None))
    all_stays = Counter[str]()
    for (stage, _), made in moves.items():
        all_stays[stage] += len(made)
    found = {
        (stage, other): tuple(rest)
        for stage, other, *rest in night.ask(
            "select from_stage, to_stage, transition_count, customer_count, transition_share, "
            "median_days from journey_stages"
        )
    }
    assert len(moves) > 15
    assert found == {
        (stage, other): (
            len(made),
            len({customer for customer, _ in made}),
            pytest.approx(len(made) / all_stays[stage]),
            None if other == "none so far" else median(days or 0 for _, days in made),
        )
        for (stage, other), made in moves.items()
    }


# --- carts -----------------------------------------------------------------------------------


class Cart(NamedTuple):
    """A checkout, as the shop told it last."""

    token: str
    customer: str | None
    begun: datetime
    finished: datetime | None
    order: str
    worth: Decimal


@pytest.fixture(scope="module")
def carts(night: Night) -> list[Cart]:
    newest: dict[str, dict[str, str]] = {}
    for row in night.company.office("checkouts", delimiter=","):
        newest[row["checkout_token"]] = row
    found = []
    for token, row in newest.items():
        begun = datetime.strptime(row["begun"], ISO)  # noqa: DTZ007 -- Z is UTC, as in the marts
        ended = row["finished"] and datetime.strptime(row["finished"], ISO)  # noqa: DTZ007 -- Z is UTC
        who = night.owner("customer", row["shopper_no"], begun) if row["shopper_no"] else None
        who = who or night.owner("email", row["shopper_mail"], begun)
        found.append(
            Cart(token, who, begun, ended or None, row["order_ref"], Decimal(row["worth"]))
        )
    assert len(found) > 100
    return found


def test_a_cart_is_abandoned_recovered_and_followed_into_the_store(
    night: Night, carts: list[Cart], orders: list[Order], own: dict[str, list[Touch]]
) -> None:
    day, month = timedelta(days=1), timedelta(days=30)
    expected = {}
    for cart in carts:
        late = cart.finished is None or cart.finished > cart.begun + day
        if not late or local_day(cart.begun + day) > night.as_of:
            continue
        bought = any(
            x.customer == cart.customer and cart.begun <= x.at <= cart.begun + month
            for x in orders
            if cart.customer
        )
        itself = cart.finished is not None and cart.finished <= cart.begun + month
        seen = any(
            x.channel == "store" and cart.begun <= x.at <= cart.begun + month
            for x in own.get(cart.customer or "", ())
        )
        how = "the cart itself" if itself else "another order" if bought else None
        expected[cart.token] = (cart.customer, cart.worth, how, itself or bought, seen)
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select cart_id, customer_id, cart_amount, recovered_by, is_recovered, "
            "has_store_visit_after from abandoned_carts"
        )
    }
    assert len({(how, seen) for _, _, how, _, seen in expected.values()}) > 2
    assert found == expected


def test_checkouts_are_completed_or_abandoned(night: Night, carts: list[Cart]) -> None:
    recent = [cart for cart in carts if (night.as_of - local_day(cart.begun)).days < 30]
    completed = sum(cart.finished is not None for cart in recent)
    assert 0 < completed < len(recent)
    assert night.kpi("checkout_completion_rate") == (
        pytest.approx(completed / len(recent)),
        len(recent),
    )
    assert night.kpi("cart_abandonment_rate")[0] == pytest.approx(1 - completed / len(recent))


# --- content and products --------------------------------------------------------------------


def test_pages_have_the_lookers_and_later_orders_of_ninety_days(
    night: Night, oracle: Reference, orders: list[Order]
) -> None:
    """Pages are those of the web export, without what machines fetched.

    Whoever refused to be known is a new viewer at every look.
    """
    looks: dict[str, list[tuple[str, str | None, datetime]]] = defaultdict(list)
    for who, at, address in sorted(oracle.looks, key=lambda look: look[1]):
        if 0 <= (night.as_of - local_day(at)).days < 90:
            _, kind, value = who.split("|") if who else ("", "", "")
            customer = night.owner(kind, value, at)
            page = address.partition("?")[0].partition("#")[0]
            viewer = customer or who or f"look {len(looks[page])}"
            looks[page].append((viewer, customer, at))
    expected = {}
    for page, seen in looks.items():
        times = Counter(viewer for viewer, _, _ in seen)
        first: dict[str, datetime] = {}
        for _, customer, at in seen:
            if customer:
                first.setdefault(customer, at)
        bought = sum(
            any(x.customer == customer and at <= x.at < at + timedelta(days=14) for x in orders)
            for customer, at in first.items()
        )
        expected[page] = (
            len(seen),
            len(times),
            sum(number > 1 for number in times.values()),
            len(first),
            bought,
            bought / len(first) if first else None,
        )
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select page_address, view_count, viewer_count, returning_viewer_count, "
            "known_viewer_count, ordering_viewer_count, order_rate from content_performance"
        )
    }
    assert len(expected) > 20
    assert found == expected


@pytest.fixture(scope="module")
def lines(night: Night) -> list[Record]:
    """Lines of counted orders of known customers."""
    found = night.rows(
        "select customer_id, product_id, category, quantity, net_amount_reporting, ordered_date "
        "from order_items where is_counted and customer_id is not null"
    )
    assert len(found) > 100
    return found


def test_interest_in_a_product_is_what_was_done_and_bought_and_fades(
    night: Night, own: dict[str, list[Touch]], lines: list[Record]
) -> None:
    groups = {row["Artikkel"]: row["Gruppe"] for row in night.company.office("varer")}
    interest: dict[tuple[str, str, str], list[date]] = defaultdict(list)
    bought: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for customer, touches in own.items():
        for x in touches:
            if (x.product or x.category) and x.record_type != "order":
                group = x.category or groups.get(x.product or "", "(none)")
                interest[customer, x.product or "(category only)", group].append(x.day)
    for line in lines:
        if line["product_id"] or line["category"]:
            product = line["product_id"] or "(category only)"
            group = line["category"] or groups.get(product, "(none)")
            interest[line["customer_id"], product, group].append(line["ordered_date"])
            bought[line["customer_id"], product, group].append(line)
    left = {
        place: sum(2 ** (-(night.as_of - day).days / 30) for day in days)
        for place, days in interest.items()
    }
    whole: dict[str, float] = defaultdict(float)
    for (customer, _, _), value in left.items():
        whole[customer] += value
    found = {
        (row[0], row[1], row[2]): row[3:]
        for row in night.ask(
            "select customer_id, product_id, category, decayed_touches::double, share_of_customer, "
            "order_line_count, quantity, net_amount, last_touched_date from product_engagement"
        )
    }
    assert len(left) > 200
    # A touch that fades is rounded in its tenth decimal.
    assert found == {
        place: (
            pytest.approx(value, abs=1e-9),
            pytest.approx(value / whole[place[0]], abs=1e-8),
            len(bought[place]),
            sum((line["quantity"] for line in bought[place]), NOTHING),
            sum((line["net_amount_reporting"] for line in bought[place]), NOTHING),
            max(interest[place]),
        )
        for place, value in left.items()
    }


def test_the_next_category_is_that_of_most_buyers_of_the_same(
    night: Night, lines: list[Record]
) -> None:
    buyers = defaultdict(set)
    for line in lines:
        if line["category"]:
            buyers[line["category"]].add(line["customer_id"])
    rows = night.rows(
        "select customer_id, next_best_category, next_best_category_share "
        "from customer_relationships"
    )
    assert len({row["next_best_category"] for row in rows}) > 2
    for row in rows:
        has = {category for category, who in buyers.items() if row["customer_id"] in who}
        shares = {
            other: max(len(buyers[mine] & buyers[other]) / len(buyers[mine]) for mine in known)
            for known in [[mine for mine in has if len(buyers[mine]) >= 5]]
            for other in buyers.keys() - has
            if known
        }
        best = max(shares.values(), default=0)
        if not best:
            assert row["next_best_category"] is None, row
            continue
        assert shares[row["next_best_category"]] == best, row
        assert row["next_best_category_share"] == pytest.approx(best)


# --- messages and campaigns ------------------------------------------------------------------


class Mail(NamedTuple):
    """A delivered e-mail and what became of it."""

    delivered: datetime
    opened: set[bool]  # by a person, by a machine
    clicked: set[bool]


@pytest.fixture(scope="module")
def mails(night: Night) -> list[Mail]:
    """E-mails by the export's message numbers; who opened is what the marts say of each event."""
    human = dict(
        night.ask("select record_id, is_human from interactions where source = 'sendgrid'")
    )
    events: dict[str, Record] = {}
    for path in sorted(night.company.exports.glob("sendgrid/*")):
        for event in json.loads(path.read_text(encoding="utf-8")):
            if event.get("sg_event_id"):
                events[event["sg_event_id"]] = event
    done: dict[str, dict[str, set[bool]]] = defaultdict(lambda: defaultdict(set))
    delivered: dict[str, datetime] = {}
    for number, event in events.items():
        if event["event"] == "delivered":
            at = datetime(1970, 1, 1) + timedelta(seconds=event["timestamp"])  # noqa: DTZ001 -- naive UTC, as in the marts
            delivered[event["sg_message_id"]] = at
        elif event["event"] in ("open", "click"):
            done[event["sg_message_id"]][event["event"]].add(human[number])
    assert len(delivered) > 200
    return [Mail(at, done[mail]["open"], done[mail]["click"]) for mail, at in delivered.items()]


def test_open_rates_tell_people_from_machines(night: Night, mails: list[Mail]) -> None:
    recent = [mail for mail in mails if (night.as_of - local_day(mail.delivered)).days < 30]
    plain = [mail for mail in recent if False not in mail.opened]
    met = [mail for mail in recent if False in mail.opened]
    # What people open without clicking is learnt from all e-mails of the reported days.
    quiet = [mail for mail in mails if False not in mail.opened and True not in mail.clicked]
    usual = sum(True in mail.opened for mail in quiet) / len(quiet)
    opened = sum(True in mail.opened for mail in plain)
    guessed = sum(1 if True in mail.clicked else usual for mail in met)
    assert len(met) > 20
    assert night.kpi("email_open_rate_raw") == (
        pytest.approx(sum(bool(mail.opened) for mail in recent) / len(recent)),
        len(recent),
    )
    assert night.kpi("email_open_rate_machine_excluded") == (
        pytest.approx(opened / len(plain)),
        len(plain),
    )
    assert night.kpi("email_open_rate_estimated") == (
        # The guesses of a recipient and day are rounded in their fourth decimal.
        pytest.approx((opened + guessed) / len(recent), abs=5e-5),
        len(recent),
    )
    assert night.kpi("email_click_rate")[0] == pytest.approx(
        sum(True in mail.clicked for mail in recent) / len(recent)
    )


# An e-mail that was opened is no answer, as programs open them, too.
ANSWERS = ("email_click", "email_reply", "push_open", "push_click")
MESSAGES = ("email_delivered", "push_received")


def _distance(gap: timedelta | None) -> str:
    days = (1, "under 1 day"), (3, "1 to 3 days"), (7, "3 to 7 days"), (14, "7 to 14 days")
    if gap is None:
        return "first message"
    return next((name for end, name in days if gap < timedelta(days=end)), "14 days and more")


def test_an_answer_fits_the_last_message_before_it(night: Night) -> None:
    sent, answers = defaultdict(list), defaultdict(list)
    for customer, kind, channel, at in night.ask(
        "select customer_id, kind, channel, occurred_at from interactions "
        "where is_human and customer_id is not null order by occurred_at"
    ):
        if kind in MESSAGES:
            sent[customer].append((at, channel))
        elif kind in ANSWERS:
            answers[customer, channel].append(at)
    places: dict[tuple[str, int, str], list[bool]] = defaultdict(list)
    for customer, messages in sent.items():
        for place, (at, channel) in enumerate(messages):
            later = [when for when, where in messages[place + 1 :] if where == channel]
            until = min([at + timedelta(days=3), *later])
            age = (night.as_of - local_day(at)).days
            if 3 <= age < 93:  # ninety days, of which the last had three days to be answered
                gap = at - messages[place - 1][0] if place else None
                is_answered = any(at <= when < until for when in answers[customer, channel])
                places[channel, local(at).hour, _distance(gap)].append(is_answered)
    found = {
        (channel, hour, gap): tuple(rest)
        for channel, hour, gap, *rest in night.ask(
            "select channel, send_hour_local, days_since_last_message, sent_count, answered_count, "
            "response_rate from message_fit"
        )
    }
    assert any(any(said) for said in places.values())
    assert found == {
        place: (len(said), sum(said), pytest.approx(sum(said) / len(said)))
        for place, said in places.items()
    }


def _wilson(hits: int, n: int) -> tuple[float, float]:
    middle, z2 = hits + Z95**2 / 2, Z95**2
    spread = Z95 * math.sqrt(hits * (n - hits) / n + z2 / 4)
    return (middle - spread) / (n + z2), (middle + spread) / (n + z2)


def _newcombe(hits: int, n: int, others: int, m: int) -> tuple[float, float]:
    """Newcombe (1998), method 10: the difference of two shares from their Wilson intervals."""
    p, q = hits / n, others / m
    (low, high), (low_q, high_q) = _wilson(hits, n), _wilson(others, m)
    return p - q - math.hypot(p - low, high_q - q), p - q + math.hypot(high - p, q - low_q)


def _arms(night: Night, campaign: str) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """When each person was written to, and when each was spared."""
    written: dict[str, datetime] = {}
    for who, at in night.ask(
        "select coalesce(customer_id, identifier), occurred_at from interactions "
        "where kind = 'email_delivered' and campaign_id = ? order by occurred_at",
        campaign,
    ):
        written.setdefault(who, at)
    spared = {}
    for row in night.company.office("kontrollgruppe"):
        if row["Kampanje"] == campaign:
            at = moment(row["Trukket"], SECONDS)
            spared[night.owner("email", row["E-post"], at) or row["E-post"]] = at
    return written, spared


def test_the_lift_of_a_campaign_is_the_difference_from_those_spared(
    night: Night, orders: list[Order]
) -> None:
    ((campaign,),) = night.ask("select campaign_id from campaigns where control_count > 0")
    written, spared = _arms(night, campaign)
    assert not written.keys() & spared.keys()
    visits: dict[str, list[datetime]] = defaultdict(list)
    for customer, at in night.ask("select customer_id, started_at from sessions where is_human"):
        visits[customer].append(at)
    buys: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)
    for x in orders:
        buys[x.customer or ""].append((x.at, x.net))

    def within(since: datetime, moments: Iterable[datetime]) -> bool:
        return any(since <= at < since + timedelta(days=14) for at in moments)

    visited, ordered, spent = [], [], []
    for arm in (written, spared):
        visited.append(sum(within(since, visits[who]) for who, since in arm.items()))
        ordered.append(
            sum(within(since, [at for at, _ in buys[who]]) for who, since in arm.items())
        )
        spent.append(
            [
                float(sum((net for at, net in buys[who] if within(since, [at])), NOTHING))
                for who, since in arm.items()
            ]
        )
    n, m = len(written), len(spared)
    means = [sum(values) / len(values) for values in spent]
    lifts = night.one(
        "select treated_count, control_count, visit_lift, visit_lift_low, visit_lift_high, "
        "order_lift, order_lift_low, order_lift_high, spend_lift, spend_lift_low, spend_lift_high "
        "from campaigns "
        "where campaign_id = ?",
        campaign,
    )
    shares = [(hits / n - others / m) for hits, others in (visited, ordered)]
    intervals = [_newcombe(hits, n, others, m) for hits, others in (visited, ordered)]
    gain = means[0] - means[1]
    error = Z95 * math.sqrt(sum(variance(values) / len(values) for values in spent))
    money = (gain, gain - error, gain + error)
    expected = (shares[0], *intervals[0], shares[1], *intervals[1], *money)
    assert lifts == (n, m, *map(pytest.approx, expected))


def test_campaigns_reach_and_are_answered_by_people(night: Night, orders: list[Order]) -> None:
    """Addresses that got it, opened it and clicked it; orders follow a click in 5 days."""
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    clicks: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for campaign, kind, address, customer, at in night.ask(
        "select campaign_id, kind, identifier, customer_id, occurred_at "
        "from interactions where is_human and source = 'sendgrid' and campaign_id is not null "
        "order by occurred_at"
    ):
        people[campaign, kind].add(address)
        if kind == "email_click":
            clicks[customer].append((at, campaign))
    credited: dict[str, list[Decimal]] = defaultdict(list)
    for x in orders:
        before = [
            campaign
            for at, campaign in clicks.get(x.customer or "", ())
            if timedelta(0) <= x.at - at <= timedelta(days=5)
        ]
        if before:
            credited[before[-1]].append(x.net)
    found = {
        row[0]: row[1:]
        for row in night.ask(
            "select campaign_id, delivered_count, human_open_count, response_count, "
            "unsubscribe_count, complaint_count, attributed_order_count, attributed_revenue "
            "from campaigns where channel = 'email'"
        )
    }
    assert credited
    kinds = ("delivered", "open", "click", "unsubscribe", "spam_report")
    assert found == {
        campaign: (
            *(len(people[campaign, f"email_{kind}"]) for kind in kinds),
            len(credited[campaign]),
            sum(credited[campaign], NOTHING),
        )
        for campaign in {campaign for campaign, _ in people}
    }


def test_the_preferred_channel_is_the_one_used_most(
    night: Night, own: dict[str, list[Touch]]
) -> None:
    found = dict(night.ask("select customer_id, preferred_channel from customers"))
    assert len(set(found.values())) > 3
    for customer, channel in found.items():
        used = Counter(x.channel for x in own.get(customer, ()) if (night.as_of - x.day).days < 365)
        most = max(used.values(), default=0)
        assert channel in ([name for name, n in used.items() if n == most] or [None]), customer
