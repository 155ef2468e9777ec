"""What a study needs of this machine besides its data, checked before Ray is started."""

from __future__ import annotations

import importlib.util
import netrc
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sgg.config import ConfigError, Study


def check(study: Study) -> None:
    """Raises ConfigError naming every package that is missing, a login to Weights & Biases that is, and more processors
    than the machine has."""
    faults = _packages(study)
    if not faults and study.base.tracking.wandb == "online" and not has_wandb_login():
        faults = ["tracking.wandb is online, but there is no key: set WANDB_API_KEY, run `wandb login`, or say "
                  "tracking.wandb=offline"]
    if faults := [*faults, *_processors(study)]:
        raise ConfigError(study.source, faults)


def _processors(study: Study) -> list[str]:
    """A Ray of our own has no more processors than the machine; what a Ray that runs has is known once it is asked."""
    wanted, here = study.base.resources, os.cpu_count() or 1
    ray = sys.modules.get("ray")
    if wanted.address != "local" or wanted.all_cpus <= here or (ray is not None and ray.is_initialized()):
        return []
    each = f", {wanted.cpus:g} for each of {wanted.num_workers} workers" if wanted.num_workers > 1 else ""
    return [f"resources.cpus: a trial wants {wanted.all_cpus:g}{each}, but this machine has {here}"]


def has_wandb_login() -> bool:
    """Whether W&B would know who asks: by an environment variable, or by what `wandb login` left in the netrc file."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    import wandb

    server = os.environ.get("WANDB_BASE_URL") or wandb.Settings().base_url
    try:
        logins = netrc.netrc(Path(os.environ.get("NETRC", "~/.netrc")).expanduser())
    except (OSError, netrc.NetrcParseError):
        return False
    return logins.authenticators(urlsplit(server).hostname or "") is not None


def _packages(study: Study) -> list[str]:
    tracking = study.base.tracking
    wanted = {"optuna": study.base.search.algorithm == "optuna", "wandb": tracking.wandb != "off",
              "tensorboardX": tracking.tensorboard, "pyarrow": tracking.parquet}
    return [f"package {name} is missing: pip install {name}" for name, used in wanted.items()
            if used and importlib.util.find_spec(name) is None]
