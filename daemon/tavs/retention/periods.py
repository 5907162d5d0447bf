"""Calendar periods: a year is a year on the calendar of the site, whatever days and hours it has.

>>> Period.parse("1 year"), Period.parse("30 days")
(Period(years=1, months=0, days=0), Period(years=0, months=0, days=30))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from tavs.errors import ConfigError

_FORM = re.compile(r"([1-9]\d{0,3}) (year|month|day)s?")


@dataclass(frozen=True, slots=True)
class Period:
    years: int = 0
    months: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Period:
        """`N year(s)|month(s)|day(s)`. Raises ConfigError for anything else."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ConfigError(f"{text!r} is no period", "write it as 1 year, 6 months or 30 days")
        return cls(**{f"{found[2]}s": int(found[1])})

    def words(self) -> str:
        """As `parse` reads it.

        >>> Period(months=6).words(), Period(years=1).words()
        ('6 months', '1 year')
        """
        counts = ((self.years, "year"), (self.months, "month"), (self.days, "day"))
        return next(f"{count} {unit if count == 1 else f'{unit}s'}" for count, unit in counts if count)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The end of the period in UTC; a year from 29 February is 28 February (DESIGN 2).

        Clock time of the site is kept; where daylight saving skips or repeats it, the later instant counts.
        """
        local = moment.astimezone(zone).replace(tzinfo=None)
        end = local + relativedelta(years=self.years, months=self.months, days=self.days)
        return max(end.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
