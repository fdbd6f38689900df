/** Records a golden file with torch and transformers, from a converted folder or any folder that transformers loads. */
export const TRANSFORMERS_SCRIPT = `#!/usr/bin/env python3
"""Records a golden file for weighbridge from transformers.

    pip install torch transformers safetensors sentencepiece protobuf
    python record_golden.py MODEL golden.safetensors --prompt "A beautiful flower" --prompt "来到美丽的大自然"
    python record_golden.py MODEL golden.safetensors --input-ids 1,290,6389

MODEL is a folder that transformers loads (the output of \`weighbridge convert\`, or the published folder with
--trust-remote-code). Weights are computed with in float32.
"""
import argparse
import json
import os

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--prompt", action="append", default=[])
    parser.add_argument("--input-ids", action="append", default=[])
    parser.add_argument("--greedy-tokens", type=int, default=16)
    parser.add_argument("--no-hidden-states", action="store_true")
    parser.add_argument("--max-positions", type=int, default=40, help="logit rows kept for each prompt, from its end")
    parser.add_argument("--trust-remote-code", action="store_true")
    args = parser.parse_args()

    model = AutoModelForCausalLM.from_pretrained(
        args.model, trust_remote_code=args.trust_remote_code
    )
    model = model.float().eval()
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
            batch = torch.tensor([ids])
            result = model(batch, output_hidden_states=not args.no_hidden_states, use_cache=False)
            kept = min(len(ids), args.max_positions)
            tensors[f"prompt.{n}.input_ids"] = torch.tensor(ids, dtype=torch.int32)
            tensors[f"prompt.{n}.logits"] = result.logits[0, -kept:].float().contiguous()
            if kept < len(ids):
                tensors[f"prompt.{n}.positions"] = torch.arange(len(ids) - kept, len(ids), dtype=torch.int32)
            for layer, states in enumerate(result.hidden_states or []):
                tensors[f"prompt.{n}.hidden_states.{layer}"] = states[0].float().contiguous()
            if args.greedy_tokens > 0:
                for name, penalty in (("greedy_ids", 1.0), ("greedy_rp1.1_ids", 1.1)):
                    chosen = model.generate(
                        batch,
                        attention_mask=torch.ones_like(batch),
                        do_sample=False,
                        repetition_penalty=penalty,
                        max_new_tokens=args.greedy_tokens,
                        pad_token_id=0,
                    )
                    tensors[f"prompt.{n}.{name}"] = chosen[0].to(torch.int32)
    save_file(tensors, args.out, metadata=metadata)
    print(f"{args.out}: {len(prompts)} prompts, {len(tensors)} tensors")


if __name__ == "__main__":
    main()
`;
