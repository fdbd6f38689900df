import type { CodeTable } from "../code-table.ts";

/** Codes of servers that a model is proved against (x96x): `verify --endpoint`. */
export const ENDPOINT_CODES = {
  WB1961: {
    title: "the server tells nothing that can be compared",
    meaning:
      "It gave neither log-probabilities nor token ids that belong to what was asked, so that nothing was compared: that is no verdict.",
    remedy:
      "Start the server with log-probabilities allowed (vLLM: --max-logprobs 5; llama.cpp and SGLang have them by default), or one that knows `return_token_ids`.",
    details: { url: "string" },
  },
  WB2961: {
    title: "not an address of a server",
    meaning:
      "--endpoint takes http:// or https://, without a user, a password, a query or a fragment; a key goes over an unencrypted connection to this machine alone.",
    remedy:
      "Write http://HOST:PORT/v1 as the server shows it, https where a key is needed, and the key's variable as --api-key-env NAME.",
    details: { url: "string" },
  },
  WB2962: {
    title: "the key's variable holds no key",
    meaning:
      "--api-key-env names an environment variable; it is not set, or holds what no HTTP header can carry.",
    remedy:
      "Set the variable for this command alone: NAME=… weighbridge verify … --api-key-env NAME.",
    details: { variable: "string" },
  },
  WB2963: {
    title: "the server has several models, or not the one that was named",
    meaning: "Which of its models is meant decides what is compared.",
    remedy: "Name one of those of the message with --model NAME.",
    details: { url: "string", models: "string[]" },
  },
  WB2964: {
    title: "a setting of the comparison with a server that cannot be",
    meaning:
      "The option belongs to --endpoint, or excludes it, or a prompt leaves no room for an answer.",
    remedy: "Read the message; `weighbridge verify --help` lists the options.",
    details: { setting: "string" },
  },
  WB3961: {
    title: "an answer that is not of OpenAI's completions",
    meaning:
      "The server's answer is no JSON, or lacks a field, or has one of another type, or contradicts what was asked: nothing of it was believed.",
    remedy: "Check that the address is that of an OpenAI-compatible server, and what is between.",
    details: { url: "string", expected: "string", found: "string" },
  },
  WB3962: {
    title: "the server sends elsewhere",
    meaning:
      "It answered with a redirect. None is followed: the key and the prompts are for the address that was given.",
    remedy: "Give the address that the server redirects to, where it is to be trusted.",
    details: { url: "string" },
  },
  WB3963: {
    title: "an answer without end",
    meaning: "The answer is longer than any answer to what was asked can be.",
    remedy: "Check what answers at the address.",
    details: { url: "string", limit: "number" },
  },
  WB4961: {
    title: "the server does not do what is asked",
    meaning: "It refused every form of the request for completions, or has no such route.",
    remedy: "Read its own words in the message; /v1/completions is needed, chat alone will not do.",
    details: { url: "string", status: "number" },
  },
  WB6961: {
    title: "the server cannot be reached",
    meaning:
      "The connection failed or broke, the answer did not come in time, or the server failed.",
    remedy: "Check that it runs and that the address is right; then try again.",
    details: { url: "string" },
  },
  WB6962: {
    title: "the server asks for a key",
    meaning: "It refused access (401 or 403).",
    remedy: "Give the name of the variable that holds the key: --api-key-env NAME.",
    details: { url: "string" },
  },
} as const satisfies CodeTable;
