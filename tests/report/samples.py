"""A document of a build, small and whole, that tests change as they like."""

from typing import Any

KEY = "ab" * 32


def figure(value: float, low: float, high: float, n: int = 20) -> dict[str, Any]:
    return {"value": value, "interval": [low, high], "n": n}


def compared(base: float = 0.1, expert: float = 0.9) -> dict[str, Any]:
    return {
        "n": 20,
        "base": figure(base, max(base - 0.1, 0), base + 0.1),
        "expert": figure(expert, expert - 0.1, min(expert + 0.1, 1)),
        "difference": figure(expert - base, expert - base - 0.2, min(expert - base + 0.2, 1)),
        "changed": {"better": 16, "worse": 0},
    }


def case(number: int, score: float) -> dict[str, Any]:
    return {
        "id": f"case-{number}",
        "stratum": "one" if number % 2 else "two",
        "part": "new words",
        "asked": f"say {number}\nplease",
        "expected": f"{number}",
        "expert": {
            "answered": f"{number}" if score else "?",
            "score": score,
            "reason": "equal" if score else "differs",
        },
        "base": {"answered": "!", "score": 0.0, "reason": "differs"},
    }


def unguided() -> dict[str, Any]:
    side = {
        "with": figure(0.9, 0.8, 1.0),
        "without": figure(0.5, 0.4, 0.6),
        "difference": figure(0.4, 0.2, 0.6),
        "format_kept": {"with": figure(1.0, 0.9, 1.0), "without": figure(0.25, 0.1, 0.4)},
    }
    return {"n": 20, "expert": side, "base": side}


def variant() -> dict[str, Any]:
    stored = {"kind": "bf16", "difference": 0.02, "tolerance": 0.25, "prompts": 8}
    return {
        "base": {"name": "nano", "license": "Apache-2.0", "digest": "d" * 64, "tokenizer_digest": "e" * 64},
        "adapter": {"kind": "dora", "r": 12, "targets": ["q_proj", "v_proj"]},
        "train": {"steps": 900, "learning_rate": None},
        "compile": {"compress": "bf16"},
        "recipe": {"use": "offline", "sources": [{"kind": "files", "path": "rows.jsonl"}]},
        "decoding": {"system": None, "grammar": "grammar.gbnf", "stop": []},
        "measured": {"scorer": {"kind": "exact_match"}, "cases": 20, "margin": 0.2, "confidence": 0.95},
        "seed": 0,
        "data": {
            "rows": {"train": 100, "validation": 10, "test": 20},
            "drawn": {"rows.jsonl": 140},
            "dropped": [{"transform": "dedup_exact", "reason": "asks what another row asks", "rows": 10}],
            "strata": {"one": 60, "two": 40},
            "tokens": {"train, prompt": {"median": 12, "p95": 20, "longest": 33, "total": 1300}},
        },
        "curve": {
            "training": [[10, 3.0], [20, 0.5], [30, 0.0]],
            "validation": [[30, 0.25]],
            "learning_rate": 0.005,
            "tokens": 61_440,
            "steps": 30,
        },
        "trained_size": 995_000,
        "compiled": {
            "prompts": 8,
            "largest_difference": 1e-5,
            "tolerance": 1e-3,
            "compression": stored,
            "bytes": 497_000,
            "kind": "dora",
        },
        "evaluation": {
            "scorer": {"kind": "exact_match"},
            "grammar": True,
            "confidence": 0.95,
            "overall": compared(),
            "strata": {"one": compared(0.0, 1.0), "two": compared(0.2, 0.8)},
            "parts": {"new words": compared()},
            "well_formed": {"base": figure(0.5, 0.4, 0.6), "expert": figure(1.0, 0.9, 1.0), "broken": []},
        },
        "released": {
            **{key: value for key, value in compared().items() if key != "base"},
            "released": figure(0.8, 0.7, 0.9),
            "version": "0.0.9",
            "id": KEY,
            "worse": [],
        },
        "unguided": unguided(),
        "examples": {"good": [case(1, 1.0), case(2, 1.0)], "bad": [case(3, 0.0)]},
    }


def report(name: str = "expert-one", version: str = "0.1.0") -> dict[str, Any]:
    return {
        "format": "build-report/1",
        "expert": {
            "publisher": "local",
            "name": name,
            "version": version,
            "summary": "Says numbers.",
            "license": "Apache-2.0",
            "limitations": ["small numbers only"],
        },
        "state": "built",
        "failures": [],
        "finished": "2026-01-02T03:04:05+00:00",
        "package": {
            "file": f"{name}-{version}.expert",
            "id": KEY,
            "signed_by": "0123456789abcdef",
            "size": 640_000,
            "members": {"variants/nano/slots.safetensors": 497_000, "statement.json": 9_000},
        },
        "company": {
            "format": "company/1",
            "expert": f"local/{name}",
            "own": {"n": 20, "reached": 19, "lost": {"no expert": 1}},
            "others": {"local/expert-other": {"n": 30, "taken": 2, "share": figure(0.067, 0.02, 0.2, 30), "cases": []}},
            "unmeasured": ["else/expert-far"],
        },
        "variants": {"nano": variant()},
        "steps": [
            {"id": f"train[{name},nano]", "seconds": 90.0, "finished": "2026-01-02T03:03:00+00:00", "size": 995_000, "key": KEY},
            {"id": f"package[{name}]", "seconds": 0.5, "finished": "2026-01-02T03:04:05+00:00", "size": 640_000, "key": KEY},
        ],
        "libraries": {"python": "3.11.7", "torch": "2.13.0"},
    }  # fmt: skip


def refused(name: str = "expert-two") -> dict[str, Any]:
    """One that the gate did not let through."""
    failure = {"step": f"package[{name}]", "what": "no package: the expert scored too little.", "hint": "Train longer."}
    return {**report(name), "state": "refused", "package": None, "failures": [failure]}


def early(name: str = "expert-three") -> dict[str, Any]:
    """One that failed before anything came of it."""
    known = ("adapter", "train", "compile", "recipe", "decoding", "measured", "seed")
    gone = dict.fromkeys(("data", "curve", "trained_size", "compiled", "evaluation", "released", "unguided"))
    begun = {"base": {"name": "nano", "license": "Apache-2.0"}, **{key: variant()[key] for key in known}, **gone}
    failure = {"step": f"dataset[{name},nano]", "what": "there are no rows.", "hint": ""}
    return {
        **report(name),
        "state": "failed",
        "package": None,
        "finished": None,
        "steps": [],
        "libraries": {},
        "failures": [failure],
        "variants": {"nano": {**begun, "examples": {"good": [], "bad": []}}},
    }
