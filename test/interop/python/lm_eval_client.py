"""Asks a server by the clients of EleutherAI's evaluation harness.

stdin: {url, pairs: [[context ids, continuation ids]], text}; stdout: {loglikelihoods: [[sum, greedy]], together, generated, chatted}
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys

os.environ["OPENAI_API_KEY"] = "none"
logging.disable(logging.CRITICAL)

from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI


def completions(url: str, concurrent: int) -> LocalCompletionsAPI:
    made = LocalCompletionsAPI(
        model="served", base_url=f"{url}/v1/completions", tokenizer_backend="None", batch_size=2, num_concurrent=concurrent
    )
    # Prompts come as ids, so that nothing is tokenized here; the harness only asks that there be a tokenizer.
    made.tokenizer = object()
    made.tokenized_requests = True
    return made


def main() -> None:
    asked = json.load(sys.stdin)
    url = asked["url"]
    requests = [(("", ""), context, continuation) for context, continuation in asked["pairs"]]
    settings = {"until": ["\n"], "max_gen_toks": 6, "do_sample": False, "temperature": 0}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        single = completions(url, 1)._loglikelihood_tokens(requests)
        together = completions(url, 4)._loglikelihood_tokens(requests)
        writer = LocalCompletionsAPI(model="served", base_url=f"{url}/v1/completions", tokenizer_backend="None")
        generated = writer.generate_until([Instance("generate_until", {}, (asked["text"], dict(settings)), 0)])
        chatter = LocalChatCompletion(model="served", base_url=f"{url}/v1/chat/completions")
        message = chatter.apply_chat_template([{"role": "user", "content": asked["text"]}])
        chatted = chatter.generate_until([Instance("generate_until", {}, (message, dict(settings)), 0)])
    print(json.dumps({"loglikelihoods": single, "together": together, "generated": generated, "chatted": chatted}))


main()
