"""Purchase days of the data sets that the literature measures models on."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import numpy as np

from estimation.lifetime_value.purchase_days import PurchaseDays, arrange, date_to_number
from ingestion.settings import realdata

CDNOW_CALIBRATION_END = date_to_number(date(1997, 9, 30))
CDNOW_END = date_to_number(date(1998, 6, 30))
ONLINE_RETAIL_END = date_to_number(date(2011, 12, 9))


def cdnow_folder() -> Path:
    return realdata() / "cdnow_lifetimes"


@cache
def cdnow(file: str) -> PurchaseDays:
    """CDNOW_sample.txt or CDNOW_master.txt: several lines per customer and day, some of zero."""
    lines = (cdnow_folder() / file).read_text(encoding="ascii").splitlines()
    first_column, from_line = (1, 0) if "sample" in file else (0, 1)
    rows = [line.split()[first_column:] for line in lines[from_line:] if line.strip()]
    customer = np.array([int(row[0]) for row in rows])
    day = np.array(
        [date_to_number(date(int(row[1][:4]), int(row[1][4:6]), int(row[1][6:]))) for row in rows]
    )
    return _merged(customer, day, np.array([float(row[-1]) for row in rows]))


@cache
def online_retail() -> PurchaseDays:
    """Online Retail, cleaned: known customer, no cancellation, positive quantity and price."""
    files = str(realdata() / "online_retail_daily" / "by-day" / "*.csv")
    found = duckdb.sql(
        f"""
        select
            cast(cast(CustomerID as double) as bigint) as customer,
            datediff('day', date '1970-01-01', cast(InvoiceDate[:10] as date)) as day,
            cast(Quantity as double) * cast(UnitPrice as double) as value
        from read_csv('{files}', all_varchar = true)
        where CustomerID is not null and InvoiceNo not like 'C%'
            and cast(Quantity as double) > 0 and cast(UnitPrice as double) > 0
        """
    ).fetchnumpy()
    return _merged(*(np.asarray(found[name]) for name in ("customer", "day", "value")))


def _merged(customer: np.ndarray, day: np.ndarray, value: np.ndarray) -> PurchaseDays:
    """Same-day purchases are one."""
    pairs, place = np.unique(np.stack([customer, day]), axis=1, return_inverse=True)
    values = np.bincount(place, value).astype(np.float64)
    return arrange(pairs[0].astype(np.int64), pairs[1].astype(np.int64), values)
