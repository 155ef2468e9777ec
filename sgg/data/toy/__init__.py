"""The toy genome: a small world of rendered scenes, written in Visual Genome's own files.

It tests compositional generalisation on a laptop: its classes come in pairs that look alike, its frequencies have long
tails, and some compositions occur only in validation and test. `kinds` lists the classes, `editions/` the predicates
and compositions of each version, `world` draws their frequencies, `scene` composes scenes, `placement` places things,
`shapes` and `render` draw, `genome` writes the files, `describe` counts.
"""

from sgg.data.toy.describe import describe
from sgg.data.toy.editions import VERSIONS, edition_of
from sgg.data.toy.genome import generate
from sgg.data.toy.sizes import Sizes

__all__ = ["VERSIONS", "Sizes", "describe", "edition_of", "generate"]
