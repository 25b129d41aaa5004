"""The layouts by the name that ``data.source`` gives them."""

from __future__ import annotations

from adshift.data.layouts.btad import BTAD
from adshift.data.layouts.layout import MVTEC, Layout
from adshift.data.layouts.mpdd import MPDD
from adshift.data.layouts.mvtec_ad_2 import MVTEC_AD_2
from adshift.data.layouts.mvtec_loco import MVTEC_LOCO
from adshift.data.layouts.visa import VISA
from adshift.errors import AdshiftError

LAYOUTS = {
    "mvtec": MVTEC, "folder": MVTEC, "synthetic": MVTEC, "visa": VISA, "btad": BTAD, "mpdd": MPDD,
    "mvtec_ad_2": MVTEC_AD_2, "mvtec_loco": MVTEC_LOCO,
}  # fmt: skip


def layout_of(source: str) -> Layout:
    """The layout of a source.

    Raises:
        AdshiftError: there is no such source.
    """
    if source not in LAYOUTS:
        raise AdshiftError(f"data.source={source} is unknown; choose one of: {', '.join(LAYOUTS)}")
    return LAYOUTS[source]
