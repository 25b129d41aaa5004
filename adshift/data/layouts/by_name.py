"""The layouts by the name that ``data.source`` gives them."""

from __future__ import annotations

from pathlib import Path

from adshift.data.layouts import elpv
from adshift.data.layouts.aebad import AEBAD
from adshift.data.layouts.btad import BTAD
from adshift.data.layouts.lamps import LAMPS
from adshift.data.layouts.layout import MVTEC, Layout
from adshift.data.layouts.mpdd import MPDD
from adshift.data.layouts.mvtec_ad_2 import MVTEC_AD_2
from adshift.data.layouts.mvtec_loco import MVTEC_LOCO
from adshift.data.layouts.robustad import ROBUSTAD
from adshift.data.layouts.visa import VISA
from adshift.errors import AdshiftError

LAYOUTS = {
    "mvtec": MVTEC, "folder": MVTEC, "synthetic": MVTEC, "visa": VISA, "btad": BTAD, "mpdd": MPDD,
    "mvtec_ad_2": MVTEC_AD_2, "mvtec_loco": MVTEC_LOCO, "elpv": elpv.ELPV, "lamps": LAMPS, "aebad": AEBAD,
    "robustad": ROBUSTAD,
}  # fmt: skip


def layout_of(source: str) -> Layout:
    """The layout of a source.

    Raises:
        AdshiftError: there is no such source.
    """
    if source not in LAYOUTS:
        raise AdshiftError(f"data.source={source} is unknown; choose one of: {', '.join(LAYOUTS)}")
    return LAYOUTS[source]


def located(source: str, root: str) -> Path:
    """The folder that ``data.root`` names: that folder, or where the package of that name was installed.

    Raises:
        AdshiftError: the package is not installed.
    """
    return elpv.installed() if (source, root) == ("elpv", elpv.PACKAGE) else Path(root)


def require_domains(source: str, told: str) -> None:
    """Refuse a named domain where the data set tells none, before anything is read or downloaded.

    Raises:
        AdshiftError: names the sources that tell some.
    """
    if not layout_of(source).domains:
        some = ", ".join(name for name, layout in LAYOUTS.items() if layout.domains)
        raise AdshiftError(
            f"{told} is no option of conf/domain (--help lists them), and data.source={source} tells no domains of its "
            f"own, as these do: {some}; for photographs of a new light use domain=photos domain.root=FOLDER"
        )
