"""Texts of every script, and what Python makes of them with one SentencePiece model: transformers' fast class, and the library itself."""

import json
import sys
import warnings
from pathlib import Path

import sentencepiece
from transformers import AutoTokenizer
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parents[3] / "fixtures" / "make"))
from unicode_corpus import Corpus  # noqa: E402

logging.set_verbosity_error()
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
texts = Corpus(given["seed"]).texts(given["texts"])
answers = {}
for name, (folder, count) in given["folders"].items():
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    ids = tokenizer(texts[:count])["input_ids"]
    answers[name] = {
        "class": type(tokenizer).__name__,
        "ids": ids,
        "bare": tokenizer(texts[:count], add_special_tokens=False)["input_ids"],
        "decoded": tokenizer.batch_decode(ids, skip_special_tokens=True),
    }
library = sentencepiece.SentencePieceProcessor(model_file=given["model"])
raw = library.encode(texts)
print(json.dumps({
    "texts": texts, "folders": answers, "raw": raw, "rawDecoded": library.decode(raw),
}))
