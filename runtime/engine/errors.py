"""The errors of the token machine. Each is one sentence for a person; the engine itself outlives all of them."""

from runtime.errors import Mistake, Problem


class BaseRefused(Mistake):
    """A directory that is not a base model this engine can run."""


class BaseUnavailable(Problem):
    """A base that exists somewhere, but not here and now."""


class SettingRefused(Mistake):
    """A setting of the engine that means nothing, or that asks for what this machine does not have."""


class ChatRefused(Mistake):
    """Messages that the base's chat template does not take."""


class GrammarRefused(Mistake):
    """A grammar or JSON Schema that cannot be compiled within its limits."""


class AdapterRefused(Mistake):
    """A slot record that does not fit the base it is attached to."""


class MixtureRefused(AdapterRefused):
    """Adapters that cannot be added up, or weights that mean nothing."""


class RequestRefused(Mistake):
    """A request that cannot be run as it was asked."""


class CanaryFailed(Problem):
    """An adapter whose stored logits do not come out again."""
