"""pretrain: a base from its own recipe. Only `target=base` asks for it; a build takes the base as it is."""

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
    """Train the base and put its report beside it."""
    from expertbuild.training.pretrain import pretrain as train
    from expertbuild.training.pretrain_report import write_report

    recipe = run.config["base"]["recipe"]
    train(recipe, run.out, run.work, report=run.report)
    run.report(message="measuring the new base")
    write_report(recipe, run.out)
