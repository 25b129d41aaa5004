"""The peer of train_job.py: anomalib's own pipeline on the same work, as a user would write it.

`python benchmarks/anomalib_job.py --root ROOT --category NAME --weights FILE|random --ratio R --out DIR`. Patchcore on
ResNet-18 with the weights given, layer2 and layer3, input 224; Engine.fit on train/good, Engine.test on the whole test
set with the default evaluator (image and pixel AUROC and F1); on the CPU. It is spared the validation pass (a second
scoring of the test set, by default) and the drawing of pictures. Prints the figures as one JSON line.
"""

import argparse
import json
import os
import warnings
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
warnings.simplefilter("ignore")


def main() -> None:
    """Fit and test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--category", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--ratio", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    from anomalib.data import MVTecAD
    from anomalib.engine import Engine
    from anomalib.models import Patchcore

    model = Patchcore(
        backbone="resnet18",
        layers=("layer2", "layer3"),
        pre_trained=False,
        coreset_sampling_ratio=arguments.ratio,
        num_neighbors=9,
        pre_processor=Patchcore.configure_pre_processor(image_size=(224, 224)),
        visualizer=False,
    )
    if arguments.weights != "random":
        from safetensors.torch import load_file

        missing = model.model.feature_extractor.feature_extractor.load_state_dict(
            load_file(arguments.weights), strict=False
        )
        wanted = [key for key in missing.missing_keys if not key.endswith("num_batches_tracked")]
        assert not wanted, wanted
    datamodule = MVTecAD(root=arguments.root, category=arguments.category, num_workers=2)
    engine = Engine(accelerator="cpu", devices=1, logger=False, default_root_dir=arguments.out, limit_val_batches=0)
    engine.fit(model, datamodule=datamodule)
    found = engine.test(model, datamodule=datamodule, verbose=False)
    print(json.dumps({"bank": list(model.model.memory_bank.shape), **found[0]}))


if __name__ == "__main__":
    main()
