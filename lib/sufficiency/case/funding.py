"""The plain leaves of a high needs account: which keys there are, and what each may say."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from sufficiency.case.quantity import Model, Month, period

BASES = ("gross", "after_council", "after_council_and_dfe")
SCHEDULES = ("none", "agreement", "stability_grant", "override_end", "central_funding")


def _financial_year(value):
    if type(period(value)) is int:
        raise ValueError("a financial year such as 2025-26")
    return value


FinancialYear = Annotated[str, BeforeValidator(str), AfterValidator(_financial_year)]
# An assumption, checked as every other is.
Number = Any


class Opening(Model):
    """What the account opens with, at the 31 March that ends a financial year."""

    year: FinancialYear | None = None
    basis: Literal[BASES] | None = None
    balance: Number = None
    council_money: Number = None
    dfe_money: Number = None
    other_blocks: Number = None


class Income(Model):
    """The block, on one basis."""

    basis: Literal["after_deductions", "before_deductions"] = "after_deductions"
    block_growth: Number = None
    recouped_growth: Number = None
    import_export: Number = None
    block_transfer: Number = None


class Suspension(Model):
    """When a payment of the agreement stops, and when it comes after all."""

    over: Number = None
    back_paid_after: Number = None


class Agreement(Model):
    """A Safety Valve agreement, and the scenario that dates the case to its signing."""

    known: Month | None = None
    scenario: str = ""
    balance_from: FinancialYear | None = None
    limits: Number = None
    stricter_limits: Number = None
    payments: Number = None
    total: Number = None
    suspension: Suspension = Suspension()


class StabilityGrant(Model):
    """The High Needs Stability Grant."""

    known: Month | None = None
    share: Number = None
    ineligible: Number = None
    deficit_at: FinancialYear | None = None
    paid_in: FinancialYear | None = None
    later_payments: StrictBool = False


class Override(Model):
    """The statutory override."""

    known: Month | None = None
    ends: Number = None


class CentralFunding(Model):
    """From when new overspends are met centrally, and what becomes of the balance of before."""

    known: Month | None = None
    first: FinancialYear | None = Field(None, alias="from")
    legacy: Literal["stays", "charged"] = "stays"
    source: str = ""


class Monitoring(Model):
    """How far the council's own forecasts of the year are trusted."""

    error: Number = None
    floor: Number = None
    savings_error: Number = None


class Programme(Model):
    """The whole savings programme, and which set of measures it is."""

    set: str = ""
    savings: Number = None


class Funding(Model):
    """Section `safety_valve` of a case; measures and causes are checked in `measures`."""

    opening: Opening = Opening()
    income: Income = Income()
    schedule: Literal[SCHEDULES] | None = None
    agreement: Agreement = Agreement()
    stability_grant: StabilityGrant = StabilityGrant()
    override: Override = Override()
    central_funding: CentralFunding = CentralFunding()
    monitoring: Monitoring = Monitoring()
    programme: Programme = Programme()
    earlier_forecast: str = ""
    sensitivities: dict[str, dict[str, str]] = Field(default_factory=dict)
    reference_class: dict[str, Any] | None = None
    interest_rate: Number = None
    usable_reserves: Number = None
    contributions: Number = None
    delivery: Number = None
    slippage: Number = None
    further_delay: Number = None
    causes: Any = None
    measures: Any = None


def said(node):
    """A section without what `null` takes away."""
    if not isinstance(node, dict):
        return node
    return {key: said(child) for key, child in node.items() if child is not None}
