// Draws the README's picture of an HTML report: a model with one matrix left in the wrong layout, as headless Chromium shows it.
//
//   npm run build && node scripts/report-picture.mjs     writes docs/pictures/report.png
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launch } from "puppeteer-core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const scratch = mkdtempSync(join(tmpdir(), "weighbridge-picture-"));

function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: scratch,
    encoding: "utf8",
  });
  if (status === null || status > 1) throw new Error(`${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

const chromium = node(join(ROOT, "scripts/chromium.mjs"));
cpSync(join(ROOT, "fixtures/goldens/f16.safetensors"), join(scratch, "golden.safetensors"));
const weighbridge = join(ROOT, "bin/weighbridge.js");
node(weighbridge, "convert", join(ROOT, "fixtures/internlm-tiny"), "broken");
transposeInPlace(
  join(scratch, "broken/model.safetensors"),
  "model.layers.1.self_attn.q_proj.weight",
);
const verify = ["verify", "broken", "--golden", "golden.safetensors", "--device", "wasm"];
node(weighbridge, ...verify, "--report", "report.html");

/** The mistake: a square F16 matrix of a safetensors file, transposed. */
function transposeInPlace(path, name) {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString("utf8"));
  const { shape, data_offsets: offsets } = header[name];
  const begin = 8 + headerBytes + offsets[0];
  const before = Buffer.from(file.subarray(begin, 8 + headerBytes + offsets[1]));
  const [size] = shape;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const value = before.readUInt16LE(2 * (column * size + row));
      file.writeUInt16LE(value, begin + 2 * (row * size + column));
    }
  }
  writeFileSync(path, file);
}

const browser = await launch({
  executablePath: join(chromium, "chromium"),
  headless: "shell",
  args: ["--no-sandbox", "--no-zygote", "--single-process", "--disable-gpu"],
  env: {
    ...process.env,
    LD_LIBRARY_PATH: `${join(chromium, "lib")}:${chromium}`,
    FONTCONFIG_FILE: join(chromium, "fonts.conf"),
  },
});
const page = await browser.newPage();
await page.setViewport({ width: 1000, height: 760 });
await page.goto(pathToFileURL(join(scratch, "report.html")).href);
await page.screenshot({ path: join(ROOT, "docs/pictures/report.png"), optimizeForSpeed: false });
await browser.close();
rmSync(scratch, { recursive: true, force: true });
