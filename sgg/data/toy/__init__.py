"""The toy genome: a small world of rendered scenes, written in Visual Genome's own files.

It tests compositional generalisation on a laptop: its classes come in pairs that look alike, it has ten predicates and
long tails, and some compositions occur only in validation and test. `world` defines classes and compositions, `scene`
composes scenes, `placement` places things, `shapes` and `render` draw, `genome` writes the files, `describe` counts.
"""

from sgg.data.toy.describe import describe
from sgg.data.toy.genome import VERSION, Sizes, generate

__all__ = ["VERSION", "Sizes", "describe", "generate"]
