"""Draws small encoders under each head that transformers has a class of, and UIE, and saves what they give.

stdin: {folder, only?: [class, …]}; stdout: [class, …]. Each is a folder of the class' name, and NAME.golden.safetensors beside it.
"""

from __future__ import annotations

import json
import os
import sys

import safetensors.torch
import torch
import transformers

SIZES = {"vocab_size": 128, "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2, "num_attention_heads": 4, "layer_norm_eps": 1e-5}
LABELS = {"num_labels": 5}
COMMON = ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"]
FAMILIES = {
    "Bert": ({"max_position_embeddings": 64, "pad_token_id": 0}, [*COMMON, "ForNextSentencePrediction"]),
    "Roberta": ({"max_position_embeddings": 66, "pad_token_id": 1, "type_vocab_size": 1}, COMMON),
    "Ernie": (
        {"max_position_embeddings": 64, "pad_token_id": 0, "use_task_id": True, "task_type_vocab_size": 3, "type_vocab_size": 4, "hidden_act": "relu"},
        [*COMMON, "ForNextSentencePrediction"],
    ),
}
PROMPTS = [[5, 9, 33, 7, 81, 2], [2], [3, 3, *range(10, 30)]]


class Uie(torch.nn.Module):
    """PaddleNLP 3.0.0b4, transformers/ernie/modeling.py, `UIE`: its probabilities are the sigmoids of these."""

    def __init__(self, config: transformers.ErnieConfig) -> None:
        super().__init__()
        self.config = config
        self.ernie = transformers.ErnieModel(config)
        self.linear_start = torch.nn.Linear(config.hidden_size, 1)
        self.linear_end = torch.nn.Linear(config.hidden_size, 1)

    def forward(self, ids: torch.Tensor, **options: bool):
        out = self.ernie(ids, **options)
        states = out.last_hidden_state
        out.logits = torch.cat([self.linear_start(states), self.linear_end(states)], -1)
        return out

    def save_pretrained(self, folder: str) -> None:
        os.makedirs(folder)
        # As `save_pretrained` orders names.
        weights = {name: value.contiguous() for name, value in self.state_dict().items() if "position_ids" not in name and "token_type_ids" not in name}
        safetensors.torch.save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
        with open(f"{folder}/config.json", "w") as file:
            json.dump(self.config.to_dict() | {"architectures": ["UIE"]}, file)


def rows_of(name: str, out, count: int) -> torch.Tensor:
    if name.endswith("QuestionAnswering"):
        return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    rows = out.last_hidden_state[0] if name.endswith("Model") else out.logits[0]
    return rows[None] if rows.ndim == 1 else rows[:count]


@torch.no_grad()
def draw(name: str, model: torch.nn.Module, folder: str) -> None:
    model.eval()
    for parameter, value in model.named_parameters():
        around = 1.0 if "LayerNorm.weight" in parameter or "layer_norm.weight" in parameter else 0.0
        value.copy_(torch.randn_like(value) * 0.1 + around)
    model.save_pretrained(f"{folder}/{name}")
    tensors = {}
    for number, ids in enumerate(PROMPTS):
        out = model(torch.tensor([ids]), output_hidden_states=True)
        rows, at = rows_of(name, out, len(ids)), f"prompt.{number}."
        if len(rows) != len(ids):
            tensors[at + "positions"] = torch.tensor([0], dtype=torch.int32)
        tensors[at + "input_ids"] = torch.tensor(ids, dtype=torch.int32)
        tensors[at + "logits"] = rows.contiguous().clone()
        for layer, state in enumerate(out.hidden_states):
            tensors[f"{at}hidden_states.{layer}"] = state[0].contiguous().clone()
    metadata = {"producer": f"transformers {transformers.__version__} {name}", "dtype": "float32"}
    safetensors.torch.save_file(tensors, f"{folder}/{name}.golden.safetensors", metadata=metadata)


def main() -> None:
    payload = json.load(sys.stdin)
    folder, only = payload["folder"], payload.get("only")
    os.makedirs(folder)
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    drawn = []
    for family, (fields, heads) in FAMILIES.items():
        for head in heads:
            name = family + head
            if only is not None and name not in only:
                continue
            config = getattr(transformers, family + "Config")(**SIZES, **fields, **(LABELS if "Classification" in head else {}))
            draw(name, getattr(transformers, name)(config), folder)
            drawn.append(name)
    draw("UIE", Uie(transformers.ErnieConfig(**SIZES, **FAMILIES["Ernie"][0])), folder)
    print(json.dumps([*drawn, "UIE"]))


main()
