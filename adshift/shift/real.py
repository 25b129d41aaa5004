"""Real domains: photographs that were taken under other conditions. They say which images, and change no pixel."""

from __future__ import annotations

from dataclasses import dataclass

from adshift.shift.domain import Domain


@dataclass(frozen=True)
class Real(Domain):
    """A domain with images of its own, where a simulated one shifts those that are there."""

    @property
    def told(self) -> str:
        """The override that chooses it, for messages."""
        return f"domain={self.name}"


def real_of(domain: Domain) -> Real | None:
    """The real domain that a domain begins with: itself, or what its images were in before; None for the source's own."""
    while domain.before is not None:
        domain = domain.before
    return domain if isinstance(domain, Real) else None
