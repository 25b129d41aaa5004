"""The fit of an image-level correction, kept in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from adshift.data.correction import Correction, CorrectionRule
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.dataset import read_pair
from adshift.data.sample_keys import sample_hashes, sample_list
from adshift.shift.domain import domain_parts
from adshift.shift.photos import root_of
from adshift.shift.pixels import UInt8
from adshift.store.keys import code
from adshift.store.sources import sources

PARTS = "correction.json"


def fitted_correction(rule: CorrectionRule, datamodule: AnomalyDataModule) -> Correction:
    """A correction fitted to the train images in their first domain, or taken from the store."""
    samples, domain = datamodule.split.train, datamodule.train_domains[0]
    root = root_of(domain, datamodule.root)
    sha256 = sample_hashes(datamodule.store.hashes, root, samples)
    key = {
        "rule": rule.settings(),
        "samples": sample_list(samples, sha256),
        "domain": domain_parts(domain),
        **code(__name__, *sources(rule, domain)),
    }

    def images() -> Iterator[UInt8]:
        return (read_pair(root, sample, domain, sha256=sha256)[0] for sample in samples)

    def make(folder: Path, _: Path | None) -> None:
        (folder / PARTS).write_text(json.dumps(rule.fit(images()).parts(), allow_nan=False))

    def read(folder: Path) -> Correction:
        return rule.restored(json.loads((folder / PARTS).read_text()))

    return datamodule.store.fetch("corrections", key, make, read)
