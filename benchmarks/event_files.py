"""Files of a large company: web and e-mail events, orders and their lines, one file each a day.

Made by SQL from the day's date alone, so that the same day is the same bytes whatever history lies
before it, and a year of files takes minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

CONFIGURATION = """\
reporting_currency: NOK
time_zone: Europe/Oslo
sources:
  company:
    vendor: generic
    files:
      - contract: generic_web_events
        pattern: "web_*.csv"
        columns:
          event_id: event_id
          anonymous_id: visitor
          user_id: customer
          session_id: visit
          event_name: event
          occurred_at: time
          page_url: page
          traffic_source: source
          traffic_medium: medium
          campaign: campaign
          product_id: product
          device: device
          country: country
          user_agent: agent
      - contract: generic_email_events
        pattern: "email_*.csv"
        columns:
          event_id: event_id
          email: address
          event: event
          occurred_at: time
          campaign_id: campaign
          message_id: message
          url: link
      - contract: generic_orders
        pattern: "orders_*.csv"
        columns:
          order_id: order_id
          customer_id: customer
          email: address
          ordered_at: time
          gross_amount: amount
          discount_amount: discount
          channel: channel
      - contract: generic_order_lines
        pattern: "lines_*.csv"
        columns:
          order_id: order_id
          ordered_at: time
          product_id: product
          quantity: quantity
          unit_price: price
"""


@dataclass(frozen=True)
class Company:
    """How many customers there are and how many events a day brings."""

    customers: int = 200_000
    events_a_day: int = 100_000

    @property
    def orders_a_day(self) -> int:
        """One event in fifty is an order."""
        return self.events_a_day // 50

    @property
    def emails_a_day(self) -> int:
        """E-mail events: sent, delivered, and some opened and clicked."""
        return self.events_a_day * 18 // 100

    @property
    def web_events_a_day(self) -> int:
        """The rest, some five to a visit."""
        return self.events_a_day - self.orders_a_day - self.emails_a_day


def write_days(folder: Path, company: Company, first: date, days: int) -> None:
    """Write ``days`` days of files from ``first`` on below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 2}) as connection:
        for number in range(days):
            _write_day(connection, folder, company, first + timedelta(days=number))


def write_late_events(folder: Path, company: Company, day: date, share: float, days: int) -> None:
    """Web events that come with ``day`` but happened up to ``days`` days before it."""
    count = int(company.web_events_a_day * share)
    with duckdb.connect() as connection:
        _copy(
            connection,
            folder / f"web_late_{day}.csv",
            f"""
            select {_web_columns(company, f"late {day}")}
            from (
                select
                    n, n % {max(count // 5, 1)} as visit_number,
                    timestamp '{day}' - interval (1 + hash(n, 'late') % ({days} * 86400)) second
                        as time
                from range({count}) as numbers(n)
            )
            """,
        )


def _write_day(
    connection: duckdb.DuckDBPyConnection, folder: Path, company: Company, day: date
) -> None:
    visits = company.web_events_a_day // 5
    _copy(
        connection,
        folder / f"web_{day}.csv",
        f"""
        select {_web_columns(company, str(day))}
        from (
            select
                n, n % {visits} as visit_number,
                timestamp '{day}'
                + interval (hash(n % {visits}, '{day}') % 80000) second
                + interval (n // {visits} * (5 + hash(n) % 60)) second as time
            from range({company.web_events_a_day}) as numbers(n)
        )
        order by time
        """,
    )
    _copy(
        connection,
        folder / f"email_{day}.csv",
        f"""
        select
            md5('{day} e-mail ' || n) as event_id,
            'customer' || who || '@example.com' as address,
            case n % 9 when 7 then 'open' when 8 then 'click'
                else case n % 2 when 0 then 'processed' else 'delivered' end end as event,
            timestamp '{day}' + interval (hash(who, '{day}') % 60000) second
            + interval (case when n % 9 >= 7 then hash(n) % 20000 else n % 2 end) second as time,
            'spring-' || (hash('{day}') % 50) as campaign,
            '{day}-' || who as message,
            case when n % 9 = 8 then 'https://shop.example/offer/' || (hash(n) % 20) end as link
        from (
            select n, hash(n // 2, '{day}', 'who') % {company.customers} as who
            from range({company.emails_a_day}) as numbers(n)
        )
        order by time
        """,
    )
    orders = f"""
        select
            '{day}-' || n as order_id, hash(n, '{day}', 'buyer') % {company.customers} as who,
            timestamp '{day}' + interval (hash(n, '{day}') % 86000) second as time,
            1 + hash(n, '{day}', 'price') % 900 as price
        from range({company.orders_a_day}) as numbers(n)
    """
    _copy(
        connection,
        folder / f"orders_{day}.csv",
        f"""
        select
            order_id, 'c' || who as customer, 'customer' || who || '@example.com' as address, time,
            3 * price as amount, price % 7 as discount, 'web' as channel
        from ({orders}) order by time
        """,
    )
    _copy(
        connection,
        folder / f"lines_{day}.csv",
        f"""
        select order_id, time, 'p' || (hash(order_id, line) % 5000) as product, line as quantity,
            price
        from ({orders}), (values (1), (2)) as lines(line) order by time
        """,
    )


def _web_columns(company: Company, mark: str) -> str:
    return f"""
        md5('{mark} web ' || n) as event_id,
        'v' || (hash(visit_number, '{mark}', 'visitor') % {company.customers}) as visitor,
        case when visit_number % 8 = 0
            then 'c' || (hash(visit_number, '{mark}', 'visitor') % {company.customers})
        end as customer,
        '{mark} ' || visit_number as visit,
        case hash(n, 'event') % 12 when 0 then 'search' when 1 then 'add_to_cart'
            else 'page_view' end as event,
        time,
        'https://shop.example/p/' || (hash(n, 'page') % 4000) as page,
        case visit_number % 3 when 0 then 'google' when 1 then 'newsletter' end as source,
        case visit_number % 3 when 0 then 'organic' when 1 then 'email' end as medium,
        case visit_number % 3 when 1 then 'spring' end as campaign,
        'p' || (hash(n, 'product') % 5000) as product,
        case visit_number % 2 when 0 then 'mobile' else 'desktop' end as device,
        'NO' as country,
        'Mozilla/5.0 (' || (visit_number % 40) || ')' as agent
    """


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, query: str) -> None:
    connection.execute(f"copy ({query}) to '{path}' (header)")
