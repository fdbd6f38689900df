import { OPENCOMPASS_ANSWERS } from "./opencompass-answers.ts";

/** Exports data sets of OpenCompass configurations; its own inferencers render the prompts. */
export const OPENCOMPASS_SCRIPT = String.raw`#!/usr/bin/env python3
"""Exports data sets that an OpenCompass configuration names as tasks of weighbridge's eval: prompts rendered, labels, references.

    python export_opencompass.py configs/datasets/mmlu/mmlu_ppl_ac766d.py OUT --tokenizer MODEL
    weighbridge eval MODEL --data OUT --tasks OUT/lukaemon_mmlu_anatomy.json

Run it where OpenCompass runs: the folder that its data paths start from, in its environment. OpenCompass's own inferencers,
retrievers and templates render every prompt, with a model that only records them. With --tokenizer, worked examples that have no
room are dropped as OpenCompass drops them; without, all stay.
"""
import argparse
import fnmatch
import json
import re
import tempfile
from pathlib import Path

from mmengine.config import Config
from opencompass.models.base import BaseModel
from opencompass.registry import ICL_EVALUATORS, ICL_INFERENCERS, ICL_PROMPT_TEMPLATES, ICL_RETRIEVERS, TEXT_POSTPROCESSORS
from opencompass.utils import build_dataset_from_cfg, dataset_abbr_from_cfg

${OPENCOMPASS_ANSWERS}

class Recorder(BaseModel):
    """A model that computes nothing."""

    def __init__(self, tokenizer, length, meta_template):
        super().__init__(path="", max_seq_len=length, meta_template=meta_template)
        self.tokenizer = tokenizer

    def get_token_len(self, prompt):
        return 0 if self.tokenizer is None else len(self.tokenizer.encode(prompt))

    def get_ppl(self, inputs, mask_length=None):
        import numpy

        if mask_length is not None:
            raise SystemExit("normalizing_str: scores of a part of the text cannot be exported")
        return numpy.zeros(len(inputs))

    def generate(self, inputs, max_out_len, **_):
        return ["" for _ in inputs]


# A program around an answer that is code.
CODE = ["prompt", "test", "entry_point"]


def references(dataset, config):
    column = config["reader_cfg"]["output_column"]
    values = list(dataset.test[column])
    processor = config.get("eval_cfg", {}).get("dataset_postprocessor", {}).get("type")
    if processor is not None:
        if isinstance(processor, str):
            processor = TEXT_POSTPROCESSORS.get(processor)
        values = [processor(value) for value in values]
    return [str(value) for value in values]


def infer(dataset, config, model, length, answer_length):
    infer_cfg = config["infer_cfg"]
    made = {name: ICL_PROMPT_TEMPLATES.build(infer_cfg[name]) for name in ("ice_template", "prompt_template") if name in infer_cfg}
    retriever = ICL_RETRIEVERS.build({**infer_cfg["retriever"], "dataset": dataset})
    inferencer = {**infer_cfg["inferencer"], "model": model, "max_seq_len": length}
    if "gen" in name_of(inferencer["type"]).lower():
        inferencer.setdefault("max_out_len", answer_length)
    inferencer.setdefault("batch_size", 8)
    with tempfile.TemporaryDirectory() as folder:
        built = ICL_INFERENCERS.build(inferencer)
        built.inference(retriever, output_json_filepath=folder, output_json_filename="out.json", **made)
        results = json.loads((Path(folder) / "out.json").read_text())
    return [results[str(index)] for index in range(len(results))], inferencer


def rows_of(results, right):
    """Rows and the way that they are asked, told by what the inferencer wrote."""
    first = results[0]
    labels = [key.removeprefix("label: ") for key in first if key.startswith("label: ")]
    if not labels:
        rows = [{"answer": answer, "text_0": result["origin_prompt"]} for result, answer in zip(results, right)]
        return rows, None
    numbers = [label for label in labels if re.fullmatch(r"0|[1-9]\d*", label)]
    if numbers and labels != sorted(numbers, key=int):
        raise SystemExit(f"labels {labels}: whole numbers are expected in their order, before no others")
    rows = []
    for result, answer in zip(results, right):
        # "testing input" is the text without its worked examples.
        texts = [result[f"label: {label}"]["prompt"] for label in labels]
        rows.append({"answer": answer, **{f"text_{at}": text for at, text in enumerate(texts)}})
    return rows, labels


def export(config, out, model, args):
    abbr = re.sub(r"[^\w.-]", "_", dataset_abbr_from_cfg(config))
    # Refused before anything is read.
    eval_cfg = config.get("eval_cfg", {})
    metric = metric_of(eval_cfg)
    generates = "gen" in name_of(config["infer_cfg"]["inferencer"]["type"]).split(".")[-1].lower()
    rule = answer_from(eval_cfg, metric) if generates else None
    check_settings("inferencer", config["infer_cfg"]["inferencer"], KEPT)
    if config.get("n", 1) != 1:
        raise SystemExit(f"{abbr}: answers that are drawn {config['n']} times cannot be exported")
    if args.limit is not None:
        config["reader_cfg"]["test_range"] = f"[0:{args.limit}]"
    dataset = build_dataset_from_cfg(config)
    results, inferencer = infer(dataset, config, model, args.max_seq_len, args.max_out_len)
    if not results:
        raise SystemExit(f"{abbr}: no rows")
    rows, labels = rows_of(results, references(dataset, config))
    known = [name for name in CODE if name in dataset.test.column_names] if metric == "code" else []
    if known:
        # What --execute needs; before the prompt, into which later columns would be put.
        columns = [list(dataset.test[name]) for name in known]
        rows = [{"answer": row["answer"], **dict(zip(known, values)), **row} for row, values in zip(rows, zip(*columns))]
    if any(re.search(r"\{(text_\d+|answer)\}", text) for row in rows for text in row.values()):
        raise SystemExit(f"{abbr}: a prompt holds a column's name in braces, which would be filled in again")
    task = {"task": abbr, "about": f"exported from {args.config}", "rows": {"file": f"{abbr}.jsonl", "format": "jsonl"}, "answer": "{answer}"}
    if not generates:
        choices = {label: "{text_%d}" % at for at, label in enumerate(labels)}
        task["base"] = {"kind": "ppl", "prompt": "{choice}", "choices": choices}
    else:
        length = inferencer["max_out_len"]
        task["base"] = {"kind": "gen", "prompt": "{text_0}", "maxNewTokens": length, "answerFrom": rule, "metric": metric}
        stop = stop_of(eval_cfg, args.meta_template)
        if stop:
            task["base"]["stop"] = [stop]
    if metric == "code":
        task["id"] = "{answer}"
    (out / f"{abbr}.json").write_text(json.dumps(task, ensure_ascii=False, indent=2) + "\n")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (out / f"{abbr}.jsonl").write_text("".join(lines))
    print(f"{out / abbr}.json: {len(rows)} rows")


def stop_of(eval_cfg, meta_template):
    """OpenCompass cuts an answer at the first character of what ends the role's turn."""
    role = eval_cfg.get("pred_role")
    if role is None or meta_template is None:
        return ""
    turns = [turn for turn in meta_template["round"] if turn["role"] == role]
    return turns[0].get("end", "")[:1] if turns else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="a configuration of data sets, or of a whole evaluation")
    parser.add_argument("out", type=Path, help="the folder to write; give it to eval as --data, too")
    parser.add_argument("--only", default="*", help="data sets whose abbreviation matches, such as 'lukaemon_mmlu_*'")
    parser.add_argument("--model", help="a configuration of models; the first one's turns are rendered (meta_template)")
    parser.add_argument("--tokenizer", help="a folder for transformers' AutoTokenizer")
    parser.add_argument("--max-seq-len", type=int, default=2048)
    parser.add_argument("--max-out-len", type=int, default=100, help="of answers, where the data set does not say")
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    tokenizer = None
    if args.tokenizer is not None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(args.tokenizer, use_fast=False)
    models = Config.fromfile(args.model)["models"] if args.model is not None else [{}]
    args.meta_template = models[0].get("meta_template")
    config = Config.fromfile(args.config)
    lists = [value for key, value in config.items() if key == "datasets" or key.endswith("_datasets")]
    chosen = {dataset_abbr_from_cfg(each): each for datasets in lists for each in datasets}
    chosen = {abbr: each for abbr, each in chosen.items() if fnmatch.fnmatch(abbr, args.only)}
    if not chosen:
        raise SystemExit(f"{args.config}: no data sets that match {args.only}")
    args.out.mkdir(parents=True, exist_ok=True)
    for each in chosen.values():
        export(each, args.out, Recorder(tokenizer, args.max_seq_len, args.meta_template), args)


if __name__ == "__main__":
    main()
`;
