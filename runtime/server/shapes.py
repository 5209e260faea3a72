"""Replies in the shape that OpenAI's clients read: completions, the events of a stream, usage, models.

What is ours (who answers, and why) stands under `expertbuild`, which their clients keep in `model_extra`.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.engine.sequence import Usage
from runtime.router.router import Decision
from runtime.server.likelihoods import Spell, logprobs
from runtime.service.answers import Answer


def completion(request_id: str, model: str, answers: Sequence[Answer], spell: Spell) -> dict[str, Any]:
    """The reply to a request that does not stream."""
    first = answers[0]
    return {
        **_head(request_id, model, "chat.completion"),
        "choices": [
            {
                "index": answer.choice,
                "message": {"role": "assistant", "content": answer.text, "refusal": None},
                "logprobs": logprobs(answer.logprobs, spell),
                "finish_reason": answer.finish_reason,
            }
            for answer in answers
        ],
        "usage": usage([answer.usage for answer in answers]),
        "expertbuild": why(first.expert, first.decision, first.experts),
    }


def chunk(request_id: str, model: str, choices: Sequence[Mapping[str, Any]], **extra: Any) -> dict[str, Any]:
    """One event of a stream."""
    return {**_head(request_id, model, "chat.completion.chunk"), "choices": list(choices), **extra}


def delta(
    index: int, content: Mapping[str, Any], finish: str | None = None, logprobs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": dict(content), "logprobs": logprobs, "finish_reason": finish}


def usage(parts: Sequence[Usage]) -> dict[str, Any]:
    """Tokens of all choices; the prompt counts once."""
    prompt = parts[0].prompt_tokens
    completion_tokens = sum(part.completion_tokens for part in parts)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": parts[0].cached_tokens},
    }


def why(expert: str | None, decision: Decision | None, experts: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Who answers and for which reasons; clients find it as `model_extra["expertbuild"]`."""
    if experts:
        together = [{"name": name, "weight": weight} for name, weight in experts.items()]
        return {"expert": expert, "experts": together, "reasons": ["named by the request"], "scores": {}}
    if decision is None:
        return {"expert": expert, "reasons": ["named by the request"], "scores": {}}
    return {
        "expert": expert,
        "probability": decision.probability,
        "reasons": list(decision.reasons),
        "scores": dict(decision.scores),
    }


def models(names: Sequence[str], owners: Mapping[str, str]) -> dict[str, Any]:
    """GET /v1/models."""
    return {"object": "list", "data": [model(name, owners.get(name, "expertbuild")) for name in names]}


def model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _head(request_id: str, model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{request_id}", "object": kind, "created": int(time.time()), "model": model}
