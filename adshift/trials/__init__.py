"""Repairs on trial: good images and the same images with a defect, judged by detectors that have not seen them."""
