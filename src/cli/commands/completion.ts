import { optionalChoice, requiredString } from "../arguments.ts";
import type { Command } from "../command.ts";
import { SHELLS } from "../../options/choices.ts";

/** @param commands All commands; a function, since the list holds this one. */
export const completion = (commands: () => readonly Command[]): Command => ({
  usage: "completion <shell>",
  summary: "print the script that completes commands, options and values in a shell",
  examples: [
    ["$0 completion bash > ~/.local/share/bash-completion/completions/weighbridge", "for bash"],
    ["$0 completion zsh > ~/.zfunc/_weighbridge", "for zsh, where ~/.zfunc is in fpath"],
    ["$0 completion fish > ~/.config/fish/completions/weighbridge.fish", "for fish"],
  ],
  options: (argv) =>
    argv.positional("shell", {
      choices: SHELLS,
      demandOption: true,
      describe: "bash, zsh or fish",
    }),
  run: async (args) => {
    const { describeCommand } = await import("../describe.ts");
    const { completionScript } = await import("../completion-script.ts");
    const shell = optionalChoice(args, "shell", SHELLS) ?? requiredString(args, "shell");
    const script = completionScript(shell, commands().map(describeCommand));
    return { ok: true, json: { shell, script }, text: script.trimEnd() };
  },
});
