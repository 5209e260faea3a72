"""The frozen background: heads are trained against it, so it must never change under its name."""

import hashlib
from pathlib import Path

from runtime.router import background


def test_the_background_is_the_one_that_heads_were_trained_against() -> None:
    content = (Path(background.__file__).parent / "background-1.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "5259b8b61b4ea5b9dd2313df0361f7dd78935f7556233c6911b4385476e91cb3"


def test_the_court_hears_no_lesson() -> None:
    assert set(background.court()).isdisjoint(background.lessons())
    assert (
        len(background.court()) + len(background.lessons())
        == len(background.prompts())
        == len(set(background.prompts()))
    )


def test_lines_hold_prompts_with_line_breaks() -> None:
    assert any("\n```java\n" in prompt for prompt in background.prompts())
