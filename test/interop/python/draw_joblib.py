"""Writes what joblib.dump writes of arrays.

stdin: {folder}; stdout: [name]
"""

from __future__ import annotations

import json
import os
import sys

import joblib
import numpy

RANDOM = numpy.random.default_rng(11)
VALUES = [
    lambda: RANDOM.standard_normal((7, 5)),
    lambda: {"a": RANDOM.standard_normal((64, 64)).astype("float32"), "b": [numpy.arange(9), numpy.asarray(3)]},
    lambda: numpy.asfortranarray(RANDOM.standard_normal((6, 9))),
    lambda: [numpy.array(["one", "three"]), numpy.array([b"x", b"yz"]), numpy.zeros((0, 4))],
    lambda: {"shared": (lambda x: [x, x])(RANDOM.integers(0, 9, 30)), "flag": True, "name": "scaler"},
    lambda: numpy.frombuffer(b"cos\nsystem\n(S'id'\ntR." * 3, dtype="uint8").copy(),
]


def main() -> None:
    folder = json.load(sys.stdin)["folder"]
    names = []
    for index, value in enumerate(VALUES):
        for compress in (0, 3, ("gzip", 3)):
            name = f"joblib-{index}-{compress if isinstance(compress, int) else compress[0]}.joblib"
            joblib.dump(value(), os.path.join(folder, name), compress=compress)
            names.append(name)
    print(json.dumps(names))


main()
