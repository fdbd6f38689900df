import { short } from "../compare/tolerance.ts";
import { shownText } from "../../tensor/shown-name.ts";
import type { Comparison } from "../result.ts";
import type { FileDigest } from "./evidence.ts";
import { endpointLines } from "../endpoint/statement.ts";
import { digestText, factsOf, type Filed } from "./filed.ts";

/** Prompts and tensors that a table lists: a CI step summary holds 1 MiB, and people read a page. */
const LISTED = 20;

/** A verification as Markdown, for the summary of a CI step. */
export function markdownReport(filed: Filed): string {
  const { verdict, model, comparisons, weakened } = filed.result;
  return `${[
    `## ${verdict === "pass" ? "✅ pass" : "❌ fail"}: ${code(model)}`,
    ...weakened.map(({ option, effect }) => `Weakened: ${code(option)}: ${escape(effect)}.`),
    ...comparisons.flatMap(section),
    "### What was verified",
    factsOf(filed)
      .map(([name, value]) => `- ${name}: ${escape(value)}`)
      .join("\n"),
    fileTable(filed.evidence.files),
  ].join("\n\n")}\n`;
}

function fileTable(files: readonly FileDigest[]): string {
  return [
    "| file | path | bytes | digest |",
    "| --- | --- | ---: | --- |",
    ...files.map(
      (file) =>
        `| ${file.role} | ${code(file.path).replaceAll("|", "\\|")} | ${file.bytes ?? ""} | ${code(digestText(file))} |`,
    ),
  ].join("\n");
}

function section({
  path,
  verdict,
  parity,
  greedy,
  weights,
  endpoint,
  diagnosis,
  failures,
}: Comparison): readonly string[] {
  const parts = [`### against ${code(path)}: ${verdict}`];
  if (endpoint !== undefined)
    parts.push(
      endpointLines(endpoint)
        .map((line) => `${escape(line)}.`)
        .join(" "),
    );
  if (diagnosis.length > 0) {
    parts.push(
      diagnosis
        .slice(0, LISTED)
        .map(
          ({ cause, tensors, evidence }) =>
            `- **${cause}** ${tensors.slice(0, LISTED).map(code).join(", ")}: ${escape(evidence)}`,
        )
        .join("\n"),
    );
  }
  if (failures.length > 0)
    parts.push(
      failures
        .slice(0, LISTED)
        .map((text) => `- ${escape(text)}`)
        .join("\n"),
    );
  if (weights !== undefined)
    parts.push(
      `Tensors: ${weights.compared} compared, ${weights.wrong} different, ${weights.rounded} the same but for rounding.`,
    );
  if (parity !== undefined) parts.push(promptTable(parity), gateText(parity));
  if (greedy.length > 0) {
    const all = greedy.reduce((sum, { tokens }) => sum + tokens, 0);
    const same = greedy.reduce((sum, { agreeing }) => sum + agreeing, 0);
    parts.push(`Greedy ids: ${same} of ${all} the same.`);
  }
  return parts;
}

type Parity = NonNullable<Comparison["parity"]>;

function promptTable({ prompts }: Parity): string {
  const rows = prompts
    .slice(0, LISTED)
    .map(
      ({ name, positions, maxAbs, rmse, kl, top1Agreement, cosine, wouldPassWith }) =>
        `| ${name} | ${positions} | ${short(maxAbs)} | ${short(rmse)} | ${cosine.toFixed(7)} | ${short(kl)} | ${(100 * top1Agreement).toFixed(1)} % | ${wouldPassWith === null ? "nothing" : short(wouldPassWith)} |`,
    );
  return [
    "| prompt | positions | max abs | RMSE | cosine | KL | top-1 | would pass with |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
    ...(prompts.length > LISTED ? [`| and ${prompts.length - LISTED} more | | | | | | | |`] : []),
  ].join("\n");
}

function gateText({ gate, timesNoise, quantity }: Parity): string {
  const noise =
    timesNoise === null
      ? ""
      : ` The largest difference is ${short(timesNoise)} times this model's own noise.`;
  return `Allowed: ${short(gate.maxAbs)} on ${quantity ?? "logits"}, ${short(gate.kl)} nats. ${gate.origin.map(escape).join("; ")}.${noise}`;
}

/** A name as code, whose own backticks would end it, on one line. */
export function code(text: string): string {
  return `\`${shownText(text).replaceAll("`", "'")}\``;
}

/** Keeps names from files from being read as Markdown or HTML. */
export function escape(text: string): string {
  return shownText(text.replaceAll("\n", " ")).replaceAll(
    /[\\|<>*_[\]`]/g,
    (character) => `\\${character}`,
  );
}
