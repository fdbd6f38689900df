import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openModel } from "../../src/session/open-model.ts";
import { openFileSource, sliceSource, type FileSource } from "../../src/sources/file.ts";
import { REAL_FILE_SYSTEM } from "../../src/convert/staging/file-system.ts";
import { planOutputs } from "../../src/convert/outputs.ts";
import { jobOf, tensorOf } from "../../src/convert/write/tensor-job.ts";
import { checkedWriter } from "../../src/convert/write/checked.ts";
import { writeTensor } from "../../src/convert/write/tensor.ts";
import { planConversion } from "../../src/mapping/plan.ts";
import { BufferRing } from "../../src/mapping/buffer-ring.ts";
import { caught } from "../support/caught.ts";
import { expectedWeights, FIXTURES } from "../support/fixture-manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-job-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOW = {
  settings: { verify: true, signal: undefined },
  buffers: new BufferRing(),
  onBytes: () => undefined,
  onVerified: () => undefined,
};

/** Writes every tensor of a fixture from its job, as another thread gets it; gives the digests and how many had no job. */
async function throughJobs(
  fixture: string,
): Promise<{ readonly digests: Record<string, string>; readonly without: number }> {
  const model = await openModel(join(FIXTURES, fixture));
  const plan = planConversion(model.checkpoint, model.config, { to: "safetensors" });
  const { tensors } = planOutputs(plan, "safetensors", undefined);
  const opened: FileSource[] = [];
  const digests: Record<string, string> = {};
  let without = 0;
  const path = join(folder, fixture);
  writeFileSync(path, "");
  const output = await REAL_FILE_SYSTEM.openForWriting(path, "r+");
  for (const tensor of tensors) {
    const job = jobOf(tensor);
    if (job === undefined) {
      without++;
      continue;
    }
    const sent = structuredClone(job);
    const again = await tensorOf(sent, async (range) => {
      const source = await openFileSource(range.path);
      opened.push(source);
      return sliceSource(source, range.begin, range.byteLength, range.label);
    });
    digests[tensor.name] = (
      await writeTensor(again, false, HOW, checkedWriter(again.name, output, 4096, HOW))
    ).sha256;
  }
  await output.close();
  for (const source of opened) await source.close();
  await model.checkpoint.close();
  return { digests, without };
}

describe("a tensor that goes to another thread", () => {
  it.each([
    "internlm-tiny",
    "paddle-b",
    "paddle-fused-tp2",
    "pytorch-views",
    "safetensors-sharded",
  ])("is what it would have been here: %s", async (fixture) => {
    const { digests, without } = await throughJobs(fixture);
    const expected = Object.entries(expectedWeights("f16"));
    expect(without).toBe(0);
    expect(digests).toEqual(
      Object.fromEntries(expected.map(([name, [, , sha256]]) => [name, sha256])),
    );
  });

  it("stays where its bytes are text that must be decoded", async () => {
    const { digests, without } = await throughJobs("paddle-a-protocol2");
    expect([Object.keys(digests).length, without > 30]).toEqual([0, true]);
  });
});

it("bytes that come back otherwise than they were sent are told of", async () => {
  const model = await openModel(join(FIXTURES, "safetensors-single"));
  const plan = planConversion(model.checkpoint, model.config, { to: "safetensors" });
  const [tensor] = planOutputs(plan, "safetensors", undefined).tensors;
  if (tensor === undefined) throw new Error("no tensor");
  const path = join(folder, "false");
  writeFileSync(path, "");
  const honest = await REAL_FILE_SYSTEM.openForWriting(path, "r+");
  const wrong = {
    ...honest,
    writeNow: (bytes: Uint8Array, position: number) => {
      const changed = bytes.slice();
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      honest.writeNow(changed, position);
    },
  };
  const error = await caught(() =>
    writeTensor(tensor, false, HOW, checkedWriter(tensor.name, wrong, 0, HOW)),
  );
  expect([error.code, error.message]).toEqual(["WB1901", expect.stringContaining(tensor.name)]);
  await honest.close();
  await model.checkpoint.close();
});
