"""What the law of the day says of a market: like purchases summed, the proposal, a challenge."""

from sufficiency.case.law import read_law
from sufficiency.case.procurement import aggregation, checks, position
from sufficiency.model.market.outcomes import exposure
from sufficiency.model.market.routes import nearest_key
from sufficiency.run.market import FEES

# Worlds in which two delays are set side by side.
SOME = 400
AT_RISK = ("claim", "legal_costs", "lost_margin")


def bought(market):
    """Yearly value of the lots by what justifies it, GBP: {justification: value}.

    A lot by case is its price times its requests, at central values; another is what the reference
    spends in the simulation. Families and courts name their shares of a lot.
    """
    found = dict.fromkeys(("user_choice", "court_ordered", "unjustified"), 0.0)
    for lot in market.lots:
        named, court = (market.case[nearest_key(market.case, name, lot=lot)].central_value()
                        for name in ("named", "court"))
        shares = (named, court, 1 - named - court)
        found = {name: found[name] + share * _value(market, lot)
                 for name, share in zip(found, shares, strict=True)}
    return found


def _value(market, lot):
    if market.told(f"lots.{lot}.basis", "place") == "case":
        of = f"market.lots.{lot}"
        return (market.case[f"{of}.price"].central_value()
                * market.case[f"{of}.call_offs"].central_value())
    cost = market.results["cost"].sel(lot=lot, route=market.reference, item=list(FEES))
    return float(cost.sum(("item", "financial_year")).mean("draw")) / len(market.years)


def challenged(market):
    """Exposure to challenge on the reference and the proposal: {route: of `exposure`}, GBP a year.

    At risk is what neither families nor courts decide.
    """
    value = bought(market)["unjustified"]
    return {route: exposure(value, *(market.worlds[nearest_key(market.case, name, route)]
                                     for name in AT_RISK))
            for route in (market.reference, market.proposal)}


def legal(market):
    """The legal position at the case's date: (findings, Aggregation, light-touch Threshold).

    VAT is counted as the lots say, at the highest; where one does not, as the law's standard.
    """
    case, law = market.case, read_law(market.study.root)
    route = market.told(f"routes.{market.proposal}")
    listed, day, known = route.get("list") or {}, case.as_at, case.known_by or None
    ranked = any(stage["pool"] == "list" and stage["rule"] != "competition"
                 for stage in route["stages"].values())
    start, term, again = (listed.get(name, 0) for name in ("start", "term", "reopens_every"))
    found = position(law, day, known)
    found += checks(law, day, route["kind"], start if start and start > f"{day:%Y-%m}" else None,
                    again if again > 1 else 0, term or 48, ranked=ranked or None, known_by=known)
    rates = [market.told(f"lots.{lot}.vat") for lot in market.lots]
    vat = None if None in rates else max(rates)
    whole = aggregation(law, day, bought(market), (term or 48) / 12, vat=vat, known_by=known)
    return found, whole, law.threshold("light_touch", day, known)


def delayed(market, months=12):
    """What opening so many months late instead of in time saves the proposal a year: GBP, error.

    In the same worlds; below 0 it costs more.
    """
    late, soon = (market.saving(market.changed({"slippage": slip}, SOME))
                  for slip in (months, 0))
    change = late - soon
    return change.mean(), change.std() / change.size**0.5
