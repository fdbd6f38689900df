import type { ServeOptions } from "../../api/serve.ts";
import { WbError } from "../../errors/wb-error.ts";
import { optionalNumber, optionalSize, optionalString, requiredString } from "../arguments.ts";
import type { Arguments, Command, CommandContext } from "../command.ts";
import { runtimeOptions, withRuntimeOptions } from "../runtime-options.ts";

export const serve: Command = {
  usage: "serve <model> [other]",
  summary: "answer over HTTP in the language of OpenAI's API, with a page to chat and compare",
  examples: [
    ["$0 serve internlm-chat-7b", "at http://127.0.0.1:8000, for this machine alone"],
    ["$0 serve internlm-7b converted --port 9000", "two models; the page shows them side by side"],
    ["WEIGHBRIDGE_API_KEY=… $0 serve vicuna-7b --host 0.0.0.0", "for others too, who need the key"],
  ],
  options: (argv) =>
    withRuntimeOptions(argv)
      .positional("model", { type: "string", describe: "a file of weights, an index or a folder" })
      .positional("other", { type: "string", describe: "a second one" })
      .option("host", {
        type: "string",
        describe: "address to listen at; 127.0.0.1; any that others can reach needs a key",
      })
      .option("port", { type: "number", describe: "8000; 0 for any that is free" })
      .option("api-key", {
        type: "string",
        describe: "key that clients must send; better in WEIGHBRIDGE_API_KEY, where ps shows none",
      })
      .option("template", {
        type: "string",
        describe: "chat template: a built-in one or one of the tokenizer's, told from the model",
      })
      .option("context", {
        type: "number",
        describe: "tokens of prompt and answer at most; the model's own context",
      })
      .option("max-new-tokens", {
        type: "number",
        describe: "new tokens of an answer at most; what the context has room for",
      })
      .option("max-body-size", { type: "string", describe: "size of a request at most; 4MiB" })
      .option("queue", {
        type: "number",
        describe: "requests to a model that wait or are answered; 64, more get 429",
      })
      .option("batch", {
        type: "number",
        describe: "texts that a model generates at the same time, at most; 8",
      })
      .option("request-timeout", {
        type: "number",
        describe: "seconds for a request, waiting included; 600",
      })
      .option("grace", {
        type: "number",
        describe: "seconds that running answers have to end when the server stops; 10",
      }),
  run: async (args, context) => {
    const { startServer } = await import("../../api/serve.ts");
    const { isLoopback } = await import("../../serve/guard.ts");
    const other = optionalString(args, "other");
    const paths = [requiredString(args, "model"), ...(other === undefined ? [] : [other])];
    const server = await startServer(paths, serveOptions(args, context));
    context.note(`listening at ${server.url}; models: ${server.models.join(", ")}`);
    if (!isLoopback(optionalString(args, "host") ?? "127.0.0.1"))
      context.note(
        "warning: others can reach this address, and HTTP hides neither key nor text; put a proxy with TLS before it",
      );
    try {
      await untilStopped(server.ready, context.signal, () => context.note("ready"));
    } catch (error) {
      await server.stop();
      throw error;
    }
    context.note("stopping: answers at work may end");
    const stopped = await server.stop();
    if (stopped.cut > 0)
      throw new WbError("WB9001", `stopped; ${stopped.cut} answers were cut off`);
    return {
      ok: true,
      json: { url: server.url, models: server.models, ...stopped },
      text: context.speech.text(
        `stopped: ${stopped.answered} requests answered, ${stopped.failed} failed, ${stopped.cancelled} cancelled`,
      ),
    };
  },
};

/** Ends with the signal: to be stopped is how a server ends. @throws what keeps a model from being loaded. */
async function untilStopped(
  ready: Promise<void>,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const isLoaded = await Promise.race([ready.then(() => true), stopped.then(() => false)]);
  if (!isLoaded) return;
  onReady();
  await stopped;
}

function serveOptions(args: Arguments, context: CommandContext): ServeOptions {
  return {
    ...runtimeOptions(args, context),
    host: optionalString(args, "host"),
    port: optionalNumber(args, "port"),
    apiKey: optionalString(args, "api-key"),
    template: optionalString(args, "template"),
    context: optionalNumber(args, "context"),
    maxNewTokens: optionalNumber(args, "max-new-tokens"),
    maxBodyBytes: optionalSize(args, "max-body-size"),
    queue: optionalNumber(args, "queue"),
    batch: optionalNumber(args, "batch"),
    timeoutSeconds: optionalNumber(args, "request-timeout"),
    graceSeconds: optionalNumber(args, "grace"),
    onLoad: (done, total) => context.progress({ phase: "load", done, total, unit: "layers" }),
    onNotes: (id, notes) => {
      for (const note of notes) context.note(`${id}: ${note}`);
    },
  };
}
