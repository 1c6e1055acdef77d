"""Recipes for the tiny net of the tests of searches, whose trials take a second."""

HEAD = """\
version: 1
name: tiny
model: {source: tiny.keras}
data: {source: tiny.npz, preprocess: []}
"""
PTQ = (
    HEAD
    + """\
steps:
  - uses: ptq
    with:
      precision: {search: [int8, dynamic, float16]}
      calibration_samples: 20
"""
)
