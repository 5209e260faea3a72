"""The few functions that configuration may call: `${times:2,3}` and `${home:cache}`.

Both give the same answer for the same arguments on the same machine, so what was composed with them can be
remembered. Nothing that reads the clock, the network or secrets belongs here.
"""

from omegaconf import OmegaConf

from runtime import home

_HOMES = {"cache": home.cache_home, "data": home.data_home, "config": home.config_home}


def register() -> None:
    OmegaConf.register_new_resolver("times", times, replace=True)
    OmegaConf.register_new_resolver("home", lambda kind: str(_HOMES[kind]()), replace=True)


def times(*factors: float) -> float:
    """The product, rounded so that 5e-3 times 0.04 is 0.0002 and nothing longer."""
    product = 1.0
    for factor in factors:
        product *= float(factor)
    return float(f"{product:.12g}")
