"""Scores texts with transformers as OpenCompass's PPL inferencer does: the cross-entropies of all tokens but the first, over the count
of all tokens. What the texts of one question have in common passes the model once.

    python transformers_scores.py MODEL TEXTS OUT float32|bfloat16

TEXTS has a line of JSON for each question: {"task", "index", "texts": {label: text}}. OUT gets {"task", "index", "scores", "ids"},
the ids of each text as AutoTokenizer gives them.
"""

import copy
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LONGEST = 2048


def entropies(logits, targets):
    """In float32, whatever the model computes in."""
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")


def scores_of(model, texts):
    shared = 0
    shortest = min(len(ids) for ids in texts)
    while shared < shortest - 1 and len({ids[shared] for ids in texts}) == 1:
        shared += 1
    shared = max(shared, 1)
    head = torch.tensor([texts[0][:shared]])
    out = model(input_ids=head, use_cache=True)
    begun = entropies(out.logits[0, :-1], head[0, 1:]).sum().item()
    last = out.logits[0, -1:]
    scores = []
    for ids in texts:
        rest = torch.tensor(ids[shared:])
        logits = last
        if len(rest) > 1:
            cache = copy.deepcopy(out.past_key_values)
            further = model(input_ids=rest[None, :-1], past_key_values=cache, use_cache=True)
            logits = torch.cat([last, further.logits[0]])
        scores.append((begun + entropies(logits, rest).sum().item()) / len(ids))
    return scores


def main():
    folder, source, out, dtype = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=getattr(torch, dtype)).eval()
    with open(source, encoding="utf-8") as lines, open(out, "w", encoding="utf-8") as target, torch.inference_mode():
        for line in lines:
            asked = json.loads(line)
            ids = [tokenizer(text)["input_ids"][-LONGEST:] for text in asked["texts"].values()]
            scores = dict(zip(asked["texts"], scores_of(model, ids)))
            print(json.dumps({**{key: asked[key] for key in ("task", "index")}, "scores": scores, "ids": ids}), file=target, flush=True)


main()
