"""Errors of a fit, in words and as a picture."""

from dataclasses import replace
from types import MappingProxyType
from xml.etree import ElementTree

import numpy as np
import pytest

from moe_studio.calibration.report import (
    Check,
    FitReport,
    Residual,
    band_errors,
    markdown,
    median_and_p90,
    picture,
    shared_variance,
)
from moe_studio.calibration.store import facts_of
from moe_studio.kernel.fitted import Calibration, Evidence, Fitted

SIZE = np.array([1.0, 2.0, 20.0, 300.0, 5000.0])
RATIO = np.array([1.1, 0.9, 1.2, 1.0, 9.0])


def report() -> FitReport:
    evidence = Evidence(held_out=band_errors(SIZE, RATIO, (1, 17, 129)))
    fitted = Fitted(parameters=None, evidence=evidence)
    families = MappingProxyType({"gemm": {"a<b": fitted}})
    residual = Residual(family="gemm", variant="a<b", size_name="m", size=SIZE, ratio=RATIO)
    calibration = Calibration(facts=facts_of("h100-sxm"), families=families)
    return FitReport(calibration=calibration, residuals=(residual,), notes=("table.csv: 3 rows set aside",))


def test_errors_are_taken_in_each_band() -> None:
    bands = band_errors(SIZE, RATIO, (1, 17, 129))
    assert [(band.low, band.high, band.rows) for band in bands] == [(1, 17, 2), (17, 129, 1), (129, 10000, 2)]
    assert [round(band.median, 3) for band in bands] == [0.1, 0.2, 4.0]


def test_median_and_ninetieth_percentile() -> None:
    assert median_and_p90(RATIO)[0] == pytest.approx(0.1)
    assert np.isnan(median_and_p90(np.empty(0))[0])


def test_the_text_has_a_row_for_each_band_and_the_notes() -> None:
    text = markdown(report())
    assert "| gemm | a<b | all | 5 | 10.0 % | 488.0 % |" in text
    assert "|  |  | 17 ≤ m < 129 | 1 | 20.0 % | 20.0 % |" in text
    assert "* table.csv: 3 rows set aside" in text


def test_harder_checks_stand_in_a_table_of_their_own() -> None:
    check = Check(
        family="deepep", variant="x", about="without nodes 2", rows=1200, median=0.093, p90=0.148, shared=0.31
    )
    text = markdown(replace(report(), checks=(check,)))
    assert "| deepep | x | without nodes 2 | 1,200 | 9.3 % | 14.8 % | 0.31 |" in text
    assert "## Where more than the shape is new" not in markdown(report())


def test_the_picture_is_xml_and_keeps_outliers_inside() -> None:
    root = ElementTree.fromstring(picture(report()))
    circles = [node for node in root if node.tag.endswith("circle")]
    assert len(circles) == 5
    assert all(0 <= float(circle.get("cy", "")) <= float(root.get("height", "")) for circle in circles)


def test_a_fit_without_held_out_rows_still_has_a_picture() -> None:
    empty = Residual(family="gemm", variant="bf16", size_name="m", size=np.empty(0), ratio=np.empty(0))
    calibration = Calibration(
        facts=facts_of("h100-sxm"), families={"gemm": {"bf16": Fitted(parameters=None, evidence=Evidence())}}
    )
    ElementTree.fromstring(picture(FitReport(calibration=calibration, residuals=(empty,), notes=())))


def test_the_share_that_errors_have_in_common_is_found_again() -> None:
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(400), 5)
    common, own = draw.normal(0, 0.06, 400)[group], draw.normal(0, 0.08, 2000)
    assert shared_variance(np.exp(common + own), group) == pytest.approx(0.36, abs=0.06)
    assert shared_variance(np.exp(own), group) == pytest.approx(0, abs=0.05)
    assert shared_variance(np.full(10, 1.1), np.zeros(10)) == pytest.approx(1)
    assert np.isnan(shared_variance(np.full(3, 1.1), np.arange(3)))
