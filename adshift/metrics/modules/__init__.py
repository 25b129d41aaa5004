"""torchmetrics classes over the pure functions; `RunFigures` is the one that every run's figures come from.

Nothing is squashed: torchmetrics' own binary curves apply a sigmoid to scores outside [0, 1], which distances are.
docs/torchmetrics.md shows them in a LightningModule. Figures are float64 and NaN where undefined (a tensor cannot be
None).
"""

from adshift.metrics.modules.image import ImageAUROC, ImageAveragePrecision, ImageBestF1, ImageDecision, ImageMetric
from adshift.metrics.modules.pixel import PRO, PixelAUROC, PixelAveragePrecision, PixelDecision, PixelMetric
from adshift.metrics.modules.run import RunFigures

__all__ = [
    "PRO",
    "ImageAUROC",
    "ImageAveragePrecision",
    "ImageBestF1",
    "ImageDecision",
    "ImageMetric",
    "PixelAUROC",
    "PixelAveragePrecision",
    "PixelDecision",
    "PixelMetric",
    "RunFigures",
]
