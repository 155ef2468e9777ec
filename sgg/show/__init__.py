"""Pages of pictures that show data, perturbations, predictions and generated features (docs/VIEWERS.md).

`python -m sgg.show --help`. Each function writes a folder with `index.html` and pictures, and returns the path of the
page. Names are imported at their first use, so the command can report wrong arguments without torch.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .features import show_features
    from .judgement import judge
    from .perturbations import show_perturbations
    from .predictions import show_predictions
    from .zero_shot import ZeroShotTriplets, show_zero_shot

__all__ = ["ZeroShotTriplets", "judge", "show_features", "show_perturbations", "show_predictions", "show_zero_shot"]

__getattr__ = lazy_names(__name__, {
    "ZeroShotTriplets": "zero_shot", "judge": "judgement", "show_features": "features",
    "show_perturbations": "perturbations", "show_predictions": "predictions", "show_zero_shot": "zero_shot"})
