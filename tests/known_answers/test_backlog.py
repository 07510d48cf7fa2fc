"""Devon's backlog from its own flows, and its release."""

import numpy as np
import pandas as pd
import pytest
from sufficiency.model.placements import backlog


def test_devon_started_less_completed(small_case):
    found = backlog.balance(small_case.published("flows"))["backlog"]
    # 2021: 1,745 - 385 - 914 - 46; 2022: 2,017 - 707 - 932 - 136
    assert found.loc[2021] == 400 and found.loc[2022] == 242
    # agreed 1,292 and 1,326; completed 1,101 + 288 and 1,491 + 218: new plans, not issued
    assert found.loc[2023] == 1292 - 1101 - 288 and found.loc[2024] == 1326 - 1491 - 218


def test_devon_underlying_is_below_the_swollen_year(small_case):
    flows = small_case.published("flows")
    found = backlog.underlying(flows, flows["issued"])
    expected = 2265 * 1326 / (1326 + 819) * 1491 / (1491 + 218)
    assert found.loc[2024] == pytest.approx(expected)
    assert found.loc[2024] < 1491 < found.loc[2024] + backlog.released(flows).loc[2024] + 10


def test_missing_or_odd_requests_leave_new_plans():
    flows = pd.DataFrame({"requests": [np.nan, 900.0], "refused": [1.0, 0.0],
                          "issued": [100.0, 100.0], "not_issued": [5.0, 0.0]}, index=[2020, 2021])
    assert list(backlog.underlying(flows, flows["issued"])) == [100, 100]
    assert list(backlog.underlying(flows[["issued"]], flows["issued"])) == [100, 100]
    assert list(backlog.released(flows[["issued"]])) == [0, 0]


def test_release_adds_up_to_the_backlog():
    paths = backlog.release(np.array([240.0, 240.0]), np.array([30.0, 6.0]), 4)
    assert np.allclose(paths, [[96, 96, 48, 0], [240, 0, 0, 0]])
