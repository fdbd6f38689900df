import {
  chmodSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { refusalCode } from "../../src/errors/write-refused.ts";
import { writeWhole } from "../../src/sources/write-whole.ts";
import { caught } from "../support/caught.ts";
import { scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();

it("takes the place of what a link leads to, with its permissions, and leaves nothing beside", async () => {
  const name = `${"n".repeat(250)}.md`;
  const [file, link] = [join(folder, name), join(folder, "link")];
  await writeWhole(file, "first");
  chmodSync(file, 0o640);
  symlinkSync(file, link);
  await writeWhole(link, "second");
  expect(readFileSync(file, "utf8")).toBe("second");
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(readdirSync(folder).toSorted()).toEqual(["link", name]);
});

it("names a full disk, and a folder where a file should be", async () => {
  const full = await caught(() => writeWhole("/dev/full", "text"));
  expect([full.code, full.message]).toEqual(["WB6001", "/dev/full: cannot be written (ENOSPC)"]);
  const there = await caught(() => writeWhole(folder, "text"));
  expect([there.code, there.message]).toEqual(["WB6002", `${folder}: cannot be written (EISDIR)`]);
});

it("tells a disk without room and a limit of files from other refusals", () => {
  const codes = ["ENOSPC", "EDQUOT", "EFBIG", "EACCES"].map((reason) => refusalCode(reason));
  expect(codes).toEqual(["WB6001", "WB6001", "WB6004", "WB6002"]);
});

it("says why where a folder is missing or is none", async () => {
  const missing = join(folder, "none", "file");
  expect((await caught(() => writeWhole(missing, "text"))).message).toBe(
    `${missing}: cannot be written (ENOENT)`,
  );
  writeFileSync(join(folder, "file"), "");
  const below = join(folder, "file", "below");
  expect((await caught(() => writeWhole(below, "text"))).code).toBe("WB6002");
});
