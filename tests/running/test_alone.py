"""One worker at a time with a job, whatever the cache says."""

import pytest
from django.core.cache import cache
from redis import RedisError

from handoffs.alone import alone


def test_the_second_learns_that_it_is_taken_until_the_first_is_done() -> None:
    with alone("job", seconds=60) as first, alone("job", seconds=60) as second, alone("another", seconds=60) as other:
        assert (first, second, other) == (True, False, True)
    with alone("job", seconds=60) as later:
        assert later


def test_who_was_turned_away_takes_nothing_from_who_was_first() -> None:
    with alone("job", seconds=60):
        with alone("job", seconds=60):
            pass
        with alone("job", seconds=60) as third:
            assert not third


def test_a_job_that_breaks_is_given_back() -> None:
    with pytest.raises(ValueError, match="broken"), alone("job", seconds=60):
        raise ValueError("broken")
    with alone("job", seconds=60) as mine:
        assert mine


def test_a_cache_that_is_away_stops_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object) -> None:
        raise RedisError("away")

    monkeypatch.setattr(cache, "add", away)
    with alone("job", seconds=60) as mine:
        assert mine
