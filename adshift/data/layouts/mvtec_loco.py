"""MVTec LOCO AD (Bergmann et al., "Beyond Dents and Scratches", IJCV 2022): MVTec's layout with several masks an image.

Layout::

    ROOT/CATEGORY/train/good/*.png
    ROOT/CATEGORY/validation/good/*.png
    ROOT/CATEGORY/test/good/*.png, test/logical_anomalies/*.png, test/structural_anomalies/*.png
    ROOT/CATEGORY/ground_truth/DEFECT/NAME/*.png     the masks of test/DEFECT/NAME.png; values other than 0 number the kinds

The masks of an image are united, and ``validation/good`` calibrates. Where a part may be missing anywhere in a region all
of it is marked; the data set's own figure for that (sPRO) is not computed.
"""

from __future__ import annotations

from adshift.data.layouts.layout import MVTEC, Layout, mvtec_leaves
from adshift.data.samples import find_category

MVTEC_LOCO = Layout(
    find_category,
    MVTEC.parts,
    mvtec_leaves,
    "MVTec LOCO AD",
    (),  # of its own five objects, or of anybody's images in its layout
    "https://www.mvtec.com/company/research/datasets/mvtec-loco, mvtec_loco_anomaly_detection.tar.xz; CC BY-NC-SA 4.0",
    "CATEGORY/train/good, validation/good, test/good, test/DEFECT, ground_truth/DEFECT/NAME",
)
