"""Writes a folder as DeepSeek publishes its own: float8 matrices with a scale for each block, and the plain one that it stands for.

Given JSON {"source": folder of safetensors, "quantised": folder, "plain": folder, "block": [rows, columns]}. The embeddings, the head, the norms and
the routers stay as they are. Prints the number of quantised matrices.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

given = json.load(sys.stdin)
rows, columns = given["block"]
tensors = {}
for path in sorted(Path(given["source"]).glob("*.safetensors")):
    tensors |= load_file(path)
largest = torch.finfo(torch.float8_e4m3fn).max
stored, plain, count = {}, {}, 0
for name, weight in tensors.items():
    if weight.dim() != 2 or not name.endswith("proj.weight") and "proj_with_mqa" not in name:
        stored[name] = plain[name] = weight
        continue
    height, width = weight.shape
    down, across = -(-height // rows), -(-width // columns)
    padded = torch.zeros(down * rows, across * columns)
    padded[:height, :width] = weight.float()
    blocks = padded.view(down, rows, across, columns)
    scale = (blocks.abs().amax((1, 3)) / largest).clamp(min=1e-12)
    codes = (blocks / scale[:, None, :, None]).view_as(padded)[:height, :width].to(torch.float8_e4m3fn)
    wide = scale.repeat_interleave(rows, 0).repeat_interleave(columns, 1)[:height, :width]
    stored[name] = codes.contiguous()
    stored[f"{name}_scale_inv"] = scale.contiguous()
    plain[name] = (codes.float() * wide).contiguous()
    count += 1
config = json.loads((Path(given["source"]) / "config.json").read_text())
quantisation = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [rows, columns]}
for folder, state, more in (
    (given["quantised"], stored, {"quantization_config": quantisation}),
    (given["plain"], plain, {}),
):
    Path(folder).mkdir()
    save_file(state, Path(folder) / "model.safetensors", metadata={"format": "pt"})
    (Path(folder) / "config.json").write_text(json.dumps({**config, **more}))
print(json.dumps(count))
