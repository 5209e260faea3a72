"""What BLEU and chrF have in common: sacrebleu, which counts them as papers do, one sentence at a time."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake

LONGEST = 20_000  # letters that are compared


def sacrebleu() -> Any:
    try:
        import sacrebleu as found
    except ImportError as error:
        raise EvaluationMistake(
            "BLEU and chrF need the package sacrebleu.",
            where="evaluation.scorer",
            hint="pip install 'expertbuild[text]', or choose the scorer token_f1.",
        ) from error
    return found


def told() -> str:
    try:
        return f"sacrebleu {version('sacrebleu')}"
    except PackageNotFoundError:
        return "sacrebleu"
