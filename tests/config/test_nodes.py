"""What programs put into a configuration themselves is what conf/ says."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from adshift.config import nodes


@pytest.mark.parametrize(
    ("override", "group", "node"),
    [
        ("adaptation=threshold", "adaptation", nodes.THRESHOLD),
        ("adaptation=full", "adaptation", nodes.FULL),
        ("split=official", "split", nodes.OFFICIAL),
        ("threshold=conformal", "threshold", nodes.CONFORMAL),
        ("store=off", "store", nodes.NO_STORE),
        ("domain=photos", "domain", nodes.photos(Path("P"))),
    ],
)
def test_a_node_is_the_option_of_its_name(override: str, group: str, node: nodes.Node) -> None:
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        more = ["domain.root=P"] if group == "domain" else []
        composed = OmegaConf.to_container(compose("train", [override, *more])[group], resolve=True)
    assert isinstance(composed, dict)
    assert {key: composed[key] for key in node} == node
    assert set(composed) - set(node) <= {"name", "refits"}
