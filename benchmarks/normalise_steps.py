"""Each step of adaptation=normalise apart: figures of one clean PatchCore on corrected test images.

``python benchmarks/normalise_steps.py DATA_ROOT CATEGORY WEIGHTS``: ResNet-18, coreset 1 %, split=standard, input 224. The
bank is fitted once to the clean train images as they are, which the correction leaves nearly unchanged; the regime itself
fits to corrected ones. Prints a Markdown table: image AUROC, pixel AUROC, PRO@0.3, milliseconds an image of the correction.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from adshift.correction.normalisation import Normalisation, Reference, Steps, train_reference
from adshift.data.dataset import read_pair
from adshift.data.images import normalise
from adshift.data.samples import Sample, index_category
from adshift.data.splits import StandardSplit
from adshift.features.backbone import FrozenBackbone
from adshift.methods.patchcore import PatchCore
from adshift.metrics.summary import figures
from adshift.report.runs import table
from adshift.shift.by_name import named_domain
from adshift.shift.domain import Domain
from adshift.shift.pixels import resize_image, resize_mask

SIDE = 224
OFF = {"flatten": False, "standardise": False, "denoise": False, "register": False}
CHOICES = {
    "none": OFF,
    **{name: {**OFF, name: True} for name in OFF},
    "all but register": {**dict.fromkeys(OFF, True), "register": False},
    "all": dict.fromkeys(OFF, True),
}


@torch.inference_mode()
def fitted(root: Path, samples: tuple[Sample, ...], weights: str) -> PatchCore:
    """A PatchCore on the clean train images."""
    method = PatchCore(FrozenBackbone("resnet18", ("layer2", "layer3"), weights), coreset_ratio=0.01)
    method.begin_fit(len(samples))
    for sample in samples:
        image, _ = read_pair(root, sample, Domain())
        method.collect(method.embed(normalise(resize_image(image, SIDE))[None]))
    method.finish_fit()
    return method


@torch.inference_mode()
def row(
    method: PatchCore, root: Path, test: tuple[Sample, ...], domain: Domain, name: str, known: Reference
) -> list[str]:
    """One line of the table."""
    correction = Normalisation(Steps(**CHOICES[name]), known)
    scores, maps, masks, seconds = [], [], [], 0.0
    for sample in test:
        image, mask = read_pair(root, sample, domain)
        started = time.perf_counter()
        image, mask = correction.apply(image, mask)
        seconds += time.perf_counter() - started
        found = method(normalise(resize_image(image, SIDE))[None])
        scores.append(float(found.image_score_B))
        maps.append(found.anomaly_map_BHW[0].numpy())
        masks.append(None if mask is None else resize_mask(mask, SIDE))
    labels = np.array([sample.label for sample in test])
    got = figures(np.array(scores), labels, maps=maps, masks=masks, replicates=0, seed=0, stream="x")
    shown = [f"{got.point(figure):.3f}" for figure in ("image_auroc", "pixel_auroc", "pro_030")]
    return [domain.name, name, *shown, f"{1000 * seconds / len(test):.0f}"]


def main() -> None:
    """Fit, then a row a domain and choice of steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("category")
    parser.add_argument("weights")
    parser.add_argument("--domains", nargs="+", default=["clean", "geometric", "illumination", "photometric", "shift"])
    parser.add_argument("--steps", nargs="+", default=list(CHOICES), choices=list(CHOICES))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    split = StandardSplit()(index_category(chosen.root, chosen.category))
    known = train_reference(read_pair(chosen.root, sample, Domain())[0] for sample in split.train)
    method = fitted(chosen.root, split.train, chosen.weights)
    rows = []
    for name in chosen.domains:
        domain = Domain() if name == "clean" else named_domain(name, 1.0, 0)
        for steps in chosen.steps:
            rows.append(row(method, chosen.root, split.test, domain, steps, known))
            print(*rows[-1], sep="\t", flush=True)
    print(table(("domain", "steps", "image AUROC", "pixel AUROC", "PRO@0.3", "ms"), rows))


if __name__ == "__main__":
    main()
