"""Random old manifests: every field that is known, in its spellings and with odd values, and fields that nobody knows."""

from typing import Any

from hypothesis import strategies as st

WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "???", "${oc.env:HOME}", "\\${x}", "no", "1e3", "null", "- a", "a: b", "# x", "'", '"', "{}", "a\nb",
         "  lead", "tail \\", "\x1b[31m", "\u202e", "/home/me/x", "../..", "~", "2024-01-01", "0x1F", "@x", "a | b", "..."]
    ),
)  # fmt: skip
SCALARS: Any = st.one_of(st.none(), st.booleans(), st.integers(-5, 10**18), st.floats(-1e6, 1e6), WORDS)
ANYTHING: Any = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)
KEYS = st.text(max_size=12) | st.sampled_from(["hooks", "command", "trust_remote_code", "x_path", "sha256", "notes"])
NUMBERS = st.one_of(st.none(), st.integers(-3, 3000), st.floats(-2, 100), st.sampled_from([1e300, 0, 10**17]))
WHOLE = st.one_of(st.none(), st.integers(-3, 200_000), st.sampled_from([3.0, 10**17]))
FLAGS = st.none() | st.booleans()
DIGESTS: Any = st.one_of(st.sampled_from(["", None, "abc", "0" * 64, "sha256:" + "ab" * 32]), ANYTHING)
TEXTS = st.one_of(st.none(), WORDS, st.lists(WORDS, max_size=4))
KIND = st.sampled_from(
    ["lora", "dora", "LoRA", "qlora", "rslora", "ia3", "loha", "lokr", "adalora", "prefix", "x", None, ""]
)
NAMES = ["Qwen3-0.6B", "Qwen/Qwen3-0.6B", "SmolLM2-135M", "/models/x", "", None, "Ü", "nano", "a b"]


def fields(**known: Any) -> Any:
    """An object with some of these fields, and some that nobody knows."""
    some = st.fixed_dictionaries({}, optional=known)
    return st.builds(lambda ours, theirs: {**theirs, **ours}, some, st.dictionaries(KEYS, ANYTHING, max_size=2))


def maybe(strategy: Any) -> Any:
    return st.none() | strategy


TARGETS = st.none() | st.just("all-linear") | st.lists(
    st.sampled_from(["q_proj", "k_proj", "down_proj", "lm_head", "x.v_proj", ""]), max_size=4
)  # fmt: skip
ADAPTER = fields(
    type=KIND, rank=WHOLE, r=WHOLE, alpha=NUMBERS, lora_alpha=NUMBERS, dropout=NUMBERS, scaling=NUMBERS, use_dora=FLAGS,
    use_rslora=FLAGS, target_modules=TARGETS, path=WORDS, file_size=WHOLE, sha256=DIGESTS, learning_rate=NUMBERS,
    feedforward_modules=TARGETS, factor=WHOLE,
)  # fmt: skip
ADAPTERS = st.lists(ADAPTER, max_size=3) | ADAPTER
BASE_FIELDS: dict[str, Any] = {
    "name": st.sampled_from(NAMES), "hf_repo": st.sampled_from(NAMES), "revision": WORDS, "sha256": DIGESTS,
    "quantization": ANYTHING, "rope_scaling_factor": ANYTHING, "adapters": maybe(ADAPTERS),
}  # fmt: skip
BASE = fields(**BASE_FIELDS)
RANGES = st.sampled_from(
    ["expert-json>=1.0", "a/b-expert ~=1.2, <2", "x==1", "../..", "self", "y@latest", ">=1", "é", ""]
)
RELATIONS: Any = st.none() | st.lists(RANGES, max_size=4) | st.dictionaries(RANGES, RANGES, max_size=3)
DECODING = fields(
    use_grammar=FLAGS, grammar_file=WORDS, grammar=st.sampled_from(['root ::= "a"', "root ::=", "g.gbnf", "", None]),
    temperature=NUMBERS, top_p=NUMBERS, top_k=WHOLE, max_tokens=WHOLE, stop_sequences=TEXTS, beam_size=ANYTHING,
    system_prompt=WORDS,
)  # fmt: skip
CONFIG = fields(
    method=WORDS, learning_rate=NUMBERS, epochs=NUMBERS, batch_size=WHOLE, gradient_accumulation_steps=WHOLE,
    max_seq_length=WHOLE, lora_rank=WHOLE, lora_alpha=NUMBERS, warmup_steps=WHOLE, warmup_ratio=NUMBERS,
    max_steps=WHOLE, weight_decay=NUMBERS, max_grad_norm=NUMBERS, seed=WHOLE, bf16=FLAGS, use_unsloth=ANYTHING,
    lr_scheduler_type=st.sampled_from(["linear", "cosine", "odd", "", None]),
)  # fmt: skip
COMMON: dict[str, Any] = {
    "version": st.sampled_from(["1.2.0", "v1", "1.2", "", "x", None, "1.0.0+b", "01.2.3"]), "summary": WORDS,
    "description": WORDS | st.text(min_size=80, max_size=400), "author": TEXTS,
    "license": WORDS, "capabilities": TEXTS, "limitations": TEXTS, "tags": ANYTHING,
    "routing": maybe(fields(keywords=TEXTS, exclude_keywords=TEXTS, router_hint=ANYTHING, priority=NUMBERS,
                            confidence_threshold=ANYTHING)),
    "constraints": maybe(fields(requires=RELATIONS, incompatible_with=RELATIONS, load_order=ANYTHING, max_chain=ANYTHING)),
    "soft_prompts": maybe(st.lists(fields(name=ANYTHING, path=ANYTHING, sha256=DIGESTS), max_size=2)),
    "training": maybe(fields(
        dataset=WORDS | maybe(fields(name=ANYTHING, source=ANYTHING, num_examples=WHOLE, sha256=DIGESTS)),
        config=maybe(CONFIG), decoding=maybe(DECODING))),
    "decoding": maybe(DECODING),
    "quality_metrics": ANYTHING, "perf": ANYTHING,
    "integrity": maybe(fields(sha256=DIGESTS | st.dictionaries(WORDS, DIGESTS, max_size=3), gpg_signature=ANYTHING)),
}  # fmt: skip
NAMED = st.sampled_from(["sql-expert", "expert-sql", "SQL", "a.b c"])


def _manifest(schema: str, bases: Any) -> Any:
    own = fields(**COMMON, **bases)
    return st.builds(lambda name, rest: {**rest, "schema_version": schema, "name": name}, NAMED, own).map(
        lambda made: {key: value for key, value in made.items() if key not in _OTHERS[schema]}
    )


_OTHERS = {
    "1.0": ("base_models", "manifest_version", "format"),
    "2.0": ("base_model", "manifest_version", "format"),
}
MANIFESTS: Any = _manifest(
    "1.0", {"base_model": maybe(BASE | st.sampled_from([name for name in NAMES if name])), "adapters": maybe(ADAPTERS)}
) | _manifest("2.0", {"base_models": maybe(st.lists(BASE | st.just("Qwen/Qwen3-0.6B"), max_size=3))})
