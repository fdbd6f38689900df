"""Makes bases and deltas with real transformers, and adds them with the arithmetic of the published scripts.

stdin: {folder, cases: [{name, script, base, delta, newWords, loadAs}]}
  script: fastchat or alpaca; base, delta: {dtype, form}; form: bin-shards, safetensors, safetensors-shards, paddle, paddle-torch
stdout: {name: {tensor: facts of the sum, as saved}}

Each case writes NAME/base and NAME/delta. What is done with them follows the order of operations of lm-sys/FastChat,
fastchat/model/apply_delta.py (both loaded in one dtype; v0: rows of new words set to zero; in-place addition), and of
tatsu-lab/stanford_alpaca, weight_diff.py and train.py (new rows set to the mean over the old ones, per column).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from facts import BY_NAME, of_torch

# Two whole blocks of torch's columns, and some left over: see src/convert/values/column-mean.ts.
SIZES = {"hidden_size": 80, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64}
WORDS = 4243  # more rows than two levels of torch's cascade hold


def model(words: int, seed: int, dtype: torch.dtype) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=words, tie_word_embeddings=False, **SIZES)
    made = LlamaForCausalLM(config)
    with torch.no_grad():
        for index, parameter in enumerate(made.parameters()):
            parameter.add_(torch.randn_like(parameter) * 0.05)
            # Sums that a half cannot hold, that need rounding, that cancel, and that are denormal.
            parameter.view(-1)[:6] = torch.tensor([60000.0, 1.0, -3.0, 6e-8, 0.0, 1e-5]) * (1 if index % 2 else -1)
    return made.to(dtype)


def save(made: LlamaForCausalLM, folder: Path, form: str) -> None:
    folder.mkdir(parents=True)
    state = {name: tensor.detach().clone() for name, tensor in made.state_dict().items()}
    if form.startswith("paddle"):
        import paddle

        arrays = {}
        for name, tensor in state.items():
            linear = name.endswith(("_proj.weight", "lm_head.weight")) and form == "paddle"
            transposed = tensor.T.contiguous() if linear else tensor
            value = paddle.to_tensor(transposed.float().numpy())
            arrays[name.replace("model.", "llama.", 1) if form == "paddle" else name] = value.astype(str(tensor.dtype).split(".")[1])
        paddle.save(arrays, str(folder / "model_state.pdparams"))
    elif form == "safetensors":
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        names, index = list(state), {}
        for shard in range(3):
            part = {name: state[name] for name in names[shard::3]}
            if form == "bin-shards":
                file = f"pytorch_model-{shard + 1:05d}-of-00003.bin"
                torch.save(part, folder / file)
            else:
                file = f"model-{shard + 1:05d}-of-00003.safetensors"
                save_file(part, folder / file, metadata={"format": "pt"})
            index |= dict.fromkeys(part, file)
        kind = "pytorch_model.bin" if form == "bin-shards" else "model.safetensors"
        (folder / f"{kind}.index.json").write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": index}))
    made.config.save_pretrained(folder)


def loaded(made: LlamaForCausalLM, dtype: torch.dtype, scratch: Path) -> LlamaForCausalLM:
    """As `from_pretrained` gives it in that dtype."""
    made.save_pretrained(scratch)
    return AutoModelForCausalLM.from_pretrained(scratch, dtype=dtype, local_files_only=True)


def added(case: dict, base: LlamaForCausalLM, delta: LlamaForCausalLM) -> dict[str, torch.Tensor]:
    new = case["newWords"]
    if new:
        base.resize_token_embeddings(WORDS + new, mean_resizing=False)
        for table in (base.get_input_embeddings().weight.data, base.get_output_embeddings().weight.data):
            table[-new:] = 0 if case["script"] == "fastchat" else table[:-new].mean(dim=0, keepdim=True)
    left, right = base.state_dict(), delta.state_dict()
    assert list(left) == list(right)
    for name in left:
        if case["script"] == "fastchat":
            left[name].data += right[name]
        else:
            right[name].add_(left[name])
    return left if case["script"] == "fastchat" else right


@torch.inference_mode(False)
def main() -> None:
    transformers.utils.logging.disable_progress_bar()
    request = json.load(sys.stdin)
    sums = {}
    for seed, case in enumerate(request["cases"]):
        root = Path(request["folder"]) / case["name"]
        base = model(WORDS, 2 * seed, BY_NAME[case["base"]["dtype"]])
        delta = model(WORDS + case["newWords"], 2 * seed + 1, BY_NAME[case["delta"]["dtype"]])
        save(base, root / "base", case["base"]["form"])
        save(delta, root / "delta", case["delta"]["form"])
        dtype = BY_NAME[case["loadAs"]]
        with torch.no_grad():
            result = added(case, loaded(base, dtype, root / "as-base"), loaded(delta, dtype, root / "as-delta"))
        assert all(np.isfinite(tensor.float().numpy()).any() for tensor in result.values())
        sums[case["name"]] = {name: of_torch(tensor) for name, tensor in result.items()}
    print(json.dumps(sums))


main()
