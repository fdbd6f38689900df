import { relative, sep } from "node:path";
import { ERROR_CODES, type ErrorCode } from "../errors/codes.ts";
import type { ScanResult } from "./scan.ts";

interface Finding {
  readonly code: ErrorCode;
  readonly level: "error" | "warning";
  readonly message: string;
  readonly file: string;
  readonly offset: number | undefined;
}

/**
 * A scan as SARIF 2.1.0 (OASIS, 2020-03-27): one result for each global outside the allow-list, for each other reason, and for
 * each file that was not understood, so that nothing unexamined looks like nothing found.
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
        artifacts: result.files.map(({ file }) => ({ location: { uri: uriOf(file, folder) } })),
        results: findings.map((finding) => ({
          ruleId: finding.code,
          ruleIndex: codes.indexOf(finding.code),
          level: finding.level,
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
    .filter(({ allowed, library }) => !allowed && library === undefined)
    .map(({ module, name, file, offset, member }): Finding => {
      const where = member === undefined ? "of the pickle" : `of ${member}`;
      const message = `Loading this file in Python would import ${module}.${name} (byte ${offset} ${where}).`;
      // A byte of a member is none of the file.
      const inFile = member === undefined ? offset : undefined;
      return { code: "WB5201", level: "error", message, file, offset: inFile };
    });
  const reasons = result.reasons.map(({ code, message, file }): Finding => ({
    code,
    level: "error",
    message,
    file,
    offset: undefined,
  }));
  const open = result.files
    .filter(({ state }) => state === "not-understood")
    .map(({ file, why }): Finding => {
      const message = `Not understood, so not called safe: ${why}`;
      return { code: "WB4002", level: "warning", message, file, offset: undefined };
    });
  return [...globals, ...reasons, ...open];
}

function ruleOf(code: ErrorCode): object {
  const { title, meaning, remedy } = ERROR_CODES[code];
  const isOpen = code === "WB4002";
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: meaning },
    help: { text: remedy },
    defaultConfiguration: { level: isOpen ? "warning" : "error" },
    properties: { tags: ["security"], "security-severity": isOpen ? "5.0" : "9.0" },
  };
}

/** Weights have no lines, but GitHub shows nothing without one. */
const FIRST_LINE = 1;

function locationOf({ file, offset }: Finding, folder: string): object {
  const artifactLocation = { uri: uriOf(file, folder) };
  const bytes = offset === undefined ? {} : { byteOffset: offset, byteLength: 1 };
  return {
    physicalLocation: { artifactLocation, region: { startLine: FIRST_LINE, ...bytes } },
  };
}

function uriOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  const chosen = inside === "" || inside.startsWith("..") ? path : inside;
  return chosen.toWellFormed().split(sep).map(encodeURIComponent).join("/");
}
