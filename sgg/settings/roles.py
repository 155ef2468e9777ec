"""What each setting acts on. Every field of the schema carries one `Role`, beside its type and its default.

Whoever asks "which settings may be searched, may differ on resume, decide what trials share, ...?" asks the roles. No
list of keys says it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Acts = Literal["running", "drawing", "training", "measuring"]


@dataclass(frozen=True, kw_only=True)
class Role:
    """What one setting acts on.

    acts: `training`, it decides the trained model; `measuring`, it acts on a trained model only; `drawing`, it decides
    which trials run and how long; `running`, it decides where and how things run, and changes no result but for
    `exact`. exact: of a setting that is running: whether results under another value are the same to the last bit.
    Where they are not, they differ as under another seed: by the order of sums, or by draws. They are pooled, and a
    trial that goes on under another value says so.
    mid_training: it may change while a model trains. shared: it decides what trials share (data, detector, features).
    tried: it can fail on the data or the files that are there, so it is tried on them before anything starts.
    swept: it is a list, and every value of it is measured on each trained model. grows: a run that goes on may
    have another value.
    """

    acts: Acts
    exact: bool = True
    mid_training: bool = False
    shared: bool = False
    tried: bool = False
    swept: bool = False
    grows: bool = False

    @property
    def searchable(self) -> bool:
        """Whether trials of a search may differ in it."""
        return self.acts == "training"

    @property
    def identity(self) -> bool:
        """Whether two trials that differ in it are two configurations, which results never pool."""
        return self.acts == "training"

    @property
    def fixed_for_trial(self) -> bool:
        """Whether a trial can go on only under the value that it was begun with."""
        return self.acts == "training" and not self.grows

    @property
    def fixed_for_study(self) -> bool:
        """Whether a study can go on only under the value that it was begun with: its trials stay comparable."""
        return self.acts != "running"

    @property
    def words(self) -> list[str]:
        """The role in a few words, for the reference of settings."""
        said = {"not to the last bit": not self.exact,
                "mid-training": self.mid_training, "shared by trials": self.shared, "tried on the data": self.tried,
                "swept": self.swept, "may grow on resume": self.grows, "free on resume": self.acts == "running"}
        return [self.acts, *(["searchable"] if self.searchable else []),
                *(word for word, holds in said.items() if holds)]


def runs(*, tried: bool = False, exact: bool = True) -> Role:
    """The role of a setting that changes no result; not `exact`: none but as another seed does."""
    return Role(acts="running", tried=tried, exact=exact)


def draws() -> Role:
    """The role of a setting that decides which trials run, and how long."""
    return Role(acts="drawing")


def measures(*, swept: bool = False, tried: bool = False) -> Role:
    """The role of a setting that acts on a trained model only."""
    return Role(acts="measuring", swept=swept, tried=tried)


def trains(*, mid_training: bool = False, shared: bool = False, tried: bool = False, grows: bool = False) -> Role:
    """The role of a setting that decides the trained model."""
    return Role(acts="training", mid_training=mid_training, shared=shared, tried=tried, grows=grows)
