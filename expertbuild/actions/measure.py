"""measure: what a freshly pre-trained base can do, with its model card."""

from expertbuild.graph import Action, Context

MEASURE = Action(
    name="measure",
    version=1,
    reads=("base.recipe",),
    function="expertbuild.actions.measure:measure",
    libraries=("torch", "transformers", "tokenizers"),
)


def measure(run: Context) -> None:
    """Held-out loss by field, copying, keeping a format: from the saved weights."""
    from expertbuild.training.pretrain_report import write_report

    write_report(run.config["base"]["recipe"], run.inputs["pretrain"], run.out)
