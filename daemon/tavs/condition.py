"""How the listener is, in one line for `systemctl status`. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    calls: int
    lag_s: float
    """How far words are behind."""
    unrecorded: int = 0
    """Calls under way whose recording has failed."""
    is_masking: bool = True
    missing_workers: int = 0
    note: str = ""
    """What came of the last reload."""

    def line(self) -> str:
        """
        >>> Condition(calls=2, lag_s=0.31).line()
        '2 calls, 0.3 s behind'
        >>> Condition(calls=1, lag_s=0, unrecorded=1, is_masking=False).line()
        '1 of 1 calls not recorded; masking cannot be used, no text travels; 1 calls, 0.0 s behind'
        """
        wrong = []
        if self.unrecorded:
            wrong.append(f"{self.unrecorded} of {self.calls} calls not recorded")
        if not self.is_masking:
            wrong.append("masking cannot be used, no text travels")
        if self.missing_workers:
            wrong.append(f"{self.missing_workers} speech workers lost")
        return "; ".join([*wrong, f"{self.calls} calls, {self.lag_s:.1f} s behind", *filter(None, [self.note])])
