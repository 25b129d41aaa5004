"""Drawings of three made-up products, each with four kinds of defect, in numpy and OpenCV alone.

A product module (`weave`, `nut`, `rack`) holds `DEFECTS`, `stage(rng)`, which settles one part, and
`render(part, defect, rng)`, which draws that part on the canvas with one defect or, for None, unharmed. Both
pictures of one part are what makes the masks exact.
"""
