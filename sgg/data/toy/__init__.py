"""The toy genome: a small world of rendered scenes, written in Visual Genome's own files.

An instrument for compositional generalisation that fits a laptop: classes in pairs of doubles, ten predicates, long
tails, and compositions that only validation and test show. `world` says what there is, `scene` composes, `placement`
knows where things go, `shapes` and `render` draw, `genome` writes, `describe` counts.
"""

from sgg.data.toy.describe import describe
from sgg.data.toy.genome import VERSION, Sizes, generate

__all__ = ["VERSION", "Sizes", "describe", "generate"]
