import { relative, sep } from "node:path";
import { ERROR_CODES, type ErrorCode } from "../errors/codes.ts";
import type { ScanResult } from "./scan.ts";

interface Finding {
  readonly code: ErrorCode;
  readonly message: string;
  readonly file: string;
  readonly offset: number | undefined;
}

/**
 * A scan as SARIF 2.1.0 (OASIS, 2020-03-27), one result for each global outside the allow-list and each other reason.
 * @param folder Paths inside it are written relative to it, which is what code scanning expects.
 */
export function renderSarif(result: ScanResult, version: string, folder: string): string {
  const findings = findingsOf(result);
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "weighbridge", version, rules: codes.map(ruleOf) } },
        artifacts: result.files.map(({ path }) => ({ location: { uri: uriOf(path, folder) } })),
        results: findings.map((finding) => ({
          ruleId: finding.code,
          ruleIndex: codes.indexOf(finding.code),
          level: "error",
          message: { text: finding.message },
          locations: [locationOf(finding, folder)],
        })),
      },
    ],
  };
  return JSON.stringify(log, undefined, 2);
}

function findingsOf(result: ScanResult): readonly Finding[] {
  const globals = result.globals
    .filter(({ allowed }) => !allowed)
    .map(({ module, name, file, offset }): Finding => {
      const message = `Loading this file in Python would import ${module}.${name} (byte ${offset} of the pickle).`;
      return { code: "WB5201", message, file, offset };
    });
  const reasons = result.reasons.map(({ code, message, file }): Finding => ({
    code,
    message,
    file,
    offset: undefined,
  }));
  return [...globals, ...reasons];
}

function ruleOf(code: ErrorCode): object {
  const { title, meaning, remedy } = ERROR_CODES[code];
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: meaning },
    help: { text: remedy },
    defaultConfiguration: { level: "error" },
    properties: { tags: ["security"], "security-severity": "9.0" },
  };
}

function locationOf({ file, offset }: Finding, folder: string): object {
  const artifactLocation = { uri: uriOf(file, folder) };
  const region = offset === undefined ? {} : { region: { byteOffset: offset, byteLength: 1 } };
  return { physicalLocation: { artifactLocation, ...region } };
}

function uriOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  const chosen = inside === "" || inside.startsWith("..") ? path : inside;
  return chosen.split(sep).map(encodeURIComponent).join("/");
}
