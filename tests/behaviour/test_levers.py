"""What measures do to children in the placement engine, and rates held for many projections."""

import hashlib

import numpy as np
import pytest
from sufficiency.model.placements.engine import FLOWS, hold, project
from sufficiency.model.placements.levers import Lever
from sufficiency.model.placements.rates import Rates

NAMES = ("mainstream", "state_special", "independent_special", "college")
PLACES, STEPS, PERIODS, DRAWS = 4, 9, 4, 600
MAIN, STATE, INDEPENDENT, COLLEGE = range(PLACES)


def council(**changes):
    """Made up by rule: ages 4 to 12, everyone may go anywhere, rates uncertain and correlated."""
    shape, i = (PLACES, STEPS), np.arange(PLACES)
    wave = np.cos(np.arange(PLACES * STEPS).reshape(shape)) / 2 + 0.5
    target = [[j for j in i if j != k] for k in i]
    share = 1 + np.stack([wave, wave[::-1], wave[:, ::-1]], -1)
    fields = dict(
        places=NAMES, steps_per_year=1, first_age=4, stock=np.round(10 + 20 * wave),
        leave_mean=0.02 + 0.1 * wave, leave_size=np.full(shape, 80.0),
        move_mean=0.05 + 0.1 * wave[::-1], move_size=np.full(shape, 60.0),
        target=np.repeat(np.array(target)[:, None], STEPS, 1),
        share_mean=share / share.sum(-1, keepdims=True), share_size=np.full(shape, 30.0),
        join_mean=1 + 3 * wave, join_size=np.full(shape, 25.0), correlation=0.3)
    return Rates(**{**fields, **changes})


def apart(**changes):
    """A council of certain rates where nobody moves."""
    return council(move_mean=np.zeros((PLACES, STEPS)), **changes).certain()


def run(rates, **changes):
    return project(rates, **{"periods": PERIODS, "seed": 5, "draws": DRAWS, **changes})


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in ("stock", *FLOWS))


def ramps(most, draws=DRAWS, periods=PERIODS):
    """Paths (draw, period) that differ by both, up to most."""
    return most * np.linspace(0.2, 1, draws)[:, None] * np.linspace(0.3, 1, periods)


def all_kinds():
    return (Lever("entrants", "redirect", INDEPENDENT, STATE, ramps(0.4), first_age=6, last_age=9),
            Lever("places", "new school", MAIN, STATE, places=ramps(500.0), first_age=5),
            Lever("stock", "step down", STATE, MAIN, ramps(0.3), first_age=7, last_age=8),
            Lever("stock", "cessation", COLLEGE, -1, ramps(0.2), first_age=10, last_age=12))


LIMITS = dict(capacity=np.array([np.inf, 250, 120, np.nan]),
              overflow=np.array([[-1, -1], [2, 0], [1, 0], [-1, -1]]))

# Of the engine before it had levers: a digest of whole children, sums of expected ones
BEFORE = (
    ({}, "e5e7e642d9bb4a20", [479810.75028897275, 53897.75433813005, 77379.90338670451,
                              31262.10898016969, 31262.108980169694, 0.0]),
    (LIMITS, "e542aca3de99e866", [480318.46038199513, 53897.75433813005, 77305.43767221327,
                                  31647.626263104426, 31647.626263104426, 10792.413425961848]))


@pytest.fixture(scope="module")
def rates():
    return council()


def test_without_levers_results_are_as_before_there_were_any(rates):
    """Model output of the engine before levers, kept: counts to the child, means to 12 figures."""
    for limits, digest, total in BEFORE:
        counts = run(rates, draws=150, levers=(), **limits)
        found = hashlib.blake2b(digest_size=8)
        for name in ("stock", *FLOWS):
            found.update(np.ascontiguousarray(counts[name], "<i4").tobytes())
        assert found.hexdigest() == digest
        expected = run(rates, draws=150, engine="expected", **limits)
        assert [expected[name].sum() for name in ("stock", *FLOWS)] == pytest.approx(total, 1e-12)


@pytest.mark.parametrize("engine", ["counts", "expected"])
def test_children_in_are_children_out_and_stock(rates, engine):
    for limits in ({}, LIMITS):
        found = run(rates, engine=engine, levers=all_kinds(), **limits)
        stock = found["stock"].sum(-1)
        gap = (stock[:, :-1] + found["joiners"] + found["moved_in"] - found["moved_out"]
               - found["leavers"] - stock[:, 1:])
        assert abs(gap).max() <= (1e-9 if engine == "expected" else 0)
        moved = found["moved_in"].sum(-1) - found["moved_out"].sum(-1)
        assert abs(moved).max() <= 1e-9 and (found["stock"] >= -1e-9).all()


def test_expected_is_the_mean_of_counts_while_room_does_not_bind(rates):
    many = dict(draws=6000, periods=3)
    levers = (*(Lever(*given, ramps(0.4, **many), first_age=5, last_age=9) for given in (
        ("entrants", "redirect", INDEPENDENT, STATE), ("stock", "down", STATE, MAIN),
        ("stock", "cessation", COLLEGE, -1))),
        Lever("places", "school", MAIN, STATE, places=ramps(1e5, **many)))
    counts, expected = (run(rates, engine=engine, levers=levers, **many)
                        for engine in ("counts", "expected"))
    for name in ("stock", *FLOWS):
        difference = counts[name] - expected[name]
        error = difference.std(0, ddof=1) / np.sqrt(len(difference))
        # 5 a cell where hundreds are compared, 4 for totals
        assert (abs(difference.mean(0)) <= 5 * error).all(), name
    total = (counts["stock"] - expected["stock"]).sum(-1)[:, 1:]
    error = total.std(0, ddof=1) / np.sqrt(len(total))
    assert (abs(total.mean(0)) <= 4 * error).all()


def test_a_share_of_poisson_joiners_is_poisson():
    many = 20_000
    still = apart(stock=np.zeros((PLACES, STEPS)))
    lever = Lever("entrants", "redirect", INDEPENDENT, STATE, 0.3, first_age=6, last_age=9)
    base, found = (run(still, periods=1, draws=many, levers=given)["joiners"][:, 0]
                   for given in ((), (lever,)))
    mean = 0.3 * still.join_mean[INDEPENDENT, 2:6].sum()
    gone = base[:, INDEPENDENT] - found[:, INDEPENDENT]
    assert np.array_equal(gone, found[:, STATE] - base[:, STATE])
    assert gone.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / many))
    fourth = mean + 3 * mean**2
    assert gone.var() == pytest.approx(mean, abs=4 * np.sqrt((fourth - mean**2) / many))


@pytest.mark.parametrize("engine", ["counts", "expected"])
def test_a_lever_moves_nobody_elses_luck(rates, engine):
    without = run(rates, engine=engine)
    off = Lever("entrants", "off", INDEPENDENT, STATE, 0.0)
    assert same(without, run(rates, engine=engine, levers=(off,)))
    one = all_kinds()[0]
    only = run(rates, engine=engine, levers=(one,))
    assert same(only, run(rates, engine=engine, levers=(off, one)))
    assert not same(only, without)
    # where nobody moves, whoever it does not touch is as without; another measure's too
    alone, redirect = apart(), Lever("entrants", "redirect", INDEPENDENT, STATE, 0.5)
    down = Lever("stock", "down", COLLEGE, MAIN, 0.2)
    plain, first, both = (run(alone, engine=engine, levers=levers)
                          for levers in ((), (redirect,), (down, redirect)))
    assert np.array_equal(plain["stock"][:, :, [MAIN, COLLEGE]],
                          first["stock"][:, :, [MAIN, COLLEGE]])
    assert np.array_equal(first["stock"][:, :, [INDEPENDENT, STATE]],
                          both["stock"][:, :, [INDEPENDENT, STATE]])


def test_more_draws_periods_or_threads_move_no_levers_luck(rates):
    levers = all_kinds()
    one = run(rates, levers=levers, threads=1)
    assert same(one, run(rates, levers=levers, threads=2))
    longer = [Lever(*(getattr(lever, f) for f in ("kind", "name", "origin", "target")),
                    np.pad(np.broadcast_to(lever.share, (DRAWS, PERIODS)), ((0, 70), (0, 1))),
                    None if lever.places is None else np.pad(lever.places, ((0, 70), (0, 1))),
                    lever.first_age, lever.last_age) for lever in levers]
    more = run(rates, levers=longer, draws=DRAWS + 70, periods=PERIODS + 1)
    assert np.array_equal(one["stock"], more["stock"][:DRAWS, :-1])


def test_entrants_go_at_the_age_they_arrive_in(rates):
    certain = rates.certain()
    lever = Lever("entrants", "redirect", INDEPENDENT, STATE, 0.25, first_age=6, last_age=9)
    before, after = (run(certain, periods=1, draws=1, engine="expected", levers=levers)
                     for levers in ((), (lever,)))
    movers = before["stock"][0, 1, INDEPENDENT].copy()
    movers[1:] -= (certain.stock * (1 - certain.leave_mean) * (1 - certain.move_mean))[
        INDEPENDENT, :-1]
    gone = 0.25 * np.where((np.arange(4, 13) >= 6) & (np.arange(4, 13) <= 9), movers, 0)
    change = (after["stock"] - before["stock"])[0, 1]
    assert change[INDEPENDENT] == pytest.approx(-gone, abs=1e-12)
    assert change[STATE] == pytest.approx(gone, abs=1e-12)
    assert np.array_equal(before["moved_out"], after["moved_out"])


@pytest.mark.parametrize(("target", "flow"), [(MAIN, "moved_out"), (-1, "leavers")])
def test_stock_goes_of_those_who_neither_leave_nor_move(rates, target, flow):
    certain = rates.certain()
    lever = Lever("stock", "down", STATE, target, [[0.4]], first_age=7, last_age=8)
    before, after = (run(certain, periods=1, draws=1, engine="expected", levers=levers)
                     for levers in ((), (lever,)))
    staying = (certain.stock * (1 - certain.leave_mean) * (1 - certain.move_mean))[STATE]
    gone = np.where(np.isin(np.arange(4, 13), (7, 8)), 0.4 * staying, 0)
    change = (after["stock"] - before["stock"])[0, 1]
    assert change[STATE, 1:] == pytest.approx(-gone[:-1], abs=1e-12)
    assert after[flow][0, 0, STATE] - before[flow][0, 0, STATE] == pytest.approx(gone.sum())
    if target >= 0:
        assert change[target, 1:] == pytest.approx(gone[:-1], abs=1e-12)


def test_ages_are_whole_years_where_steps_are_quarters():
    shape = (PLACES, STEPS)
    rates = apart(steps_per_year=4, first_age=4, join_mean=np.ones(shape), stock=np.ones(shape),
                  leave_mean=np.zeros(shape))
    lever = Lever("entrants", "redirect", INDEPENDENT, STATE, first_age=5, last_age=5)
    found = run(rates, periods=1, draws=1, engine="expected", levers=(lever,))["stock"][0, 1]
    assert found[INDEPENDENT].tolist() == [1, 2, 2, 2, 1, 1, 1, 1, 2]


def test_places_fill_and_empty_as_their_children_go():
    rates = apart(leave_mean=np.full((PLACES, STEPS), 0.25))
    places = np.array([[30.0, 30.0, 60.0, 5.0]])
    lever = Lever("places", "new school", INDEPENDENT, STATE, places=places)
    found, base = (run(rates, draws=1, engine="expected", levers=levers)
                   for levers in ((lever,), ()))
    entrants, filled = rates.join_mean[INDEPENDENT].sum(), 0.0
    for t, room in enumerate(places[0]):
        filled *= 1 - found["leavers"][0, t, STATE] / found["stock"][0, t, STATE].sum()
        taken = min(entrants, max(room - filled, 0))
        filled += taken
        gained = found["joiners"] - base["joiners"]
        assert gained[0, t, STATE] == pytest.approx(taken, abs=1e-9)
    counts = run(rates, levers=(Lever("places", "new school", INDEPENDENT, STATE, places=7.5),))
    plain = run(rates)
    first = (counts["joiners"] - plain["joiners"])[:, 0, STATE]
    assert np.array_equal(first, np.minimum(plain["joiners"][:, 0, INDEPENDENT], 7))


def test_children_whom_the_target_does_not_take_stay():
    allowed = np.ones((PLACES, STEPS), bool)
    allowed[STATE, 6:] = False
    fields = {name: np.where(allowed, getattr(council(), name), 0)
              for name in ("stock", "join_mean", "leave_mean")}
    fields["leave_mean"][STATE, 5], fields["join_mean"][MAIN] = 1, 0
    rates = apart(allowed=allowed, **fields)
    levers = (Lever("entrants", "all", INDEPENDENT, STATE),
              Lever("stock", "everybody", MAIN, STATE))
    found = run(rates, levers=levers)["stock"]
    assert not found[:, :, STATE, 6:].any()
    assert not found[:, 1:, INDEPENDENT, 0].any() and found[:, 1:, INDEPENDENT, 6:].any()
    assert not found[:, 1:, MAIN, 1:6].any() and found[:, 1:, MAIN, 7:].any()


def test_capacity_acts_after_levers(rates):
    lever = Lever("entrants", "redirect", INDEPENDENT, STATE)
    limits = dict(capacity=[np.inf, 200, np.inf, np.inf], overflow=[[-1], [MAIN], [-1], [-1]])
    free = run(rates, levers=(lever,))
    found = run(rates, levers=(lever,), **limits)
    turned = np.maximum(free["stock"][:, 1, STATE].sum(-1) - 200, 0)
    assert turned.any() and np.array_equal(found["overflowed"][:, 0, STATE], turned)
    assert (found["stock"][:, 1:, STATE].sum(-1) <= 200).all()


@pytest.mark.parametrize("engine", ["counts", "expected"])
def test_held_rates_change_no_byte(rates, engine):
    paths = {"leave_multiplier": 0.8 + ramps(0.4),
             "move_multiplier": np.repeat(0.6 + ramps(0.8)[..., None], PLACES, 2)}
    same_draws = dict(seed=5, draws=DRAWS)
    drawn, ready = hold(rates, **same_draws), hold(rates, periods=PERIODS, **paths, **same_draws)
    for given in ({}, LIMITS, paths, {**paths, **LIMITS, "levers": all_kinds()}):
        one = run(rates, engine=engine, **given)
        for held in (drawn, ready):
            assert same(one, run(rates, engine=engine, held=held, **given))
    fewer = {name: path[:, :2] for name, path in paths.items()}
    one = run(rates, engine=engine, periods=2, **fewer)
    assert same(one, run(rates, engine=engine, periods=2, held=ready, **fewer))


def test_held_rates_are_for_their_own_rates_seed_and_draws(rates):
    held = hold(rates, seed=5, draws=DRAWS)
    for changes in (dict(seed=6), dict(draws=DRAWS - 1)):
        with pytest.raises(ValueError, match="held: found"):
            run(rates, held=held, **changes)
    with pytest.raises(ValueError, match="held: found"):
        run(council(), held=held)


def test_stock_of_all_ages_is_the_sum(rates):
    for engine in ("counts", "expected"):
        one, total = (run(rates, engine=engine, by_age=by_age) for by_age in (True, False))
        assert total["stock"] == pytest.approx(one["stock"].sum(-1), rel=1e-12)


@pytest.mark.parametrize(("changes", "words"), [
    (dict(kind="moves"), "lever new.kind: found 'moves'; allowed entrants, places, stock"),
    (dict(share=1.2), "lever new.share: found 1.2; allowed 0 to 1"),
    (dict(share=[[0.1, 0.2, np.nan, 0.1]]), "share: found nan"),
    (dict(share=[[0.1, 0.2]]), r"share: found shape \(1, 2\); allowed \(600, 4\)"),
    (dict(origin=4), "origin: found 4; allowed 0 to 3"),
    (dict(target=9), "target: found 9"),
    (dict(target=INDEPENDENT), "target: found 2; allowed 0 to 3, not its origin"),
    (dict(target=-1), "target: found -1"),
    (dict(kind="places", places=-1.0), "places: found -1.0; allowed 0 to inf"),
    (dict(kind="places"), "places: found None"),
    (dict(places=10.0), "places: found 10.0"),
    (dict(first_age=9, last_age=8), "ages: found 9 to 8"),
    (dict(first_age=20), "ages: found 20 to 25; allowed some that its target takes"),
])
def test_bad_levers_are_refused_by_name(rates, changes, words):
    given = dict(kind="entrants", name="new", origin=INDEPENDENT, target=STATE)
    with pytest.raises(ValueError, match=words):
        run(rates, levers=(Lever(**{**given, **changes}),))


def test_two_levers_of_one_name_that_would_share_their_luck_are_refused(rates):
    twice = (Lever("entrants", "new", INDEPENDENT, STATE, 0.1),) * 2
    with pytest.raises(ValueError, match="allowed each once"):
        run(rates, levers=twice)
