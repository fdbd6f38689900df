import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const TINY = join(ROOT, "fixtures/internlm-tiny");

/** Instructions of one stage of a Dockerfile: keyword and rest of the line. */
type Stage = readonly (readonly [keyword: string, rest: string])[];

function stagesOf(text: string): readonly Stage[] {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const stages: (readonly [string, string])[][] = [];
  for (const line of lines) {
    const [keyword = "", ...words] = line.split(" ");
    if (keyword === "FROM") stages.push([]);
    stages.at(-1)?.push([keyword, words.join(" ")]);
  }
  return stages;
}

const [build = [], image = []] = stagesOf(
  readFileSync(join(ROOT, "docs/recipes/Dockerfile"), "utf8"),
);
const valueOf = (stage: Stage, keyword: string): string | undefined =>
  stage.find(([own]) => own === keyword)?.[1];

let folder = "";

/** What `COPY . .` brings: files of the repository, which .dockerignore's list leaves out nothing of. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-image-"));
  const sources = join(folder, "weighbridge");
  const listed = execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    {
      cwd: ROOT,
      encoding: "utf8",
    },
  );
  for (const name of listed
    .split("\0")
    .filter((path) => path !== "" && !path.startsWith("fixtures/")))
    cpSync(join(ROOT, name), join(sources, name), { recursive: true, verbatimSymlinks: true });
  // Debian's packages are there already; the rest of the stage runs as it is written, below a folder of ours.
  for (const [keyword, command] of build) {
    if (keyword !== "RUN" || command.startsWith("apt-get ")) continue;
    const run = spawnSync(
      "sh",
      ["-c", command.replaceAll("/opt/weighbridge", join(folder, "opt"))],
      {
        cwd: sources,
        encoding: "utf8",
      },
    );
    if (run.status !== 0) throw new Error(`${command}\n${run.stdout}${run.stderr}`);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program as the image would: a root that nobody can write to, a /tmp of its own, and the image's user. */
function inImage(...command: readonly string[]): ReturnType<typeof spawnSync> {
  const root = join(folder, "root");
  const work = join(folder, "work");
  for (const place of [root, work]) mkdirSync(place, { recursive: true, mode: 0o777 });
  execFileSync("chmod", ["-R", "a+rwX", work]);
  execFileSync("chmod", ["a+rx", folder]);
  const script = `
    mount --rbind / "${root}" && mount -o remount,ro,bind "${root}"
    mount --bind "${work}" "${root}/mnt" && mount -t tmpfs tmpfs "${root}/tmp"
    mkdir "${root}/tmp/opt" && mount --bind "${join(folder, "opt")}" "${root}/tmp/opt"
    exec chroot --userspec=${valueOf(image, "USER") ?? "0:0"} "${root}" sh -c 'cd /mnt && PATH=/tmp/opt/node_modules/.bin:$PATH HOME=/tmp exec "$@"' sh "$@"`;
  return spawnSync("unshare", ["--mount", "sh", "-c", script, "sh", ...command], {
    encoding: "utf8",
  });
}

describe("the image of docs/recipes/Dockerfile", () => {
  test("is of Debian's packages, small, and does not run as root", () => {
    for (const stage of [build, image]) expect(valueOf(stage, "FROM")).toMatch(/^debian:13-slim/);
    expect(valueOf(image, "USER")).toBe("1000:1000");
    const { stdout } = spawnSync("du", ["-sm", join(folder, "opt")], { encoding: "utf8" });
    expect(Number.parseInt(stdout, 10)).toBeLessThan(100);
  });

  test("converts and verifies on a root that is read-only", () => {
    cpSync(TINY, join(folder, "work/model"), { recursive: true });
    expect(inImage("touch", "/etc/weighbridge")).toMatchObject({ status: 1 });
    expect(inImage("weighbridge", "convert", "model/pytorch_model.bin", "converted")).toMatchObject(
      {
        status: 0,
      },
    );
    const { status, stdout } = inImage(
      "weighbridge",
      "verify",
      "converted",
      "model/pytorch_model.bin",
    );
    expect({ status, pass: String(stdout).startsWith("PASS") }).toEqual({ status: 0, pass: true });
    expect(
      inImage("weighbridge", "convert", "model/pytorch_model.bin", "/opt/converted").status,
    ).toBe(6);
  });
});
