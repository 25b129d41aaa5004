"""Image and pixel figures on raw scores, with intervals: pure functions; torchmetrics classes in `modules`.

Start at `summary.figures`, which the pipeline calls through `modules.RunFigures`. Everywhere: a score is a raw distance
of any range, an image or pixel is called anomalous if score >= threshold, and a figure that is not defined is None.
"""
