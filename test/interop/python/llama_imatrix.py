"""Files that llama.cpp quantises by importance matrices. Input: [{source, target, kind, matrix, form, values, seed, without: [tensor]}]; matrix is written, too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "make"))

import gguf_imatrix as own  # noqa: E402


def main() -> None:
    wanted = json.load(sys.stdin)
    for one in wanted:
        source = Path(one["source"])
        of = {name: sizes for name, sizes in own.matrices(source).items() if name not in one["without"]}
        sums = own.drawn_sums(of, one["values"], one["seed"])
        write = own.write_old if one["form"] == "dat" else own.write_new
        weights = write(Path(one["matrix"]), sums)
        own.quantise(source, Path(one["target"]), one["kind"], weights, one["matrix"])
    print(json.dumps(len(wanted)))


if __name__ == "__main__":
    main()
