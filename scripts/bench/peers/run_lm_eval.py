"""Asks a model MMLU's questions with lm-evaluation-harness and prints one line of JSON.

usage: python run_lm_eval.py MODEL DATA SUBJECT,... BATCH PACKAGES   (in the environment that scripts/own-environment.mjs makes of "lm-eval")

PACKAGES is a folder with torch and transformers. Its prompts are its own: the answer is " A" behind "Answer:", and only it is scored.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import resource
import sys
import tempfile
import time
import types
from pathlib import Path

sys.path.append(sys.argv[5])
# Imported for several devices, and not used on one.
UNUSED = {
    "accelerate": ("Accelerator", "InitProcessGroupKwargs", "find_executable_batch_size"),
    "accelerate.utils": ("get_max_memory",),
}
for module, names in UNUSED.items():
    sys.modules[module] = types.ModuleType(module)
    sys.modules[module].__spec__ = importlib.machinery.ModuleSpec(module, None, is_package=True)
    sys.modules[module].__path__ = []
    for name in names:
        setattr(sys.modules[module], name, type(name, (), {}))

import lm_eval  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

TASK = """task: mmlu_{subject}
dataset_path: csv
dataset_kwargs:
  column_names: [question, A, B, C, D, answer]
  data_files: {{ test: "{data}/mmlu/test/{subject}_test.csv", dev: "{data}/mmlu/dev/{subject}_dev.csv" }}
test_split: test
fewshot_split: dev
fewshot_config: {{ sampler: first_n }}
num_fewshot: 5
output_type: multiple_choice
description: "The following are multiple choice questions (with answers) about {title}.\\n\\n"
doc_to_text: "{{{{question.strip()}}}}\\nA. {{{{A}}}}\\nB. {{{{B}}}}\\nC. {{{{C}}}}\\nD. {{{{D}}}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list: [{{ metric: acc }}]
"""


class Counting(HFLM):
    """Counts what passes the model."""

    tokens = 0

    def _model_call(self, inps, *args, **kwargs):
        self.tokens += inps.numel()
        return super()._model_call(inps, *args, **kwargs)


def main() -> None:
    path, data, subjects, batch = sys.argv[1:5]
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        names = subjects.split(",")
        for subject in names:
            text = TASK.format(subject=subject, data=data, title=subject.replace("_", " "))
            (Path(folder) / f"{subject}.yaml").write_text(text)
        network = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        model = Counting(pretrained=network, tokenizer=tokenizer, batch_size=int(batch), max_length=2048)
        begin = time.perf_counter()
        found = lm_eval.simple_evaluate(model, tasks=[f"mmlu_{name}" for name in names], bootstrap_iters=0,
                                        task_manager=TaskManager(include_path=folder, include_defaults=False))  # fmt: skip
        end = time.perf_counter()
    print(json.dumps({
        "version": f"lm-eval {lm_eval.__version__}, torch {torch.__version__}",
        "askSeconds": end - begin,
        "tokens": model.tokens,
        "accuracies": [each["acc,none"] for each in found["results"].values()],
        "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
