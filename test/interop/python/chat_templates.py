"""Conversations in chat templates, as transformers' apply_chat_template writes them.

stdin: {folder, cases: [{template, messages}]}; stdout: [text, or null where the template refuses]. `folder` holds a tokenizer.model.
"""

from __future__ import annotations

import json
import sys

import transformers
from jinja2.exceptions import TemplateError
from transformers import LlamaTokenizer


def main() -> None:
    transformers.utils.logging.set_verbosity_error()
    request = json.load(sys.stdin)
    tokenizer = LlamaTokenizer.from_pretrained(request["folder"], local_files_only=True)
    texts = []
    for case in request["cases"]:
        try:
            texts.append(
                tokenizer.apply_chat_template(
                    case["messages"], chat_template=case["template"], tokenize=False, add_generation_prompt=True
                )
            )
        except TemplateError:
            texts.append(None)
    print(json.dumps(texts))


main()
