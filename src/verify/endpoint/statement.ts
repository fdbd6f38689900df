import type { EndpointFindings } from "./against-endpoint.ts";
import type { AuditFindings } from "./audit/audit.ts";

/** What every report says of a server, one sentence each. Pure. */
export function endpointLines(findings: EndpointFindings): readonly string[] {
  const { statement, model, values, toldTop, otherTop, unreadable, way, requests } = findings;
  if (findings.audit !== undefined) return auditLines(findings, findings.audit);
  const part = way?.echo === true ? "of prompts and answers" : "of answers";
  return [
    statement,
    `${values} log-probabilities ${part} compared, in ${requests} requests to ${JSON.stringify(model)}${unreadable > 0 ? `; ${unreadable} more belong to texts that no token alone has` : ""}`,
    `likeliest tokens: ${toldTop === 0 ? "none told" : `the same in ${toldTop - otherTop} of ${toldTop} rows`}`,
    tokenizerLine(findings),
  ];
}

function auditLines(
  findings: EndpointFindings,
  { by, drawn, greedy, evidence, threshold, alpha }: AuditFindings,
): readonly string[] {
  const what = by === "ids" ? "token ids" : "texts of one token each";
  return [
    findings.statement,
    `${drawn} drawn and ${greedy} greedy tokens judged by ${what}, in ${findings.requests} requests to ${JSON.stringify(findings.model)}`,
    `evidence against these weights: e^${evidence.toFixed(1)} at its highest; an honest server reaches e^${threshold.toFixed(1)} with a chance of ${alpha} at most, whenever one stops`,
    tokenizerLine(findings),
  ];
}

function tokenizerLine({ tokenizer: { ids, counts, differences } }: EndpointFindings): string {
  const all = ids + counts;
  if (all === 0) return "tokenizer: not compared, the server tells nothing of it";
  const what = ids > 0 ? "token ids" : "numbers of tokens";
  return `tokenizer: the same ${what} of ${all - differences.length} of ${all} texts`;
}
