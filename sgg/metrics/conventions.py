"""Conventions of an evaluation: its choices beyond the definitions of the metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """The habits of the evaluators behind the published numbers that the definitions do not have. Each can be switched
    off.

    The defaults reproduce published values; `Conventions.clean()` follows the definitions. The two agree where an image
    has no near-duplicate boxes, `pred_weight` is 0 and every predicate occurs.

    resort_after_reweight: sort the pairs again by the re-weighted scores in graph-constrained results (R, mR, F1, A).
        By default they keep the order of the unweighted scores, so only the predicate of a pair can change.
    reweight_background: divide the background column like the others. By default it is not divided but takes part in
        the renormalisation, so pairs that are likely background lose less than the others.
    triplet_pairs_by_boxes: the triplet rank of a relation counts the predictions whose two boxes overlap its boxes
        (IoU >= .5). By default it counts those with the same box *indices*; in sgdet the two numberings are unrelated.
    triplet_both_directions: those predictions include the pair in the opposite direction.
    absent_predicates_count: mean recall divides by all R - 1 predicates, so predicates without a relation count as 0.
    single_precision_ranks: mean ranks are rounded to float32.
    relation_nms: non-maximum suppression of relations before ranking, as T-CAR's evaluator has it (`relation_nms.py`).
        It acts on R, mR, F1, A and on the unconstrained results, whose lists have at most 100 triplets then, but not on
        triplet ranks. The pairs then have the order of the suppression, also after re-weighting. By default there is
        none, and `clean` has none.
    failed_images_count: an image in which the detector found no two boxes that overlap, at any score threshold, has a
        recall of 0 (sgdet). By default all metrics leave the image out, as if it were not in the data.
    zero_scores_count: a predicate of score 0 is predicted, after all others. Off for predictions that list triplets,
        where it means that the pair was not listed with this predicate.
    unconstrained_limit: the number of triplets per image in an unconstrained result; a larger K gains nothing.
    missed_triplet_rank: the triplet rank of a relation that no prediction on its own pair hits.
    """

    resort_after_reweight: bool = False
    reweight_background: bool = False
    triplet_pairs_by_boxes: bool = False
    triplet_both_directions: bool = True
    absent_predicates_count: bool = True
    single_precision_ranks: bool = True
    relation_nms: bool = False
    failed_images_count: bool = False
    zero_scores_count: bool = True
    unconstrained_limit: int = 300
    missed_triplet_rank: int = 301

    def __post_init__(self) -> None:
        for name in ("unconstrained_limit", "missed_triplet_rank"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")

    @classmethod
    def clean(cls) -> Conventions:
        """The conventions that follow the definitions."""
        return cls(resort_after_reweight=True, reweight_background=True, triplet_pairs_by_boxes=True,
                   triplet_both_directions=False, absent_predicates_count=False, single_precision_ranks=False,
                   failed_images_count=True)


REFERENCE = Conventions()
