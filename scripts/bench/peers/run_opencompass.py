"""Asks a model MMLU's questions with OpenCompass's own inferencer and prints one line of JSON.

usage: python run_opencompass.py MODEL DATA SUBJECT,...   (in the environment that scripts/own-environment.mjs makes of "opencompass")
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import torch
from opencompass import __version__
from opencompass.datasets import MMLUDataset
from opencompass.models import HuggingFaceCausalLM
from opencompass.openicl.icl_inferencer import PPLInferencer
from opencompass.openicl.icl_prompt_template import PromptTemplate
from opencompass.openicl.icl_retriever import FixKRetriever

LETTERS = ["A", "B", "C", "D"]
SHOTS = 5


class Counting(HuggingFaceCausalLM):
    """Keeps what passes the model."""

    texts: list[str] = []

    def _get_ppl(self, inputs, mask_length=None):
        self.texts += inputs
        return super()._get_ppl(inputs, mask_length)


def for_old_readers(source: Path, folder: Path) -> str:
    """The model with its tokenizer as the library of 2023 reads it: merges as texts, and a field that it does not do without."""
    for path in source.iterdir():
        (folder / path.name).symlink_to(path.resolve())
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    tokenizer["model"]["merges"] = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    for step in [tokenizer["decoder"], *tokenizer["pre_tokenizer"]["pretokenizers"]]:
        if step["type"] == "ByteLevel":
            step.setdefault("trim_offsets", True)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return str(folder)


def ask(model: HuggingFaceCausalLM, data: str, subject: str) -> list[dict]:
    columns = ["input", *LETTERS]
    rows = MMLUDataset(path=f"{data}/mmlu", name=subject,
                       reader_cfg=dict(input_columns=columns, output_column="target", train_split="dev"))  # fmt: skip
    head = f"The following are multiple choice questions (with answers) about  {subject.replace('_', ' ')}.\n\n"
    body = "{input}\nA. {A}\nB. {B}\nC. {C}\nD. {D}\nAnswer: "
    shot = PromptTemplate(template={label: f"{body}{label}\n" for label in LETTERS})
    asked = PromptTemplate(template={label: f"{head}</E>{body}{label}" for label in LETTERS}, ice_token="</E>")
    inferencer = PPLInferencer(model=model, max_seq_len=2048, batch_size=8, fix_id_list=list(range(SHOTS)))
    with tempfile.TemporaryDirectory() as folder:
        inferencer.inference(FixKRetriever(rows), ice_template=shot, prompt_template=asked,
                             output_json_filepath=folder, output_json_filename="out.json")  # fmt: skip
        found = json.loads((Path(folder) / "out.json").read_text())
    return [found[str(at)] for at in range(len(found))]


def main() -> None:
    path, data, subjects = sys.argv[1:4]
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        model = Counting(path=for_old_readers(Path(path), Path(folder)), max_seq_len=2048, model_kwargs=dict(torch_dtype=torch.float32),
                         tokenizer_kwargs=dict(padding_side="left", truncation_side="left", use_fast=True))  # fmt: skip
        begin = time.perf_counter()
        items = [item for subject in subjects.split(",") for item in ask(model, data, subject)]
        end = time.perf_counter()
    print(json.dumps({
        "version": f"OpenCompass {__version__}, torch {torch.__version__}",
        "askSeconds": end - begin,
        "tokens": sum(len(model.tokenizer(text)["input_ids"]) for text in model.texts),
        "predictions": "".join(item["prediction"] for item in items),
        "scores": [[item[f"label: {label}"]["PPL"] for label in LETTERS] for item in items],
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
