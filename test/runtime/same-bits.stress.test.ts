import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { openWasm } from "../../src/runtime/backends/wasm/open.ts";
import { BIT_FAMILIES, drawnDecoder, familyConfig, someTexts } from "../support/bit-models.ts";
import { expectBlocksOfFamilies } from "../support/blocks-of-families.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { differencesFrom, eachWay, wholeTexts } from "../support/row-bits.ts";

let one: Backend;
let two: Backend;
beforeAll(async () => {
  [one, two] = [await openWasm(1), await openWasm(2)];
});
afterAll(() => {
  for (const { ops } of [one, two]) {
    expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
    ops.dispose();
  }
});

const STORED = ["F32", "F16", "BF16"] as const;

const MODELS = BIT_FAMILIES.flatMap((name) => STORED.map((dtype) => [name, dtype] as const));

// Evenly spread, so that every dtype is among them; the stress suite takes all.
test.each(MODELS)(
  "on wasm a token's logits have the same bits however they are asked for: %s in %s",
  async (name, dtype) => {
    const config = await familyConfig(name);
    const texts = someTexts(config);
    const [resident, streamed] = (["resident", "streamed"] as const).map((residence) =>
      drawnDecoder(two, config, dtype, residence),
    );
    if (resident === undefined || streamed === undefined) throw new Error("two");
    const whole = await wholeTexts(resident, texts);
    const rows = [
      ...(await eachWay(resident, texts)),
      ...(await eachWay(streamed, texts.slice(0, 2))),
    ];
    const { compared, differ, ways } = differencesFrom(whole, rows);
    expect({ differ, ways }).toEqual({ differ: 0, ways: [] });
    expect(compared).toBeGreaterThan(80);
    await resident.dispose();
    await streamed.dispose();
  },
);

test.each(["Q8_0", "Q4_1"])("on wasm blocks of %s have the bits of the dequantised ones", (type) =>
  expectBlocksOfFamilies(two, type, ["resident", "streamed"]),
);

/** So large that a second thread takes part from 64 rows on. */
const LARGER = internlmConfig({
  ...SMALL,
  vocab_size: 500,
  hidden_size: 256,
  intermediate_size: 700,
});

test.each(STORED)("on wasm with %s, on one thread and on two", async (dtype) => {
  const texts = [70, 130].map((length) =>
    Array.from({ length }, (_, index) => 1 + ((37 * index) % 490)),
  );
  const all = [];
  for (const backend of [one, two, two]) {
    const decoder = drawnDecoder(backend, LARGER, dtype);
    all.push(await wholeTexts(decoder, texts));
    await decoder.dispose();
  }
  const [alone, ...shared] = all;
  for (const rows of shared) expect(rows).toEqual(alone);
});

test("TensorFlow.js alone promises no such thing, and the measure shows it", async () => {
  vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
  const plain = await openWasm();
  vi.unstubAllEnvs();
  const config = await familyConfig("internlm-tiny");
  const decoder = drawnDecoder(plain, config, "F32");
  const texts = someTexts(config);
  const { differ, largest } = differencesFrom(
    await wholeTexts(decoder, texts),
    await eachWay(decoder, texts),
  );
  expect(differ).toBeGreaterThan(0);
  expect(largest).toBeLessThan(1e-4);
  await decoder.dispose();
  plain.ops.dispose();
});
