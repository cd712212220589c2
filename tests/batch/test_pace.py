"""How far a batch is, in words."""

from musiclc.batch import pace


def test_the_pace_counts_from_where_the_run_began():
    meter = pace.Pace(100, every=0.0)
    assert meter.due(40)
    meter.began -= 10
    assert meter.line(60) == "60 of 100 files, 2.0 a second, 20 s left"
    assert pace.minutes(5 * 3600) == "5 h 0 min"
