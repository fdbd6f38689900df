/** Records a golden file with torch and transformers, from a converted folder or any folder that transformers loads. */
export const TRANSFORMERS_SCRIPT = `#!/usr/bin/env python3
"""Records a golden file for weighbridge from transformers.

    pip install torch transformers safetensors sentencepiece protobuf
    python record_golden.py MODEL golden.safetensors --prompt "A beautiful flower" --prompt "来到美丽的大自然"
    python record_golden.py MODEL golden.safetensors --input-ids 1,290,6389

MODEL is a folder that transformers loads (the output of \`weighbridge convert\`, or the published folder with
--trust-remote-code). Everything is computed in float32, and the logits once more in float64, so that the golden tells its own
error. What transformers keeps between calls is put back before each of them. A model is loaded as the class that its
config.json names, so an encoder has the head that it was saved with; of one without a head the last states are kept, of UIE the
logits of its two heads.
"""
import argparse
import json
import os

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig


def encoder(folder, trust_remote_code):
    """Text to ids: the model's own tokenizer class, or what it does where that class needs remote code."""
    try:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=False, trust_remote_code=trust_remote_code)
        return lambda text: tokenizer(text)["input_ids"]
    except ValueError:
        import sentencepiece

        model = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
        path = os.path.join(folder, "tokenizer_config.json")
        settings = json.load(open(path, encoding="utf8")) if os.path.exists(path) else {}
        bos = [model.bos_id()] if settings.get("add_bos_token", True) else []
        return lambda text: bos + model.encode(text)


class Uie(torch.nn.Module):
    """ERNIE with a head for starts and one for ends, which transformers has no class of."""

    def __init__(self, folder, **options):
        super().__init__()
        self.ernie = transformers.ErnieModel.from_pretrained(folder, **options)
        stored = safe_open(os.path.join(folder, "model.safetensors"), "pt")
        self.heads = torch.nn.ModuleList()
        for name in ("linear_start", "linear_end"):
            head = torch.nn.Linear(self.ernie.config.hidden_size, 1)
            head.load_state_dict({part: stored.get_tensor(f"{name}.{part}").float() for part in ("weight", "bias")})
            self.heads.append(head)

    def forward(self, ids, **options):
        out = self.ernie(ids, **options)
        out.logits = torch.cat([head(out.last_hidden_state) for head in self.heads], -1)
        return out


def load(folder, trust_remote_code):
    """In float32: without being asked, transformers 5 rounds the weights to what config.json names."""
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    options = {"dtype" if version >= (4, 56) else "torch_dtype": torch.float32, "trust_remote_code": trust_remote_code}
    config = AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code)
    named = (config.architectures or [""])[0]
    if named == "UIE":
        del options["trust_remote_code"]
        model = Uie(folder, **options)
    else:
        known = None if trust_remote_code else getattr(transformers, named, None)
        model = (known or AutoModelForCausalLM).from_pretrained(folder, **options)
    model = model.float().eval()
    if hasattr(model, "set_experts_implementation"):
        # Experts one after the other: the faster ways have no float64.
        model.set_experts_implementation("eager")
    if generates(model):
        # Greedy is greedy: no beams, penalties or suppressed tokens of the folder's generation_config.json.
        eos = model.generation_config.eos_token_id if model.generation_config is not None else None
        model.generation_config = GenerationConfig(eos_token_id=eos, pad_token_id=0)
    return model


def generates(model):
    """Of encoders, some classes have the method, and give nothing of use."""
    return hasattr(model, "can_generate") and model.can_generate() and not type(model).__name__.endswith("ForMaskedLM")


def run(model, ids, **options):
    """What the model gives, and its logits: a row a token, or one row for the whole text."""
    if generates(model):
        options["use_cache"] = False
    out = model(torch.tensor([ids]), **options)
    if "start_logits" in out:
        return out, torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    name = next(name for name in ("logits", "prediction_logits", "last_hidden_state") if hasattr(out, name))
    rows = getattr(out, name)[0]
    return out, rows[None] if rows.ndim == 1 else rows


class RotaryState:
    """Rotary tables as they are after loading: dynamic scaling grows them with the longest prompt so far, and keeps them."""

    def __init__(self, model):
        self.kept = []
        for module in model.modules():
            if "rotary" in type(module).__name__.lower():
                values = {**module.__dict__, **module._buffers}
                kept = {key: value.clone() if torch.is_tensor(value) else value for key, value in values.items()
                        if torch.is_tensor(value) or isinstance(value, (int, float))}
                self.kept.append((module, kept))

    def restore(self):
        for module, kept in self.kept:
            for key, value in kept.items():
                place = module._buffers if key in module._buffers else module.__dict__
                place[key] = value.clone() if torch.is_tensor(value) else value


def fits_in_float64(model):
    """Whether this machine has room for the weights in float64, beside as much again."""
    size = 8 * sum(parameter.numel() for parameter in model.parameters())
    try:
        return 2 * size <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return size < 2**32


def add_float64(model, prompts, max_positions, tensors):
    """The same logits in float64. The rotary table stays as float32 has it, which is what models are trained with."""
    model = model.double()
    state = RotaryState(model)
    for n, ids in enumerate(prompts):
        state.restore()
        logits = run(model, ids)[1][-max_positions:]
        if logits.dtype != torch.float64:
            print(f"no float64 logits: this model's code gives {logits.dtype}")
            return
        tensors[f"prompt.{n}.logits_f64"] = logits.contiguous().clone()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("--input-ids", action="append", default=[])
    parser.add_argument("--greedy-tokens", type=int, default=16)
    parser.add_argument("--no-hidden-states", action="store_true")
    parser.add_argument("--no-float64", action="store_true", help="no logits in float64, which need 8 bytes a parameter")
    parser.add_argument("--max-positions", type=int, default=40, help="logit rows kept for each prompt, from its end")
    parser.add_argument("--trust-remote-code", action="store_true")
    args = parser.parse_args()

    model = load(args.model, args.trust_remote_code)
    state = RotaryState(model)
    prompts = [[int(part) for part in ids.split(",")] for ids in args.input_ids]
    metadata = {
        "producer": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "dtype": "float32",
    }
    if args.prompt:
        encode = encoder(args.model, args.trust_remote_code)
        for text in args.prompt:
            metadata[f"prompt.{len(prompts)}.text"] = text
            prompts.append(encode(text))
    if not prompts:
        parser.error("expected --prompt or --input-ids")

    tensors = {}
    with torch.no_grad():
        for n, ids in enumerate(prompts):
            state.restore()
            result, rows = run(model, ids, output_hidden_states=not args.no_hidden_states)
            kept = rows[-args.max_positions :]
            tensors[f"prompt.{n}.input_ids"] = torch.tensor(ids, dtype=torch.int32)
            tensors[f"prompt.{n}.logits"] = kept.float().contiguous().clone()
            if len(kept) < len(ids):
                tensors[f"prompt.{n}.positions"] = torch.arange(len(rows) - len(kept), len(rows), dtype=torch.int32)
            for layer, states in enumerate(result.hidden_states or []):
                tensors[f"prompt.{n}.hidden_states.{layer}"] = states[0].float().contiguous().clone()
            if args.greedy_tokens > 0 and generates(model):
                for name, penalty in (("greedy_ids", 1.0), ("greedy_rp1.1_ids", 1.1)):
                    state.restore()
                    batch = torch.tensor([ids])
                    chosen = model.generate(
                        batch,
                        attention_mask=torch.ones_like(batch),
                        do_sample=False,
                        num_beams=1,
                        repetition_penalty=penalty,
                        max_new_tokens=args.greedy_tokens,
                        pad_token_id=0,
                    )
                    tensors[f"prompt.{n}.{name}"] = chosen[0].to(torch.int32)
        state.restore()
        if not args.no_float64:
            if fits_in_float64(model):
                add_float64(model, prompts, args.max_positions, tensors)
            else:
                print("no float64 logits: they need more memory than this machine has")
    save_file(tensors, args.out, metadata=metadata)
    print(f"{args.out}: {len(prompts)} prompts, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
`;
