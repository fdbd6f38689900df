"""Runs OpenCompass's own tasks, inference and scoring, on configurations of its own, and exports the same with `eval script`.

Input: {script, model, context, out_len, out, work, sets: [{config, only, chat}], refused: [{config, only}]}, run where the data's
paths start from. The last line says for each data set what its inferencer wrote, its score, and what was exported; and what the
export said of those that it refuses.
"""

import contextlib
import fnmatch
import io
import json
import runpy
import shutil
import sys
import types
from operator import eq
from pathlib import Path

import sklearn.metrics
import torch
import transformers

# Its tasks for pictures load optimizers that today's torch has under the same names.
sys.modules["opencompass.tasks.mm_infer"] = types.ModuleType("opencompass.tasks.mm_infer")
from mmengine.config import Config, ConfigDict
from opencompass import __version__
from opencompass.models import HuggingFaceCausalLM
from opencompass.tasks import OpenICLEvalTask, OpenICLInferTask

torch.set_num_threads(2)
# All that the later version's accuracy takes of scikit-learn.
sklearn.metrics.accuracy_score = lambda right, given, **_: sum(map(eq, right, given)) / len(right)
MARKS = dict(round=[
    dict(role="HUMAN", begin="<|User|>:", end="<eoh>\n"),
    dict(role="BOT", begin="<|Bot|>:", end="<eoa>\n", generate=True),
])  # fmt: skip


def with_tokenizer(model: Path, vocabulary: str) -> None:
    """Python's own tokenizer beside the weights, as the generator of the fixtures makes it."""
    transformers.LlamaTokenizer(vocabulary, legacy=True, pad_token="</s>").save_pretrained(model)


def chosen(each: dict) -> list:
    config = Config.fromfile(each["config"])
    lists = [value for key, value in config.items() if key.endswith("_datasets")]
    return [data for datasets in lists for data in datasets if fnmatch.fnmatch(data["abbr"], each["only"])]


def model_config(given: dict, chat: bool) -> dict:
    return dict(
        type=HuggingFaceCausalLM, abbr="chat" if chat else "base", path=given["model"], tokenizer_path=given["model"],
        tokenizer_kwargs=dict(padding_side="left", truncation_side="left", use_fast=False),
        model_kwargs=dict(torch_dtype=torch.float32), max_seq_len=given["context"], max_out_len=given["out_len"],
        batch_size=8, batch_padding=False, **(dict(meta_template=MARKS) if chat else {}),
    )  # fmt: skip


def item_of(written: dict) -> dict:
    """The texts that the model was given, and what came of them."""
    labels = {key.removeprefix("label: "): value for key, value in written.items() if key.startswith("label: ")}
    prompts = [value["prompt"] for value in labels.values()] or [written["origin_prompt"]]
    scores = {label: value["PPL"] for label, value in labels.items()}
    return {"prompts": prompts, "scores": scores, "prediction": str(written["prediction"])}


def run_tasks(given: dict, chat: bool, work: Path) -> dict:
    # Tasks write into their configuration: each reads it anew.
    read = lambda: [data for each in given["sets"] if each["chat"] == chat for data in chosen(each)]  # noqa: E731
    config = lambda: ConfigDict(  # noqa: E731
        models=[model_config(given, chat)], datasets=[read()], work_dir=str(work), eval=dict(runner=dict(task=dict()))
    )
    OpenICLInferTask(config()).run()
    OpenICLEvalTask(config()).run()
    name = "chat" if chat else "base"
    found = {}
    for data in read():
        items = json.loads((work / "predictions" / name / f"{data['abbr']}.json").read_text())
        score = json.loads((work / "results" / name / f"{data['abbr']}.json").read_text())
        found[f"{name}/{data['abbr']}"] = {
            "items": [item_of(items[str(at)]) for at in range(len(items))],
            "score": score["accuracy"] if "accuracy" in score else score["score"],
        }
    return found


def export(given: dict, each: dict, out: Path) -> None:
    args = [each["config"], str(out), "--only", each["only"], "--tokenizer", given["model"],
            "--max-seq-len", str(given["context"]), "--max-out-len", str(given["out_len"])]  # fmt: skip
    if each.get("chat"):
        args += ["--model", given["marks"]]
    sys.argv = [given["script"], *args]
    runpy.run_path(given["script"], run_name="__main__")


def refusal(given: dict, each: dict) -> str:
    try:
        export(given, each, Path(given["out"]) / "refused")
    except SystemExit as refused:
        return str(refused)
    return ""


def main() -> None:
    given = json.load(sys.stdin)
    with_tokenizer(Path(given["model"]), given["vocabulary"])
    work = Path(given["work"])
    shutil.rmtree(work, ignore_errors=True)
    Path(given["marks"]).write_text(f"models = [dict(meta_template={MARKS!r})]\n")
    with contextlib.redirect_stdout(io.StringIO()):
        for each in given["sets"]:
            export(given, each, Path(given["out"]) / ("chat" if each["chat"] else "base"))
        refused = [refusal(given, each) for each in given["refused"]]
        found = {**run_tasks(given, False, work), **run_tasks(given, True, work)}
    print(json.dumps({"version": __version__, "sets": found, "refused": refused}))


if __name__ == "__main__":
    main()
