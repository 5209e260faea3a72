"""The report of a build as a page: the figures of its document, for a person, whatever the document holds."""

from copy import deepcopy
from typing import Any

import pytest

from expertbuild.pages.plots import Whisker, bars, curve, intervals
from expertbuild.report.folder import OVERVIEW
from expertbuild.report.overview import overview
from expertbuild.report.page import page
from runtime.artifact.schema import check
from tests.browsed import HOSTILE, check_harmless
from tests.report.samples import early, refused, report


@pytest.mark.parametrize("made", [report(), refused(), early()], ids=lambda made: made["state"])
def test_a_document_of_any_ending_has_a_page_that_loads_nothing(made: dict[str, Any]) -> None:
    check(made, "build-report", "sample")
    assert check_harmless(page(made, OVERVIEW)) == [OVERVIEW]


def test_the_page_says_what_the_document_says() -> None:
    said = page(report(), OVERVIEW)
    for figure in (
        *("90.0 %", "right (80.0 to 100.0)", "its base (0.0 to 20.0)", "+80.0", "points better (60.0 to 100.0)"),
        *("640.0 kB", "1 min 30 s", "dora, rank 12", "above 20.0 points", "497.0 kB", "61,440", "0.02 on 8 prompts"),
        *("passed the gate", "made 2026-01-02 03:04 UTC", "the expert scores +40.0 points (20.0 to 60.0)"),
        *("asks what another row asks", "sources.0.path", "q_proj, v_proj", "small numbers only", "ab" * 32),
    ):
        assert figure in said, figure
    assert said.count("<h2>Good outputs</h2>") == 1 and "answered, as wanted" in said and "say 3\nplease" in said


def test_a_refused_build_says_why_and_that_no_package_came_of_it() -> None:
    said = page(refused(), OVERVIEW)
    assert "refused by the gate" in said and "the expert scored too little. Train longer." in said
    assert "No package came of this build." in said and "right (80.0 to 100.0)" in said


def test_a_build_that_failed_early_says_what_was_to_be_built() -> None:
    said = page(early(), OVERVIEW)
    assert "there are no rows" in said and "sources.0.path" in said and "Scores" not in said


def test_a_build_for_several_bases_has_the_sections_of_each() -> None:
    made = report()
    made["variants"]["tiny"] = deepcopy(made["variants"]["nano"])
    said = page(made, OVERVIEW)
    assert (
        "<h2>Scores, on nano</h2>" in said and "<h2>Scores, on tiny</h2>" in said and said.count("<h2>Times</h2>") == 1
    )


FREE = (
    "one",
    "two",
    "new words",
    "train, prompt",
    "nano",
    "rows.jsonl",
    "statement.json",
    "torch",
)  # names, not fields


def poisoned(value: Any) -> Any:
    """The same with hostile text wherever text can stand."""
    if isinstance(value, dict):
        return {f"{key}{HOSTILE}" if key in FREE else key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_text_in_every_field_is_shown_and_not_obeyed() -> None:
    made = poisoned(report())
    made["failures"] = [{"step": HOSTILE, "what": HOSTILE, "hint": HOSTILE}]
    said = page(made, OVERVIEW)
    assert check_harmless(said) == [OVERVIEW]
    assert said.count("&lt;script&gt;") > 40 and "\\x1b" in said
    [link] = check_harmless(overview([("expert-one-0.1.0.html", made)]))
    assert link == "expert-one-0.1.0.html"


def test_plots_keep_their_places_and_say_what_they_show() -> None:
    drawn = intervals([("all", "said", [Whisker(1.0, 0.5, 1.2), Whisker(0.0, -0.1, 0.2)])], ("expert", "base"))
    assert 'x1="50.00%" x2="100.00%"' in drawn and 'x1="0.00%" x2="20.00%"' in drawn and 'cx="100.00%"' in drawn
    assert 'aria-label="expert, base: 1 rows' in drawn
    assert 'width="50.00%"' in bars([("a", 4), ("b", 2)]) and ">2 s<" in bars([("a", 2)], "seconds", ["2 s"])
    assert intervals([], ("expert",)) == bars([]) == curve({"training": []}, "steps") == ""


def test_a_curve_is_drawn_of_any_losses() -> None:
    for points in ([[1, 0.0]], [[1, 0.5]], [[5, 0.5], [10, 0.5]], [[n, 10.0**-n] for n in range(12)]):
        drawn = curve({"training": points}, "steps")
        assert drawn.count("<polyline") == 1 and "nan" not in drawn and "inf" not in drawn
        heights = [float(pair.split(",")[1]) for pair in drawn.split('points="')[1].split('"')[0].split()]
        assert all(0 <= height <= 150 for height in heights)


def test_the_page_tells_form_the_last_release_and_the_company() -> None:
    text = page(report(), "experts.html")
    assert "Well formed, right or wrong, are 100.0 % (90.0 to 100.0) of the expert" in text
    assert "Against release 0.0.9 on the same 20 cases: +80.0 points" in text
    assert "16 got better and 0 worse" in text
    assert "cases it takes from local/expert-other" in text and "2 of 30" in text
    assert "cases of else/expert-far" in text and "not here" in text
    first = report()
    first["variants"]["nano"]["released"] = None
    assert "There is no earlier release to compare with." in page(first, "experts.html")
