"""pretrain: a base from its own recipe. Only `target=base` asks for it; a build takes the base as it is.

What the new base can do is measured by a step of its own, so that a change to the engine, which measures, does not
cost hours of pre-training.
"""

from expertbuild.graph import Action, Context

PRETRAIN = Action(
    name="pretrain",
    version=1,
    reads=("base.recipe",),
    unkeyed=("base.recipe.training.micro_batch", "base.recipe.training.checkpoint_seconds"),
    function="expertbuild.actions.pretrain:pretrain",
    libraries=("torch", "transformers", "tokenizers"),
)


def pretrain(run: Context) -> None:
    """Train the base: a model directory, and the curve of its loss."""
    from expertbuild.training.pretrain import pretrain as train

    train(run.config["base"]["recipe"], run.out, run.work, report=run.report)
