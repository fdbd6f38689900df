import type { Command } from "../command.ts";

const MARKS = { ok: "ok     ", advice: "advice ", problem: "PROBLEM" } as const;

export const doctor: Command = {
  usage: "doctor",
  summary: "check Node, backends, memory and disk, and say how to fix what is missing",
  examples: [
    ["$0 doctor", "what is there and what is not"],
    ["$0 doctor --json", "the same for programs"],
    ["$0 doctor --quiet", "exit code 6 where something needed is missing"],
  ],
  options: (argv) => argv,
  run: async (_, context) => {
    const { doctor: run } = await import("../../api/doctor.ts");
    const { ok, checks, devices } = await run({ signal: context.signal });
    const lines = checks.flatMap(({ name, status, found, needed, fix }) => [
      `${MARKS[status]}  ${name}: ${found}`,
      ...(status === "ok" ? [] : [`         needed: ${needed}`, `         fix: ${fix}`]),
    ]);
    const usable = devices.filter((entry) => entry.usable).map(({ device }) => device);
    lines.push(`devices: ${usable.length === 0 ? "none" : usable.join(", ")}`);
    for (const entry of devices) {
      if (entry.usable && !entry.keepsBits) lines.push(`  ${entry.device}: ${entry.description}`);
    }
    return {
      ok,
      exitCode: 6,
      json: { checks, devices },
      text: context.speech.text(lines.join("\n")),
    };
  },
};
