"""profile: what the router needs to know an expert's prompts from others."""

import json

from expertbuild.graph import Action, Context

PROFILE = Action(
    name="profile",
    version=1,
    reads=("profile", "expert.routing"),
    function="expertbuild.actions.profile:profile",
    libraries=("numpy",),
)


def profile(run: Context) -> None:
    """Train the routing head on the expert's own prompts against the frozen background."""
    from runtime.router.profile import build_profile

    prompts = []
    with (run.inputs["dataset"] / "train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            prompts.append(json.loads(line)["messages"][-1]["content"])
    build_profile(prompts, run.config["expert"]["routing"], run.config["profile"], run.out)
