"""domain=NAME for a data set's own domains: written out before Hydra reads it, and only where it is meant."""

from __future__ import annotations

import pytest
from helpers.repo import REPO

from adshift.launch.real_domain import named

CONF = REPO / "conf"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (["data=elpv", "domain=poly"], ["data=elpv", "domain=named", "domain.name=poly"]),
        (["-m", "data=elpv", "domain=mono,poly"], ["-m", "data=elpv", "domain=named", "domain.name=mono,poly"]),
        (["run=DIR", "domain=poly"], ["run=DIR", "domain=named", "domain.name=poly"]),
        (["domain='new lamp'", "data=lamps"], ["domain=named", "domain.name='new lamp'", "data=lamps"]),
        (["data=unified", "data.source=visa", "domain=x"],
         ["data=unified", "data.source=visa", "domain=named", "domain.name=x"]),
    ],
)  # fmt: skip
def test_the_short_form_is_written_out(given: list[str], written: list[str]) -> None:
    assert named(given, CONF) == written


@pytest.mark.parametrize(
    "given",
    [
        ["data=elpv", "domain=shift"], ["data=elpv", "domain=shift,clean"], ["data=elpv", "domain=clean,poly"],
        ["domain=poly"], ["data=carpet", "domain=shfit"], ["data=elpv", "domain="], ["data=elpv", "domain=[a"],
        ["data=elpv", "domain.name=poly"],
        ["run=DIR", "domain=photos", "domain.root=LAMP"],
    ],
)  # fmt: skip
def test_everything_else_is_left_to_hydra(given: list[str]) -> None:
    assert named(given, CONF) == given


def test_without_a_folder_of_configuration_nothing_is_written_out() -> None:
    assert named(["run=DIR", "domain=poly"], REPO / "nowhere") == ["run=DIR", "domain=poly"]
