"""Every row of what the five reports ask for is met somewhere that is there, or says why not.

Kinds of place: t file::test; k case:key; f Model.field of the paper; s section of the paper;
c module:name; - reason why the row is not met.
"""

import importlib
import re
from datetime import date
from functools import cache

import pytest
from sufficiency.case import load_case
from sufficiency.case.paper import Benefit, Cleared, Delegation, Front, Implication, Paper, Part
from sufficiency.report.document import body
from sufficiency.report.paper import Facts, sections

MODELS = {one.__name__: one for one in (
    Benefit, Cleared, Delegation, Front, Implication, Paper, Part)}
MET = {
    # North Yorkshire
    "NY1": ("f Paper.decisions", "k north_yorkshire:paper.decisions", "k devon:annex.decision"),
    "NY2": ("k north_yorkshire:paper.governance", "c model.contracts.boards:allocate",
            "- partly: the yearly cycle is said in words; requests are not tied to an approved "
            "plan, as no plan of a board was read"),
    "NY3": ("k north_yorkshire:contracts.boards.weights",),
    "NY4": ("k north_yorkshire:market.lots.school_improvement",
            "k north_yorkshire:market.lots.inclusion"),
    "NY5": ("f Benefit.measure",
            "t test_contracts_study::test_reach_is_whole_programmes_over_fees_and_boards_add_up",
            "- partly: a benefit may name its measure; no outcome of a programme is in the report, "
            "so there is no cost per outcome"),
    "NY6": ("k north_yorkshire:paper.governance", "s Assurance statement", "s Comments and clear",
            "- partly: roles and blanks to fill; who approved which version is not recorded"),
    "NY7": ("t test_market_cases::test_north_yorkshires_boards_spend_1_021_500",
            "t test_contracts_study::test_budgets_add_to_the_total_to_the_penny"),
    "NY8": ("t test_contracts::test_budget_shared_to_the_penny",
            "t test_contracts::test_sensitivity_by_hand"),
    "NY9": ("k north_yorkshire:market.routes.best_value_forms", "k devon:market.stages.quotes"),
    "NY10": ("k north_yorkshire:appraisal.criteria.fair",
             "t test_market_outcomes::test_able_providers_by_lot"),
    "NY11": ("k north_yorkshire:market.routes.approved_providers.stages", "f Paper.timetable",
             "t test_contracts::test_stages_of_the_list_that_ends_in_august_2023"),
    "NY12": ("k north_yorkshire:market.slippage", "k north_yorkshire:happened",
             "t test_market_study::test_what_a_late_list_costs"),
    "NY13": ("t test_market_words::test_displacement_service_and_challenge_against_the_reference",
             "k north_yorkshire:appraisal.criteria.local"),
    "NY14": ("k north_yorkshire:market.joins_small", "t test_market_study::"
             "test_a_list_displaces_local_providers_unless_the_burden_is_light"),
    "NY15": ("k north_yorkshire:appraisal.risks.breadth", "k north_yorkshire:market.suits",
             "t test_market_outcomes::test_able_providers_by_lot"),
    "NY16": ("t test_market_by_hand::test_waiting_and_interim_arrangements",
             "k north_yorkshire:market.interim"),
    "NY17": ("t test_law::test_north_yorkshire_reaches_the_threshold_in_its_first_year",
             "t test_market_study::test_north_yorkshire_flags_its_boards_together",
             "c model.market.outcomes:exposure"),
    "NY18": ("t test_market_study::test_at_its_switching_value_nothing_is_saved",
             "k north_yorkshire:market.tender"),
    "NY19": ("t test_market_study::test_the_law_is_that_of_the_reports_day",
             "s The law at the date"),
    "NY20": ("k north_yorkshire:appraisal.risks.challenge", "k north_yorkshire:market.claim"),
    "NY21": ("t test_paper::test_every_section_is_there_and_numbered_in_order",),
    # Devon
    "DV1": ("k devon:annex.decision", "k devon:paper.served"),
    "DV2": ("k devon:appraisal.options.dynamic_market", "k devon:appraisal.options.open_framework"),
    "DV3": ("f Delegation.gate", "f Delegation.consult",
            "t test_paper::test_delegation_names_roles_and_the_gate"),
    "DV4": ("k devon:market.reference", "k devon:market.lots.independent_special"),
    "DV5": ("k devon:market.lots.alternative_provision.registered", "k devon:market.diligence",
            "k devon:appraisal.risks.unregistered"),
    "DV6": ("k devon:market.lots.independent_special",
            "k devon:market.lots.alternative_provision"),
    "DV7": ("k devon:settings.specialist_post16", "c report.tables:BANDS",
            "t test_levers::*"),
    "DV8": ("- the lot is one market: no source splits it by cohort; the cohorts and section 19 "
            "are in the background", "k devon:paper.background"),
    "DV9": ("k devon:market.lots.alternative_provision.stay",
            "t test_market_by_hand::test_stays_are_whole_months_of_a_stated_mean"),
    "DV10": ("c model.safety_valve.movement:movement", "c model.safety_valve.schedules:apply",
             "k devon:safety_valve.agreement"),
    "DV11": ("k devon:appraisal.options.maintained_places",
             "t test_measures::test_places_fill_from_joiners_until_they_are_full"),
    "DV12": ("k devon:market.interim", "k devon:paper.background"),
    "DV13": ("k devon:market.deadline", "t test_market_study::"
             "test_devons_chance_of_missing_january_2026_is_its_late_worlds"),
    "DV14": ("t test_consistency::"
             "test_a_start_of_the_law_that_had_moved_stops_and_one_that_moved_later_warns",
             "t test_law::test_a_date_that_moved_is_known_as_it_was_known"),
    "DV15": ("t test_law::test_the_new_act_has_more_notices_and_the_days_are_added",),
    "DV16": ("f Paper.timetable", "s Timetable", "k devon:paper.consultation"),
    "DV17": ("k devon:appraisal.success_factors",
             "t test_market_outcomes::test_means_of_ratios_are_ratios_of_sums",
             "- nothing is optimised under a floor; service stands beside cost on every route"),
    "DV18": ("f Paper.equality", "k devon:paper.equality"),
    "DV19": ("k devon:safety_valve.income", "t test_market_study::"
             "test_in_the_account_a_route_saves_its_fees", "k devon:paper.governance"),
    "DV20": ("k devon:appraisal.criteria", "k devon:paper.implications"),
    "DV21": ("t test_paper::test_every_section_is_there_and_numbered_in_order",
             "t test_consistency::test_a_key_decision_has_28_clear_days_of_notice"),
    # Northamptonshire
    "NN1": ("k northamptonshire:paper.decisions", "k northamptonshire:paper.delegation"),
    "NN2": ("k northamptonshire:scenarios.trust_delivers", "k devon:market.routes.in_house"),
    "NN3": ("k northamptonshire:appraisal.criteria.oversight", "c model.appraisal.value:evppi"),
    "NN4": ("k northamptonshire:market.routes.fragmented.teams",
            "t test_market_by_hand::test_teams_know_some_providers_and_outsiders_are_off_the_list"),
    "NN5": ("k northamptonshire:market.lots.psychological.court",
            "t test_market_rules::test_a_named_child_costs_the_same_on_every_route"),
    "NN6": ("k northamptonshire:market.diligence",
            "t test_market_by_hand::test_officers_diligence_transport_and_management",
            "- partly: hours to check a provider are costed; there is no checklist of its "
            "insurance and vetting"),
    "NN7": ("c model.contracts.estate:totals", "f Benefit.measure",
            "- partly: spend by kind, category and supplier from a register, which this case has "
            "not; none by team, and no grade of evidence, as no source grades a service"),
    "NN8": ("k northamptonshire:market.routes.gated_spot",
            "- approval limits by role are not in the report"),
    "NN9": ("t test_market_builders::test_direct_call_offs_are_poisson_by_month_with_growth",
            "k northamptonshire:market.lots.paternity"),
    "NN10": ("t test_market_by_hand::test_reserved_places_used_and_empty",),
    "NN11": ("t test_market_cases::test_a_route_is_a_few_lines", "k northamptonshire:market.lots"),
    "NN12": ("k northamptonshire:market.entry", "t test_market_builders::"
             "test_entrants_come_as_a_poisson_process_from_the_second_month_on"),
    "NN13": ("t test_market_oracles::test_ranked_call_off",
             "k northamptonshire:market.quality_weight"),
    "NN14": ("k northamptonshire:market.routes.open_framework.list.reopens_every", "t test_law::"
             "test_northamptonshire_s_yearly_openings_were_for_light_touch_alone"),
    "NN15": ("- one set of criteria serves every opening of a list; there is no version to lock",
             "k northamptonshire:paper.background"),
    "NN16": ("k northamptonshire:scenarios.police_and_schools",
             "- what others would pay of the administration is not in the report"),
    "NN17": ("k northamptonshire:market.management.small",),
    "NN18": ("t test_consistency::test_a_year_that_is_cut_off",
             "t test_paper::test_what_is_wrong_with_a_paper_is_said_in_one_message"),
    "NN19": ("k northamptonshire:paper.consultation",
             "k northamptonshire:appraisal.criteria.small"),
    "NN20": ("k northamptonshire:paper.equality", "f Part.status"),
    "NN21": ("k northamptonshire:appraisal.options.do_nothing",),
    "NN22": ("k northamptonshire:appraisal.options.cease.fails",
             "t test_paper::test_every_option_is_listed_those_that_fail_without_figures"),
    "NN23": ("k northamptonshire:appraisal.options.separate_contracts",),
    "NN24": ("k northamptonshire:market.budget.at_least",
             "t test_consistency::test_the_budget_ties_to_the_lots"),
    "NN25": ("s Finance", "k northamptonshire:scenarios.trust_delivers",
             "t test_paper::test_who_pays_and_risks_in_words"),
    "NN26": ("k northamptonshire:paper.benefits", "f Benefit.owner", "f Benefit.measure"),
    "NN27": ("k northamptonshire:market.volume_discount",
             "k northamptonshire:appraisal.risks.lowest_cost"),
    "NN28": ("k northamptonshire:market.stages.in_turn.each",
             "k northamptonshire:appraisal.risks.too_many"),
    "NN29": ("k northamptonshire:market.management.bounds",
             "k northamptonshire:appraisal.risks.monitoring"),
    "NN30": ("k northamptonshire:appraisal.risks.needs_unknown", "s Risks",
             "k northamptonshire:appraisal.risks.diligence"),
    "NN31": ("k northamptonshire:paper.timetable", "s Timetable"),
    "NN32": ("k northamptonshire:paper.clearances", "f Cleared.cleared", "f Implication.applies",
             "t test_paper::test_what_nobody_said_is_visibly_blank"),
    # Rutland
    "RU1": ("f Front.key_decision", "f Front.exempt", "f Front.portfolio", "s Front sheet"),
    "RU2": ("t test_rutland_case::test_it_is_for_noting_and_recommends_none",),
    "RU3": ("f Paper.governance", "k rutland:paper.governance"),
    "RU4": ("k rutland:paper.governance",
            "- a log of what panels decide holds children's records, which are not read here"),
    "RU5": ("t test_contracts::test_recommissioning_starts_eighteen_months_before_the_end",),
    "RU6": ("k rutland:contracts.pipeline.stages",),
    "RU7": ("- a council's own procedure rules are not in the reports; the law's thresholds by "
            "date are in params/law.yaml, which a council may add to",
            "t test_law_files::test_the_good_file_reads_and_keeps_both_dates"),
    "RU8": ("t test_market_rules::"
            "test_one_able_provider_is_paid_its_posted_fee_capped_only_under_a_ceiling",
            "k rutland:appraisal.risks.one_provider"),
    "RU9": ("k rutland:market.management.small", "k rutland:paper.governance",
            "- partly: hours a year on a provider are costed and meetings are in the governance; "
            "there is no calendar of them"),
    "RU10": ("t test_market_builders::test_direct_call_offs_are_poisson_by_month_with_growth",),
    "RU11": ("k rutland:contracts.register",
             "t test_registers::test_rutland_is_small_and_has_guaranteed_cases_with_extras"),
    "RU12": ("k rutland:paper.governance",
             "- partly: said in words; the register has no reporting line for each contract"),
    "RU13": ("c model.appraisal.value:invest_to_save",
             "- avoided cost is an option's flow; case-level examples are not read"),
    "RU14": ("k rutland:market.registered", "- inspection ratings are in no source read"),
    "RU15": ("k rutland:contracts.published.plans",
             "t test_disclosure::test_small_counts_go_with_what_rests_on_them",
             "t test_rutland_case::test_a_small_council_is_shown_in_its_own_size"),
    "RU16": ("- education otherwise than at school is one setting, elsewhere, of the published "
             "counts; no source splits it", "k rutland:settings.elsewhere"),
    "RU17": ("k rutland:market.stages.quotes.days",
             "t test_market_by_hand::test_urgent_call_offs_pass_slow_stages_but_not_the_last"),
    "RU18": ("- a log of variations needs the council's contract files",),
    "RU19": ("t test_paper::test_who_pays_and_risks_in_words", "c case.quantity:FUNDS"),
    "RU20": ("f Paper.consultation", "k rutland:paper.consultation"),
    "RU21": ("t test_rutland_case::test_when_every_bid_is_above_the_value_there_is_no_block",
             "k rutland:scenarios.tender_2025", "k rutland:happened"),
    "RU22": ("k rutland:appraisal.risks.demand", "c run.market:Market.block"),
    "RU23": ("t test_rutland_case::test_the_block_serves_first_and_the_rest_is_bought",
             "t test_market_oracles::test_block_of_places_by_the_newsvendor"),
    "RU24": ("k rutland:market.lots.psychology.growth",
             "t test_rutland_case::test_cases_for_the_psychologist_follow_the_assessments"),
    "RU25": ("t test_annex_runs::test_a_run_holds_what_it_should",
             "t test_annex_runs::"
             "test_kills_leave_nothing_half_made_and_again_gives_the_same_bytes"),
    "RU26": ("t test_consistency::test_words_the_law_no_longer_used_in_december_2021",
             "t test_rutland_case::"
             "test_the_stale_term_of_the_original_is_found_and_accepted_by_name"),
    "RU27": ("k rutland:market.routes.direct_payment",),
    "RU28": ("f Paper.data_protection", "k rutland:paper.data_protection"),
    "RU29": ("- no evidence was found that sizes what early help avoids; the reports give none",),
    "RU30": ("t test_registers::test_headings_of_the_transparency_code_are_known",
             "k rutland:contracts.register"),
    "RU31": ("t test_documents::test_html_has_language_title_landmarks_and_one_h1",
             "t test_documents::test_word_has_alt_headers_language_and_title",
             "t test_documents::test_pdf_is_tagged_with_language_title_alt_and_headers"),
    # Nottinghamshire
    "NT1": ("k nottinghamshire:annex.decision", "k nottinghamshire:paper.background"),
    "NT2": ("k nottinghamshire:paper.background",
            "t test_contracts_study::test_voids_are_of_blocks_in_force"),
    "NT3": ("t test_appraisal::test_invest_to_save_by_hand",
            "k nottinghamshire:appraisal.options.two_bed_home"),
    "NT4": ("k nottinghamshire:paper.governance",),
    "NT5": ("t test_registers::test_nottinghamshires_published_totals_are_met",
            "t test_contracts_study::test_growth_and_top_tie_to_the_payments"),
    "NT6": ("c model.contracts.estate:concentration", "t test_contracts::test_growth_by_hand",
            "t test_contracts::test_index_of_four_firms"),
    "NT7": ("k nottinghamshire:contracts.published.block_places",
            "t test_contracts::test_voids_by_hand"),
    "NT8": ("c model.contracts.estate:totals",
            "t test_contracts_study::test_suppliers_of_one_list_are_one_agreement"),
    "NT9": ("k nottinghamshire:appraisal.options.joint",
            "k nottinghamshire:contracts.published.on_contract"),
    "NT10": ("k nottinghamshire:paper.timetable", "c model.contracts.pipeline:pipeline"),
    "NT11": ("t test_registers::test_nottinghamshires_spot_contracts_rise_past_a_hundred",
             "k nottinghamshire:market.leakage"),
    "NT12": ("k nottinghamshire:market.routes.cascade",
             "t test_market_rules::test_no_price_is_above_a_ceiling_or_a_cap"),
    "NT13": ("k nottinghamshire:paper.governance", "c run.contracts:Contracts.pipeline"),
    "NT14": ("t test_contracts::test_gaps_by_hand", "k nottinghamshire:happened",
             "k nottinghamshire:scenarios.as_it_turned_out"),
    "NT15": ("t test_consistency::test_options_text_of_another_report",
             "t test_nottinghamshire_case::"
             "test_the_faults_of_the_original_are_found_and_accepted_by_name"),
    "NT16": ("k nottinghamshire:paper.implications", "s Implications"),
    "NT17": ("k nottinghamshire:paper.comments", "f Implication.applies", "s Finance"),
    "NT18": ("t test_consistency::test_comments_dated_ten_weeks_before_the_meeting",
             "t test_consistency::test_comments_older_than_the_newest_figure"),
}  # fmt: skip


@pytest.fixture(scope="module")
def headings():
    empty = Facts(council="", title="A", decision="approve", as_at=date(2021, 5, 25), paper={})
    return re.findall(r"^# (.*)", body(sections(empty, "public"))[0], re.MULTILINE)


@cache
def case(root, name):
    return load_case(name, root=root)


def there(root, headings, kind, place):
    """Whether a place is there."""
    if kind == "t":
        name, test = place.split("::")
        files = list((root / "tests").glob(f"*/{name}.py"))
        wanted = "def test_" if test == "*" else f"def {test}("
        return len(files) == 1 and wanted in files[0].read_text(encoding="utf-8")
    if kind == "k":
        council, key = place.split(":")
        made = case(root, council)
        scenario = key.startswith("scenarios.") and key.removeprefix("scenarios.")
        return scenario in made._tree.data["scenarios"] if scenario else \
            key in made or made.value(key, None) is not None
    if kind == "f":
        model, field = place.split(".")
        return field in MODELS[model].model_fields
    if kind == "s":
        return any(place in head for head in headings)
    module, names = place.split(":")
    found = importlib.import_module(f"sufficiency.{module}")
    for name in names.split("."):
        found = getattr(found, name)
    return True


@pytest.mark.parametrize("row", MET)
def test_a_requirement_is_met_where_it_is_said_to_be(root, headings, row):
    for said in MET[row]:
        kind, place = said.split(" ", 1)
        assert kind in "tkfsc-"
        assert kind == "-" or there(root, headings, kind, place), said


def test_every_row_is_there_and_no_other(shared):
    text = (shared / "reports" / "requirements.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:NY|DV|NN|RU|NT)\d+) \|", text, re.MULTILINE)
    assert len(rows) == len(set(rows)) > 100
    assert list(MET) == rows


def test_a_place_that_is_not_there_is_found(root, headings):
    for kind, place in (("t", "test_paper::test_nothing"), ("k", "devon:paper.nothing"),
                        ("k", "devon:scenarios.nothing"), ("f", "Front.nothing"),
                        ("s", "No such section")):
        assert not there(root, headings, kind, place)
    with pytest.raises(AttributeError):
        there(root, headings, "c", "case.paper:nothing")
