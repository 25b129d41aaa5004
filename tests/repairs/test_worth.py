"""Which repair is worth it: the rule by itself, on intervals that are made up."""

from __future__ import annotations

import pytest

from adshift.metrics.resampling import Difference
from adshift.repairs.worth import Candidate, Choice, choose, promise_broken


def interval(low: float, high: float) -> Difference:
    return Difference((low + high) / 2, (low, high), 0.01)


LOSS, NO_LOSS, UNKNOWN = interval(0.1, 0.3), interval(-0.1, 0.1), Difference(0.2, None, None)
DEAR = Candidate("dear", 320, 1.0, interval(0.2, 0.4))
SLOW = Candidate("slow", 0, 90.0, interval(0.1, 0.3))
QUICK = Candidate("quick", 0, 5.0, interval(0.05, 0.15))
USELESS = Candidate("useless", 0, 0.0, interval(0.0, 0.2))
UNPRICED = Candidate("unpriced", None, None, interval(0.1, 0.2))
HARM = Candidate("harm", 0, 0.0, interval(-0.2, -0.1))
EVERYONE = (DEAR, SLOW, QUICK, USELESS, UNPRICED, HARM)


def chosen(*candidates: Candidate, **gaps: Difference) -> Choice:
    """The choice where a loss is shown; ``gaps``: name -> name - best, 0 within the interval where it is not told."""
    return choose(candidates, lambda a, b: gaps.get(a, NO_LOSS), LOSS, False)


def test_the_cheapest_that_is_as_good_as_the_best_is_taken() -> None:
    found = chosen(*EVERYONE)
    assert found == Choice(QUICK, DEAR, ("harm",), nothing_to_do=False)
    assert chosen(*EVERYONE, quick=interval(-0.3, -0.1)).taken == SLOW
    assert chosen(*EVERYONE, quick=interval(-0.3, -0.0)).taken == QUICK  # an interval that ends at 0 shows nothing
    assert chosen(DEAR, UNPRICED).taken == DEAR  # an unknown cost is the dearest


def test_of_equally_dear_ones_the_first_is_taken() -> None:
    """As the stress test has them: no costs, but an order."""
    first, second = (
        Candidate(name, None, None, interval(0.1, high)) for name, high in (("first", 0.2), ("second", 0.4))
    )
    assert chosen(first, second).taken == first
    assert chosen(first, second, first=interval(-0.2, -0.1)).taken == second


def test_what_cannot_be_compared_with_the_best_is_not_as_good() -> None:
    assert choose(EVERYONE, lambda a, b: None, LOSS, False).taken == DEAR
    assert chosen(*EVERYONE, slow=UNKNOWN, quick=UNKNOWN).taken == DEAR


def test_nothing_is_taken_without_an_interval_above_0() -> None:
    assert chosen(USELESS, HARM) == Choice(None, None, ("harm",))
    assert chosen(Candidate("bare", 0, 0.0, UNKNOWN)) == chosen() == Choice(None, None, ())


@pytest.mark.parametrize("broken", [None, False, True])
@pytest.mark.parametrize("loss", [None, LOSS, NO_LOSS, UNKNOWN, interval(-0.3, -0.1)])
def test_there_is_nothing_to_do_only_where_a_loss_was_looked_for_and_no_promise_is_broken(
    loss: Difference | None, broken: bool | None
) -> None:
    found = choose([USELESS, HARM], lambda a, b: None, loss, broken)
    assert found.taken is None
    assert found.nothing_to_do == (loss in (NO_LOSS, interval(-0.3, -0.1)) and broken is not True)
    helped = choose([QUICK], lambda a, b: None, loss, broken)  # a shown gain is taken, whatever is lost
    assert (helped.taken, helped.nothing_to_do) == (QUICK, False)


def test_a_repair_that_breaks_its_promise_is_taken_and_tells() -> None:
    guilty = Candidate("guilty", 0, 0.0, interval(0.1, 0.2), broken=True)
    taken = chosen(guilty, DEAR).taken
    assert taken is guilty
    assert taken.broken


def test_a_promise_is_broken_where_the_exact_interval_lies_above_it() -> None:
    assert promise_broken(0.05, [0.051, 0.2]) is True
    assert promise_broken(0.05, (0.05, 0.2)) is False
    assert promise_broken(None, (0.5, 1.0)) is None
    assert promise_broken(0.05, None) is None
