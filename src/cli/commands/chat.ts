import type { Chat } from "../../api/chat.ts";
import { optionalNumber, requiredString } from "../arguments.ts";
import { chatOptions, withChatOptions } from "../chat-options.ts";
import type { Arguments, Command, CommandContext, CommandResult } from "../command.ts";
import { listOf } from "../prompt-options.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";
import { samplingOptions, withSamplingOptions } from "../sampling-options.ts";

export const chat: Command = {
  usage: "chat <model>",
  summary: "talk with a model, in its own chat template; one question a line",
  examples: [
    ["$0 chat internlm-chat-7b", "at a terminal; /help lists what it understands"],
    ["$0 chat vicuna-7b --template vicuna-v1.1 --system 'You weigh wagons.'", "in other words"],
    [
      "$0 chat vicuna-7b --no-do-sample --quiet",
      "questions piped in, a line each: always the same answers",
    ],
  ],
  options: (argv) =>
    withSamplingOptions(withChatOptions(withRuntimeOptions(argv)), {
      temperature: "the template's own",
      topP: "the template's own",
      seed: "another each time",
    })
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .option("do-sample", {
        type: "boolean",
        describe: "draw tokens, as the models' own chats do; yes",
      })
      .option("max-new-tokens", { type: "number", describe: "tokens of an answer at most; 1024" })
      .option("stop", {
        type: "string",
        describe: "text that ends an answer; give it again for another",
      }),
  run: async (args, context) => {
    const { openChat } = await import("../../api/chat.ts");
    const opened = await openChat(requiredString(args, "model"), {
      ...runtimeOptions(args, context),
      ...chatOptions(args),
      ...samplingOptions(args),
      ...(typeof args["do-sample"] === "boolean" ? { doSample: args["do-sample"] } : {}),
      maxNewTokens: optionalNumber(args, "max-new-tokens"),
      stop: listOf(args["stop"]),
      onLoad: (done, total) => {
        context.progress({ phase: "load", done, total, unit: "layers" });
      },
    });
    try {
      return await talk(opened, args, context);
    } finally {
      await opened.close();
    }
  },
};

async function talk(
  opened: Chat,
  args: Arguments,
  context: CommandContext,
): Promise<CommandResult> {
  const { converse, Interrupter } = await import("../chat/dialogue.ts");
  const { openLines } = await import("../chat/lines.ts");
  const { generator, prompts } = opened;
  for (const note of generator.notes) context.note(note);
  context.note(`template: ${prompts.template.name} (${prompts.why})`);
  const interrupter = new Interrupter(() => {
    lines.close();
  });
  const onInterrupt = (): void => {
    interrupter.interrupt();
  };
  const lines = openLines(process.stdin, process.stderr, onInterrupt);
  const release = context.onInterrupt(onInterrupt);
  const end = (): void => {
    lines.close();
  };
  context.signal.addEventListener("abort", end);
  try {
    if (lines.isTerminal) context.note("/help lists commands, /exit ends");
    const turns = await converse(opened, lines, interrupter, context);
    const { device, backend, compute, activations, residence, notes } = generator;
    return {
      ok: true,
      json: {
        model: requiredString(args, "model"),
        template: prompts.template.name,
        templateWhy: prompts.why,
        messages: opened.messages,
        turns,
        device,
        backend,
        compute,
        activations,
        residence,
        notes,
      },
      text: "",
    };
  } finally {
    context.signal.removeEventListener("abort", end);
    release();
    lines.close();
  }
}
