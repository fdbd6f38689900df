"""What OpenAI's own Python client gets from a server: its address and key come in as JSON, what it saw goes out."""

from __future__ import annotations

import json
import sys

import openai


def main() -> None:
    asked = json.load(sys.stdin)
    client = openai.OpenAI(base_url=f"{asked['url']}/v1", api_key=asked["key"], max_retries=0)
    model = client.models.list().data[0].id
    whole = client.completions.create(model=model, prompt="hello", max_tokens=6, temperature=0, logprobs=2)
    pieces = list(
        client.completions.create(
            model=model, prompt="hello", max_tokens=6, temperature=0, stream=True, stream_options={"include_usage": True}
        )
    )
    messages = [{"role": "user", "content": "hello"}]
    chat = client.chat.completions.create(
        model=model, messages=messages, max_completion_tokens=5, temperature=0, logprobs=True, top_logprobs=3
    )
    spoken = client.chat.completions.create(
        model=model, messages=messages, max_completion_tokens=5, temperature=0, stream=True
    )
    response = client.responses.create(model=model, input="hello", max_output_tokens=5, temperature=0)
    told = list(client.responses.create(model=model, input="hello", max_output_tokens=5, temperature=0, stream=True))
    failures = []
    for work in (
        lambda: client.completions.create(model="no-such-model", prompt="x"),
        lambda: client.completions.create(model=model, prompt="x", temperature=-1),
        lambda: openai.OpenAI(base_url=f"{asked['url']}/v1", api_key="wrong", max_retries=0).models.list(),
    ):
        try:
            work()
            failures.append("none")
        except openai.APIStatusError as error:
            failures.append(type(error).__name__)
    print(
        json.dumps(
            {
                "text": whole.choices[0].text,
                "finish": whole.choices[0].finish_reason,
                "usage": whole.usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"}),
                "logprobs": len(whole.choices[0].logprobs.token_logprobs),
                "streamed": "".join(piece.choices[0].text for piece in pieces if piece.choices),
                "streamedUsage": pieces[-1].usage.completion_tokens,
                "chat": chat.choices[0].message.content,
                "role": chat.choices[0].message.role,
                "top": [len(entry.top_logprobs) for entry in chat.choices[0].logprobs.content],
                "spoken": "".join(piece.choices[0].delta.content or "" for piece in spoken if piece.choices),
                "response": response.output_text,
                "responseStatus": response.status,
                "responseUsage": response.usage.total_tokens == response.usage.input_tokens + 5,
                "told": "".join(event.delta for event in told if event.type == "response.output_text.delta"),
                "toldEnd": told[-1].response.output_text,
                "failures": failures,
                "version": openai.__version__,
            }
        )
    )


main()
