// The step of action.yml: runs `weighbridge verify` of this checkout, and tells GitHub what came of it.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { splitWords } from "./words.mjs";

const PROGRAM = fileURLToPath(new URL("../../bin/weighbridge.js", import.meta.url));
const REPORTS = {
  junit: "weighbridge.xml",
  markdown: "weighbridge.md",
  report: "weighbridge.html",
};
/** Bytes of the end of stderr that a summary shows. */
const SHOWN_BYTES = 4096;

const { env } = process;
const input = (name) => env[`INPUT_${name}`] ?? "";

function output(name, value) {
  const end = `end-${randomUUID()}`;
  appendFileSync(env.GITHUB_OUTPUT, `${name}<<${end}\n${value}\n${end}\n`);
}

function summary(text) {
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, `${text}\n`);
}

/** GitHub ends an annotation at a line end, and takes % for its own escapes. */
function annotate(text) {
  const data = text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  process.stdout.write(`::error title=weighbridge verify::${data}\n`);
}

/** The folder of the reports: the one that was asked for, or a new one. */
function reportFolder() {
  if (input("REPORTS") === "")
    return mkdtempSync(join(env.RUNNER_TEMP || tmpdir(), "weighbridge-"));
  const folder = resolve(input("REPORTS"));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The value that words give an option, "--name VALUE" or "--name=VALUE". */
function given(words, option) {
  const at = words.findIndex((word) => word === option || word.startsWith(`${option}=`));
  if (at < 0) return undefined;
  return words[at] === option ? words[at + 1] : words[at].slice(option.length + 1);
}

/** The options of all reports, and where each will be; what an earlier run left there is removed. */
function planReports(further) {
  const folder = reportFolder();
  const options = [];
  const paths = {};
  for (const [name, file] of Object.entries(REPORTS)) {
    const own = given(further, `--${name}`);
    paths[name] = resolve(own ?? join(folder, file));
    if (own === undefined) options.push(`--${name}`, paths[name]);
    rmSync(paths[name], { force: true });
  }
  return { folder, options, paths };
}

/** Runs the program; what it prints goes on, and the end of stderr is kept. */
function run(words) {
  return new Promise((ended, failed) => {
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      stdio: ["ignore", "inherit", "pipe"],
    });
    let tail = "";
    child.stderr.on("data", (data) => {
      process.stderr.write(data);
      tail = (tail + data).slice(-SHOWN_BYTES);
    });
    child.on("error", failed);
    child.on("close", (status) => ended({ status: status ?? 70, tail }));
  });
}

function verdictOf(status) {
  if (status === 0) return "pass";
  return status === 1 ? "fail" : "error";
}

async function main() {
  let further;
  try {
    further = splitWords(input("ARGUMENTS"));
  } catch (error) {
    return { status: 2, tail: `arguments: ${error.message}`, paths: {}, folder: "" };
  }
  if (input("MODEL") === "") return { status: 2, tail: "model: is empty", paths: {}, folder: "" };
  const { folder, options, paths } = planReports(further);
  const words = ["verify", input("MODEL")];
  if (input("OTHER") !== "") words.push(input("OTHER"));
  if (input("GOLDEN") !== "") words.push("--golden", input("GOLDEN"));
  return { ...(await run([...words, ...further, ...options])), paths, folder };
}

const { status, tail, paths, folder } = await main();
const verdict = verdictOf(status);
output("verdict", verdict);
output("exit-code", status);
output("reports", folder);
for (const name of Object.keys(REPORTS)) {
  const path = paths[name];
  output(name, path !== undefined && existsSync(path) ? path : "");
}
if (paths.markdown !== undefined && existsSync(paths.markdown))
  summary(readFileSync(paths.markdown, "utf8"));
if (verdict === "error") {
  annotate(`could not be tried (exit code ${status}): ${tail.trim()}`);
  const fence = "`".repeat(
    Math.max(3, ...[...tail.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)),
  );
  summary(
    `## weighbridge verify: could not be tried (exit code ${status})\n\n${fence}text\n${tail.trim()}\n${fence}`,
  );
} else if (verdict === "fail") annotate(`${input("MODEL")} does not compute what it should`);
process.exitCode = status;
