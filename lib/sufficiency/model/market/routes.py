"""Routes to market as data: lists, reserved places and ordered stages, walked by one kernel."""

from typing import NamedTuple

import numpy as np

from sufficiency.model.placements.calendar import financial_year

POOLS = ("list", "open", "outside", "known", "reserved", "direct")
ORDERS = ("rank", "price", "quality", "distance", "chance")
RULES = ("in_turn", "quotes", "competition", "fixed")
WHEN = ("always", "before", "after")
INDEXATION = ("provider", "general", "fixed", "refresh")
INDICES = {"provider": "costs.uplift.provider", "general": "costs.inflation.general"}
# Numbers that only a route with a list, or with reserved places, needs.
OF_LIST = ("joins", "joins_small", "joins_local", "novation", "tender", "reopening", "per_bid")


class Routes(NamedTuple):
    """Every route through one lot; D draws, R routes, S stages of all routes, T months.

    Whole numbers (R,): every (months between openings of the list, 0 never again), most (members,
    0 any number), registered_only, tendered (month of the tender's cost), teams; first (R + 1,):
    where each route's stages begin. (D, R) int32: opens, closes, reserve_opens, reserve_closes
    (T for never), reserve_places. (D, R): joins, joins_later, joins_small, joins_local, ceiling
    (ratio of the reference price, inf for none), loading (ratio), novation, known; tender,
    reopening, per_bid, capital GBP; reserve_price GBP a place a year or a case. list_index:
    (D, R, T + 1) cumulative sum of the monthly index of list prices. management: (D, R, 3) hours a
    member a year by its spend, below bounds (2,) GBP. Stages, codes (S,) of POOLS, ORDERS, RULES,
    WHEN; invite (S,), 0 for all; (D, S): cap (ratio, inf for none), share of call-offs that the
    stage is open to, hours, each (hours a provider asked), days.
    """

    every: np.ndarray
    most: np.ndarray
    registered_only: np.ndarray
    tendered: np.ndarray
    teams: np.ndarray
    first: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    reserve_opens: np.ndarray
    reserve_closes: np.ndarray
    reserve_places: np.ndarray
    joins: np.ndarray
    joins_later: np.ndarray
    joins_small: np.ndarray
    joins_local: np.ndarray
    ceiling: np.ndarray
    loading: np.ndarray
    novation: np.ndarray
    known: np.ndarray
    tender: np.ndarray
    reopening: np.ndarray
    per_bid: np.ndarray
    capital: np.ndarray
    reserve_price: np.ndarray
    list_index: np.ndarray
    management: np.ndarray
    bounds: np.ndarray
    pool: np.ndarray
    order: np.ndarray
    rule: np.ndarray
    when: np.ndarray
    invite: np.ndarray
    cap: np.ndarray
    share: np.ndarray
    hours: np.ndarray
    each: np.ndarray
    days: np.ndarray


def nearest_key(known, name, route=None, lot=None):
    """Key of an assumption where it is said nearest: of route and lot, route, lot, then market.

    known: a case, worlds or assumptions. Refuses a name said nowhere.
    """
    keys = _keys(name, route, lot)
    for key in keys:
        if key in known:
            return key
    raise ValueError(f"{keys[-1]}: found nothing; allowed an assumption there"
                     + "".join(f", or at {key}" for key in keys[:-1]))


def _keys(name, route, lot):
    both = (route and lot, f"routes.{route}.lots.{lot}.")
    places = (both, (route, f"routes.{route}."), (lot, f"lots.{lot}."), (True, ""))
    return [f"market.{place}{name}" for given, place in places if given]


def take(worlds, name, route=None, lot=None, default=None):
    """Values (D,) of an assumption at its nearest key; of the default where it is said nowhere."""
    if default is not None and not any(key in worlds for key in _keys(name, route, lot)):
        return np.array(np.broadcast_to(np.asarray(default, float), (worlds.draws,)))
    return np.array(worlds[nearest_key(worlds, name, route, lot)])


def code(words, word, key):
    """Place of a word in a list of them; refuses another, by the key it stands at."""
    if word not in words:
        raise ValueError(f"{key}: found {word!r}; allowed {', '.join(words)}")
    return words.index(word)


def index(case, worlds, months, kind, lot):
    """Monthly price index (D, T) of providers or general prices, 1 in month 0.

    x (1 + rate of the financial year) in each uplift month after month 0. The rate is the market's
    index.<kind>, else costs.uplift.provider or costs.inflation.general.
    """
    key = next((key for key in _keys(f"index.{kind}", None, lot) if key in worlds), INDICES[kind])
    month, first = f"costs.uplift_month.{kind}", int(case.value("market.from")[:4])
    rises = round(case[month].central_value()) if month in case else 4
    steps = np.ones((worlds.draws, months))
    for t in range(1, months):
        if (t + 3) % 12 + 1 == rises:
            steps[:, t] += worlds.at(key, financial_year(first + t // 12))
    return np.cumprod(steps, axis=1)


def summed(monthly):
    """Cumulative sum (D, T + 1) of a monthly index (D, T), from 0."""
    return np.concatenate([np.zeros((len(monthly), 1)), np.cumsum(monthly, axis=1)], axis=1)


def list_index(indexation, opens, closes, every, provider, general):
    """Monthly index (D, T) of a list's prices: the provider index before it opens and once closed.

    While open, from its level at the opening: `provider` with it, `general` with general prices,
    `fixed` flat, `refresh` flat from one opening to the next, where it catches up.
    opens, closes (D,); every months, 0 never again; provider, general (D, T).
    """
    months = provider.shape[1]
    t, start = np.arange(months)[None], np.minimum(opens, months - 1)[:, None]
    if indexation == "refresh" and every:
        start = start + np.maximum(t - start, 0) // every * every
    elif indexation == "provider":
        start = t
    start = np.broadcast_to(start, provider.shape)
    held = np.take_along_axis(provider, start, 1)
    if indexation == "general":
        held = held * general / np.take_along_axis(general, start, 1)
    return np.where((t >= opens[:, None]) & (t < closes[:, None]), held, provider)


def routes(case, lot, names, worlds, months, price=None):
    """Routes, by name in this order, as the lot meets them over so many months.

    price (D,): mean GBP paid a place of a lot whose price comes from placements; reserved places
    cost a ratio of it. A list that ended before month 0, or whose award fails, never opens; its
    term runs from when it opens. Refuses a word that is not in POOLS, ORDERS, RULES or WHEN.
    """
    indices = [index(case, worlds, months, kind, lot) for kind in INDICES]
    made = [_route(case, lot, name, worlds, months, indices, price) for name in names]
    stages = [_stage(case, lot, route, stage, worlds) for name in names
              for route, stage in walked(case, name)]
    found = {field: np.stack([one[field] for one in made], -1 if np.ndim(made[0][field]) < 2 else 1)
             for field in made[0] if field != "stages"}
    found |= {field: np.stack([one[field] for one in stages], -1) for field in stages[0]}
    first = np.cumsum([0, *(one["stages"] for one in made)])
    return Routes(first=first.astype(np.int32),
                  bounds=np.array(case.value("market.management.bounds"), float), **found)


def walked(case, name):
    """(route, stage) of each stage of a route: its own, then the reference's if it says so."""
    said = case.value(f"market.routes.{name}")
    found = [(name, stage) for stage in said["stages"]]
    if said.get("otherwise") == "reference":
        found += walked(case, case.value("market.reference"))
    return found


def _route(case, lot, name, worlds, months, indices, price):
    """Fields of one route, without its stages but with their number."""
    at, draws = f"market.routes.{name}", worlds.draws
    plan, reserve = case.value(f"{at}.list", None), case.value(f"{at}.reserve", None)
    said, stages = plan or {}, walked(case, name)
    known = [route for route, stage in stages
             if case.value(f"market.routes.{route}.stages.{stage}.pool") == "known"]
    nothing, every = np.zeros(draws), int(said.get("reopens_every", 0))

    def of(field, default=None):
        return take(worlds, field, name, lot, default)

    starts = _start(case, f"{at}.list"), _start(case, f"{at}.reserve")
    opens, closes = _window(worlds, months, starts[0], plan, of, f"market.{lot}.award", "fails")
    r_opens, r_closes = _window(worlds, months, starts[1], reserve, of, f"market.{lot}.reserve",
                                "reserve_fails")
    tendered = starts[0] if plan else months
    indexation = said.get("indexation", "provider")
    code(INDEXATION, indexation, f"{at}.list.indexation")
    if reserve and price is None:
        price = of("price")
    found = {field: of(field) if plan else nothing for field in OF_LIST}
    if tendered < 0:
        found["tender"] = nothing
    return found | {
        "stages": len(stages), "every": np.int32(every), "most": np.int32(said.get("most", 0)),
        "registered_only": np.int32(said.get("registered_only", False)),
        "tendered": np.int32(max(tendered, 0)), "teams": np.int32(
            case.value(f"market.routes.{stages[-1][0]}.teams", 1)),
        "opens": opens, "closes": closes, "reserve_opens": r_opens, "reserve_closes": r_closes,
        "reserve_places": np.rint(of("reserve_places") if reserve else nothing).astype(np.int32),
        "reserve_price": of("reserve_price") * price if reserve else nothing,
        "capital": of("capital", 0) if reserve else nothing,
        "joins_later": 1 - (1 - of("joins_later")) ** (every / 12) if plan else nothing,
        "ceiling": of("ceiling", np.inf),
        "loading": (1 + of("risk_loading")) * (1 - of("volume_discount")) if plan else nothing + 1,
        "known": take(worlds, "known", known[-1], lot) if known else nothing,
        "list_index": summed(list_index(indexation, opens, closes, every, *indices)),
        "management": np.stack([of(f"management.{tier}") if plan else nothing
                                for tier in ("small", "middle", "large")], -1)}


def _window(worlds, months, start, plan, of, luck, fails):
    """First month open and first closed again (D,), within 0 to T; T, T for never."""
    never = np.full(worlds.draws, months, np.int32)
    if not plan:
        return never, never
    opens = np.rint(start + of("slippage"))
    closes = opens + plan.get("term", 48)
    none = (worlds.uniform(luck) < of(fails)) | (closes <= 0)
    return tuple(np.where(none, months, np.clip(month, 0, months)).astype(np.int32)
                 for month in (opens, closes))


def _start(case, key):
    """Months from the market's first to when a list or reserve is to open; None without one."""
    if not case.value(key, None):
        return None
    when = case.value(f"{key}.start", None)
    if not when:
        raise ValueError(f"{key}.start: found nothing; allowed the month it is to open, 2026-09")
    (year, month), (first, april) = (map(int, text.split("-"))
                                     for text in (when, case.value("market.from")))
    return 12 * (year - first) + month - april


def _stage(case, lot, route, stage, worlds):
    """Fields of one stage of a route; what it does not say is that of its rule."""
    at = f"market.routes.{route}.stages.{stage}"
    said = case.value(at)
    pool, rule = (said.get(word) for word in ("pool", "rule"))

    def of(field, default=None):
        own = next((key for key in _keys(f"stages.{stage}.{field}", route, lot)[:2]
                    if key in worlds), None)
        return np.array(worlds[own]) if own else take(
            worlds, f"stages.{rule}.{field}", route, lot, default)

    words = {"pool": (POOLS, pool), "order": (ORDERS, said.get("order", "rank")),
             "rule": (RULES, rule), "when": (WHEN, said.get("when", "always"))}
    return {**{field: np.int32(code(*word, f"{at}.{field}")) for field, word in words.items()},
            "invite": np.int32(said.get("invite", 0)),
            "cap": of("cap", None if pool == "direct" else np.inf),
            "share": of("share", 1 - take(worlds, "leakage", route, lot) if pool == "list" else 1),
            **{field: of(field) for field in ("hours", "each", "days")}}
