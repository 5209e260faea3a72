"""A build as a user sees it: from one command to an installed package, and every way it can end."""

import json
import re
import signal
import subprocess
import sys
import time

from tests.road.roads import SMOKE, TOP, Road

HEAVY = ("torch", "transformers", "peft", "datasets")


def test_a_build_ends_with_the_score_the_package_and_the_next_command(road: Road) -> None:
    out = (road.folder / "first.out").read_text(encoding="utf-8")
    assert re.search(r"local/expert-json 0\.1\.0 on nano: .* its base .* n = 12, 95% intervals", out)
    assert re.search(r"^package +build/expert-json-0\.1\.0\.expert ", out, re.M)
    assert re.search(r"^installed +local/expert-json 0\.1\.0 \(trusted\)", out, re.M)
    assert re.search(r"^next +python -m runtime\.serve$", out, re.M)
    assert (road.folder / "build" / "expert-json-0.1.0.expert").is_file()


def test_in_a_pipe_progress_is_plain_lines(road: Road) -> None:
    err = (road.folder / "first.err").read_text(encoding="utf-8")
    assert "train[expert-json,nano]: done in" in err
    assert "\x1b" not in err and "\r" not in err


def test_a_build_with_nothing_to_do_runs_no_action_and_imports_nothing_heavy(road: Road) -> None:
    program = (
        "import sys; from expertbuild.cli import main\n"
        f"code = main(['expert=expert-json', *{SMOKE!r}])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=road.folder, env=road.env, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr
    states = {line.split(": ")[1] for line in done.stderr.splitlines()}
    assert states == {"up to date"}


def test_a_dry_run_says_what_would_happen_and_does_none_of_it(road: Road) -> None:
    done = road.run("expert=expert-json", *SMOKE, "train.steps=5", "dry_run=true")
    said = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert said["dataset[expert-json,nano]"].strip() == "up to date"
    assert said["train[expert-json,nano]"].strip() == "would be built"
    assert done.returncode == 0


def test_why_names_the_field_that_changed(road: Road) -> None:
    done = road.run("why", "expert=expert-json", *SMOKE, "adapter.r=16")
    assert "train[expert-json,nano]: adapter.r 12 -> 16" in done.stdout.splitlines()
    assert "dataset[expert-json,nano]: up to date" in done.stdout.splitlines()


def test_the_log_as_json_is_one_object_a_line(road: Road) -> None:
    done = road.run("expert=expert-json", *SMOKE, "log=json")
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {event["event"] for event in events} == {"planned", "hit"}
    assert len({event["step"] for event in events}) == 9


def test_a_build_that_does_not_beat_its_base_leaves_no_package(road: Road) -> None:
    target = road.folder / "build" / "expert-json-0.1.0.expert"
    before = target.read_bytes()
    done = road.run("expert=expert-json", *SMOKE, "evaluation.margin=1")
    assert done.returncode == 1
    assert re.search(r"no package: the expert scored .* a margin of 100\.0 points was asked for", done.stderr)
    assert "Traceback" not in done.stderr
    assert target.read_bytes() == before


def test_a_target_before_the_package_says_where_its_result_lies(road: Road) -> None:
    done = road.run("expert=expert-json", *SMOKE, "target=adapter")
    step, _, path = done.stdout.strip().partition(": ")
    assert step == "train[expert-json,nano]"
    listed = subprocess.run(["ls", path], capture_output=True, text=True).stdout.split()
    assert {"adapter_config.json", "adapter_model.safetensors", "curve.json"} <= set(listed)


def test_ctrl_c_in_the_middle_of_training_is_one_line_and_the_next_run_goes_on(road: Road) -> None:
    words = ("expert=expert-json", *SMOKE, "train.steps=4000", "train.checkpoint_every=1", "target=train")
    process = road.start(*words)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("train") and ("started" in line or "goes on" in line):
            break
    checkpoints = road.folder / "home" / "cache" / "work"
    until = time.monotonic() + 240
    while time.monotonic() < until and not any(path.is_file() for path in checkpoints.rglob("checkpoint*")):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    again = road.start(*words)
    assert again.stderr is not None
    said = ""
    for line in again.stderr:
        said += line
        if line.startswith("train"):
            break
    again.send_signal(signal.SIGINT)
    again.communicate(timeout=60)
    assert "train[expert-json,nano]: goes on where it was stopped" in said


def test_the_users_mistakes_are_sentences_and_end_with_2(fresh: Road) -> None:
    for words, sentence in (
        (("expert=expert-jsom",), 'there is no expert "expert-jsom". Did you mean expert-json?'),
        (("expert=expert-json", "adapter=dorra"), "dorra"),
        (("expert=expert-json", "base=nona"), "nona"),
        (("expert=expert-json", "target=packet"), "packet"),
        (("expert=expert-json", "train.steps=many"), "train.steps"),
        (("expert=expert-json", "log=loud"), "loud"),
        ((), "which expert?"),
    ):
        done = fresh.run(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_written_is_one_sentence(fresh: Road) -> None:
    place = fresh.folder / "file"
    place.write_text("not a folder", encoding="utf-8")
    done = fresh.run("expert=expert-json", *SMOKE, f"paths.cache={place}/cache")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(place) in done.stderr


def test_a_wheel_built_from_the_tree_works_outside_it(fresh: Road) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", fresh.folder / "dist", TOP],
        check=True,
        capture_output=True,
    )
    [wheel] = (fresh.folder / "dist").glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--target", fresh.folder / "site", wheel],
        check=True,
        capture_output=True,
    )
    program = "import runtime, sys; print(runtime.__file__); from expertbuild.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "expert=expert-json", "dry_run=true"],
        cwd=fresh.folder,
        env={**fresh.env, "PYTHONPATH": str(fresh.folder / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert str(fresh.folder / "site") in done.stdout.splitlines()[0]
    assert "train[expert-json,nano]" in done.stdout
