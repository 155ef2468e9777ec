"""The facts in the head of a report."""

import re
from platform.results.aggregate import aggregate
from platform.results.collection import collect
from platform.results.report.header import facts
from platform.results.wording import RECALLS
from platform.study.trial_record import FINISHED

import pytest


@pytest.fixture
def evaluation(search):
    """The words on how recall is measured."""
    collection = collect([search("a", [("dnorm", 0, FINISHED, 0.4)])])
    return dict(facts(collection, aggregate(collection), []))["Evaluation"][0]


def test_facts_explain_every_recall_that_the_page_shows(evaluation):
    assert {*RECALLS} <= {*re.findall(r"[\w-]+", evaluation)}
    assert "ng-F1: the harmonic mean of ngR and ng-mR." in evaluation
