import { optionalChoice, flag, optionalString, requiredString } from "../arguments.ts";
import type { Arguments, Command, CommandContext, CommandResult } from "../command.ts";
import { NATIVE_ACTIONS } from "../../options/choices.ts";

export const native: Command = {
  usage: "native <action>",
  summary: "install, show or remove native TensorFlow for Node",
  examples: [
    ["$0 native install", "TensorFlow for the CPU"],
    ["$0 native install --cuda", "TensorFlow for NVIDIA GPUs, with NVIDIA's libraries"],
    ["$0 native status", "what is there and whether it loads"],
    ["$0 native remove", "give the disk space back"],
  ],
  options: (argv) =>
    argv
      .positional("action", {
        type: "string",
        choices: NATIVE_ACTIONS,
        demandOption: true,
        describe: "what to do",
      })
      .option("cuda", { type: "boolean", describe: "the build for NVIDIA GPUs" })
      .option("python", {
        type: "string",
        describe: "the interpreter whose pip fetches the wheels (python3)",
      })
      .option("force", { type: "boolean", describe: "build anew also when it is there" }),
  run: async (args, context) => {
    const action = optionalChoice(args, "action", NATIVE_ACTIONS);
    switch (action ?? requiredString(args, "action")) {
      case "install":
        return install(args, context);
      case "remove":
        return remove();
      default:
        return status(context);
    }
  },
};

async function install(args: Arguments, context: CommandContext): Promise<CommandResult> {
  const { installNative } = await import("../../api/native.ts");
  const begin = performance.now();
  const installed = await installNative({
    variant: flag(args, "cuda") ? "cuda" : "cpu",
    python: optionalString(args, "python"),
    force: flag(args, "force"),
    signal: context.signal,
    onStep: (done, total, what) => {
      context.note(`native install: ${done} of ${total} steps done: ${what}`);
    },
    onOutput: context.verbose
      ? (text) => {
          context.note(text.trimEnd());
        }
      : undefined,
  });
  const seconds = (performance.now() - begin) / 1000;
  const { folder, tensorflow, tfjsNode, gpu, kernels, changed } = installed;
  const lines = [
    changed
      ? `TensorFlow ${tensorflow} with @tensorflow/tfjs-node-gpu ${tfjsNode} is ready after ${seconds.toFixed(0)} s`
      : `TensorFlow ${tensorflow} is already there; --force builds it anew`,
    folder,
    gpu ? "it sees a GPU" : `it runs on the CPU, ${kernelsOf(kernels)}`,
  ];
  const text = context.speech.text(lines.join("\n"));
  return { ok: true, json: { ...installed, seconds }, text };
}

function kernelsOf(instructionSet: string | null): string {
  return instructionSet === null
    ? "without kernels of our own (TensorFlow's are used)"
    : `kernels for ${instructionSet}`;
}

async function remove(): Promise<CommandResult> {
  const { removeNative } = await import("../../api/native.ts");
  const removed = await removeNative();
  const text = removed.length === 0 ? "nothing was there" : `removed ${removed.join(", ")}`;
  return { ok: true, json: { removed }, text };
}

async function status(context: CommandContext): Promise<CommandResult> {
  const { nativeStatus } = await import("../../api/native.ts");
  const { root, packages, devices } = await nativeStatus({ signal: context.signal });
  const lines = packages.map(({ origin, packageFolder, loads, failure }) => {
    if (loads === undefined) return `${origin}: ${packageFolder}\n  does not load: ${failure}`;
    const gpu = loads.gpu ? "sees a GPU" : "no GPU";
    return `${origin}: TensorFlow ${loads.tensorflow}, ${gpu}, ${kernelsOf(loads.kernels)}: ${packageFolder}`;
  });
  if (packages.length === 0) lines.push(`native TensorFlow is not installed (${root})`);
  return {
    ok: packages.every(({ loads }) => loads !== undefined),
    exitCode: 6,
    json: {
      root,
      packages: packages.map(({ origin, packageFolder, loads, failure }) => ({
        origin,
        packageFolder,
        tensorflow: loads?.tensorflow ?? null,
        gpu: loads?.gpu ?? null,
        kernels: loads?.kernels ?? null,
        failure: failure ?? null,
      })),
      devices,
    },
    text: context.speech.text(lines.join("\n")),
  };
}
