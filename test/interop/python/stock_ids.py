"""Texts of every script, and what stock transformers' AutoTokenizer makes of them in folders that need no remote code."""

import json
import sys
import warnings
from pathlib import Path

from transformers import AutoTokenizer
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "make"))
from unicode_corpus import Corpus  # noqa: E402

logging.set_verbosity_error()
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
texts = Corpus(given["seed"]).texts(given["texts"]) + given["more"]
answers = {}
for name, folder in given["folders"].items():
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(texts)["input_ids"]
    answers[name] = {
        "class": type(tokenizer).__name__,
        "size": len(tokenizer),
        "ids": ids,
        "bare": tokenizer(texts, add_special_tokens=False)["input_ids"],
        "pair": tokenizer("A beautiful", "flower")["input_ids"],
        "decoded": tokenizer.batch_decode(ids, skip_special_tokens=True),
    }
print(json.dumps({"texts": texts, "folders": answers}))
