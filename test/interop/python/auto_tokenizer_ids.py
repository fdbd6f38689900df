"""Ids and texts by transformers' AutoTokenizer, without code of the folder."""

import json
import sys
import warnings

from transformers import AutoTokenizer
from transformers.utils import logging

logging.set_verbosity_error()
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(given["folder"], trust_remote_code=False)
ids = [tokenizer(text)["input_ids"] for text in given["texts"]]
print(json.dumps({
    "class": type(tokenizer).__name__,
    "ids": ids,
    "decoded": [tokenizer.decode(sequence, skip_special_tokens=True) for sequence in ids],
}))
