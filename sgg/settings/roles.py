"""Roles of settings: what each setting acts on. Every field of the schema has one `Role`, beside its type and default.

The roles answer questions such as "which settings may be searched, may differ on resume, decide what trials share?".
There is no other list of keys for them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Acts = Literal["running", "drawing", "training", "measuring"]


@dataclass(frozen=True, kw_only=True)
class Role:
    """What one setting acts on.

    acts: `training`: the setting changes the trained model. `measuring`: it acts on a trained model only. `drawing`: it
    decides which trials run and how long. `running`: it decides where and how things run, and changes no result except
    as `exact` says.
    exact: for a `running` setting, whether results under another value are equal to the last bit. If not, they differ
    as under another seed, by the order of sums or by random draws. Such results are pooled, and a trial that resumes
    under another value logs it.
    mid_training: it may change while a model trains.
    shared: it decides what trials share (data, detector, features).
    block: it draws another data set of the same kind. A search over it repeats every configuration on each data set,
    and results pool these repetitions, with the data sets as blocks.
    tried: it may not suit the data or the files, so it is tried on them before any trial starts.
    swept: it is a list, and each trained model is measured under every value.
    grows: training that resumes may have another value (`sgg.training.fit`); a study that resumes may not, so that its
    trials stay comparable.
    """

    acts: Acts
    exact: bool = True
    mid_training: bool = False
    shared: bool = False
    block: bool = False
    tried: bool = False
    swept: bool = False
    grows: bool = False

    @property
    def searchable(self) -> bool:
        """Whether trials of a search may have different values."""
        return self.acts == "training"

    @property
    def identity(self) -> bool:
        """Whether trials with different values are different configurations, which results never pool."""
        return self.acts == "training"

    @property
    def fixed_for_trial(self) -> bool:
        """Whether a resumed trial must keep its value."""
        return self.acts == "training" and not self.grows

    @property
    def fixed_for_study(self) -> bool:
        """Whether a resumed study must keep its value, so that its trials stay comparable."""
        return self.acts != "running"

    @property
    def words(self) -> list[str]:
        """The role in a few words, for the reference of settings."""
        words = {"not to the last bit": not self.exact,
                 "mid-training": self.mid_training, "shared by trials": self.shared, "block": self.block,
                 "tried on the data": self.tried, "swept": self.swept,
                 "may grow where sgg.training.fit resumes, not where a study does": self.grows,
                 "free on resume": self.acts == "running"}
        return [self.acts, *(["searchable"] if self.searchable else []),
                *(word for word, holds in words.items() if holds)]


def runs(*, tried: bool = False, exact: bool = True) -> Role:
    """The role of a setting that changes no result. exact=False: it changes results only as another seed does."""
    return Role(acts="running", tried=tried, exact=exact)


def draws() -> Role:
    """The role of a setting that decides which trials run, and how long."""
    return Role(acts="drawing")


def measures(*, swept: bool = False, tried: bool = False) -> Role:
    """The role of a setting that acts on a trained model only."""
    return Role(acts="measuring", swept=swept, tried=tried)


def trains(*, mid_training: bool = False, shared: bool = False, block: bool = False, tried: bool = False,
           grows: bool = False) -> Role:
    """The role of a setting that decides the trained model."""
    return Role(acts="training", mid_training=mid_training, shared=shared, block=block, tried=tried, grows=grows)


def together(roles: Collection[Role]) -> Role:
    """The role of several settings of the trained model that change together, before it trains."""
    return trains(shared=any(role.shared for role in roles), tried=any(role.tried for role in roles))
