"""JSON of a run's folder: any text that a file's name can be is read, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adshift.errors import AdshiftError
from adshift.results.plain_json import read_json


@pytest.mark.parametrize("text", ["plain", "Schräge \U0001f600", "\udcff bytes that are no UTF-8", "\\ud800 spelt out"])
def test_what_a_name_can_be_is_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"name": text}))
    assert read_json(tmp_path / "a.json", "") == {"name": text}


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"name": ["\ud800"]}))
    with pytest.raises(AdshiftError, match="surrogates not allowed"):
        read_json(tmp_path / "a.json", "see to it")
