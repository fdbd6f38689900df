/** One command of a session and what it printed. */
export interface SessionStep {
  readonly command: string;
  readonly output: string;
}

/** A ```console block of a Markdown file. */
export interface ConsoleSession {
  /** What the comment above the block says: "replayed", or "not replayed: why". */
  readonly marker: string;
  readonly steps: readonly SessionStep[];
}

/** Every ```console block with the comment above it. */
export function consoleSessions(markdown: string): readonly ConsoleSession[] {
  const blocks = markdown.matchAll(/(?:<!-- (.*?) -->\n+)?```console\n([\s\S]*?)```/g);
  return [...blocks].map(([, marker = "", body = ""]) => ({
    marker,
    steps: body
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = "", ...output] = step.split("\n");
        return { command, output: output.join("\n").trim() };
      }),
  }));
}

/** Times and tolerances that are measured differ from run to run; a guide shows those of one. */
export function steadyOutput(text: string): string {
  return text
    .replaceAll(/\b\d+(\.\d+)? ?(ms|s|min)\b/g, "<time>")
    .replaceAll(/\b\d+:\d\d\b/g, "<time>")
    .replaceAll(/allowed (TOLERANCE|[\d.e+-]+)/g, "allowed <tolerance>")
    .replaceAll(/[ \t]+$/gm, "")
    .trim();
}
