import type { GenerateChatOptions, GenerateOptions, GenerateResult } from "../../api/generate.ts";
import type { GeneratedText } from "../../session/generator.ts";
import { WbError } from "../../errors/wb-error.ts";
import {
  flag,
  optionalChoice,
  optionalNumber,
  optionalString,
  requiredString,
} from "../arguments.ts";
import { chatOptions, withChatOptions } from "../chat-options.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { BEYOND_CONTEXT } from "../../options/choices.ts";
import { listOf, requiredPrompts, withPromptOptions } from "../prompt-options.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";
import { samplingOptions, withSamplingOptions } from "../sampling-options.ts";

export const generate: Command = {
  usage: "generate <model>",
  summary: "continue a prompt",
  examples: [
    ["$0 generate internlm-7b --prompt 'A beautiful flower' --max-new-tokens 40", "greedily"],
    [
      "$0 generate internlm-7b --prompt '来到美丽的大自然' --max-length 128 --do-sample --top-p 0.8 --temperature 0.8 --repetition-penalty 1.1",
      "by sampling",
    ],
    ["$0 generate internlm-7b --input-ids 1,290,6389 --json", "for programs"],
    ["$0 generate internlm-chat-7b --chat --prompt hello", "answer a question"],
  ],
  options: (argv) =>
    withSamplingOptions(withChatOptions(withPromptOptions(withRuntimeOptions(argv))), {
      temperature: "1",
      topP: "1",
      seed: "0",
    })
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .option("max-new-tokens", { type: "number", describe: "new tokens at most" })
      .option("max-length", { type: "number", describe: "tokens of prompt and answer at most" })
      .option("do-sample", { type: "boolean", describe: "draw tokens; without it, greedy" })
      .option("chat", {
        type: "boolean",
        describe:
          "take --prompt for a question, in the model's chat template; print the answer alone",
      })
      .option("messages", {
        type: "string",
        describe: "a conversation as JSON, [{role, content}, …], instead of --prompt; needs --chat",
      })
      .option("beyond-context", {
        type: "string",
        describe:
          "dynamic NTK past the trained context: recompute (exact, the default) or cached (as InternLM's own generate: fast)",
      })
      .option("stop", {
        type: "string",
        describe: "text that ends the answer; give it again for another",
      }),
  run: async (args, context) => {
    const { generate: run } = await import("../../api/generate.ts");
    const options = await optionsOf(args, context);
    const isOne = options.prompts.length + (options.chat?.conversations.length ?? 0) === 1;
    const isChat = options.chat !== undefined;
    const streams = isOne && !context.json;
    const result = await run(requiredString(args, "model"), {
      ...options,
      ...(streams ? { onText: (_prompt: number, text: string) => context.stream(text) } : {}),
    });
    const wasStreamed = streams && result.results[0]?.text !== null;
    // The answer's line ends before anything else is written to the terminal.
    if (wasStreamed) context.stream("\n");
    for (const note of result.notes) context.note(note);
    context.note(statistics(result));
    const { results, ...facts } = result;
    const [first] = results;
    return {
      ok: true,
      json: { ...first, ...facts, results },
      text: wasStreamed
        ? ""
        : results.map((entry, index) => plain(entry, index, isOne, isChat)).join("\n"),
    };
  },
};

async function optionsOf(args: Arguments, context: CommandContext): Promise<GenerateOptions> {
  const chat = await chatOf(args);
  const doSample = flag(args, "do-sample");
  return {
    ...runtimeOptions(args, context),
    prompts: chat === undefined ? requiredPrompts(args) : [],
    chat,
    maxNewTokens: optionalNumber(args, "max-new-tokens"),
    maxLength: optionalNumber(args, "max-length"),
    doSample,
    ...samplingOptions(args),
    stop: listOf(args["stop"]),
    beyondContext: optionalChoice(args, "beyond-context", BEYOND_CONTEXT),
    onProgress: (phase, done, total) => {
      const unit = phase === "load" ? "layers" : "tokens";
      if (phase === "load" || context.json) context.progress({ phase, done, total, unit });
    },
  };
}

/** Conversations of --prompt and --messages. @throws WbError WB2001 where --chat and the others do not go together. */
async function chatOf(args: Arguments): Promise<GenerateChatOptions | undefined> {
  const { system, ...options } = chatOptions(args);
  const file = optionalString(args, "messages");
  if (!flag(args, "chat")) {
    if (file === undefined && system === undefined && options.template === undefined)
      return undefined;
    throw new WbError("WB2001", "--messages, --system and --template need --chat", {
      details: { option: "--chat" },
    });
  }
  if (args["input-ids"] !== undefined)
    throw new WbError("WB2001", "--chat takes --prompt or --messages, not --input-ids", {
      details: { option: "--input-ids" },
    });
  const questions = listOf(args["prompt"]);
  if (file === undefined && questions.length === 0)
    throw new WbError("WB2001", "--chat: expected --prompt or --messages", {
      details: { option: "--chat" },
    });
  const { readMessages } = await import("../../api/chat-messages.ts");
  const messages = file === undefined ? [] : [await readMessages(file)];
  const asked = questions.map((content) => [{ role: "user" as const, content }]);
  return { ...options, system, conversations: [...messages, ...asked] };
}

function plain(
  { text, newText, ids }: GeneratedText,
  index: number,
  isOne: boolean,
  isChat: boolean,
): string {
  const shown = (isChat ? newText : text) ?? ids.join(",");
  return isOne ? shown : `[${index}] ${shown}`;
}

function statistics({
  results,
  tokensPerSecond,
  loadSeconds,
  prefillSeconds,
  peakMemoryBytes,
  device,
  compute,
  activations,
}: GenerateResult): string {
  const tokens = results.reduce((sum, { newTokens }) => sum + newTokens, 0);
  return `${tokens} new tokens, ${tokensPerSecond.toFixed(1)} tokens/s (${device}, ${compute}${activations === "int8" ? ", activations int8" : ""}); load ${loadSeconds.toFixed(1)} s, prefill ${prefillSeconds.toFixed(2)} s, peak memory ${(peakMemoryBytes / 2 ** 20).toFixed(0)} MiB`;
}
