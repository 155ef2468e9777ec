"""Checks, before Ray starts, that this machine has what a study needs besides its data."""

from __future__ import annotations

import importlib.util
import netrc
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from sgg.config import ConfigError, Study


def check(study: Study) -> None:
    """Raises ConfigError naming every missing package, a missing login to Weights & Biases, and too few processors."""
    faults = _packages(study)
    if not faults and study.base.tracking.wandb == "online" and not has_wandb_login():
        faults = ["tracking.wandb is online, but there is no key: set WANDB_API_KEY, run `wandb login`, or set "
                  "tracking.wandb=offline"]
    if faults := [*faults, *_processors(study)]:
        raise ConfigError(study.source, faults)


def _processors(study: Study) -> list[str]:
    """A fault when a trial needs more processors than this machine has. Only a local Ray is limited to this machine."""
    wanted, here = study.base.resources, os.cpu_count() or 1
    ray = sys.modules.get("ray")
    if wanted.address != "local" or wanted.all_cpus <= here or (ray is not None and ray.is_initialized()):
        return []
    each = f", {wanted.cpus:g} for each of {wanted.num_workers} workers" if wanted.num_workers > 1 else ""
    return [f"resources.cpus: a trial needs {wanted.all_cpus:g}{each}, but this machine has {here}"]


def has_wandb_login() -> bool:
    """Whether there is a key for W&B: in an environment variable, or in the netrc file that `wandb login` writes."""
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
