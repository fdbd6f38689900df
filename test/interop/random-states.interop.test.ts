import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { runPython } from "../support/python.ts";
import { storedFacts } from "../support/stored-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-states-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const VIEWS = ["plain", "plain", "transposed", "strided", "expanded", "offset", "tied"] as const;
const TORCH_DTYPES =
  "BOOL U8 I8 I16 I32 I64 U16 U32 U64 F16 BF16 F32 F64 C64 C128 F8_E4M3 F8_E5M2".split(" ");
const NUMPY_DTYPES = [
  "BOOL",
  "U8",
  "I8",
  "I16",
  "I32",
  "I64",
  "F16",
  "BF16",
  "F32",
  "F64",
  "C64",
  "C128",
];
/** torch.save before zip knows neither small floats nor wide unsigned integers. */
const LEGACY_DTYPES = TORCH_DTYPES.filter(
  (dtype) => !dtype.startsWith("F8") && !/^U(16|32|64)/.test(dtype),
);
/** safetensors holds no complex128; paddle tensors keep no signalling patterns of small floats through a cast. */
const SAFE_DTYPES = TORCH_DTYPES.filter((dtype) => dtype !== "C128");
const PADDLE_TENSOR_DTYPES = ["BOOL", "U8", "I8", "I16", "I32", "I64", "F16", "F32", "F64"];

const STATES_PER_WRITER = 40;
const SEED = 20_261_124;

function states(writer: string, dtypes: readonly string[]): fc.Arbitrary<readonly object[]> {
  // Names with what file formats trip over: dots, blanks, other scripts, numbers, and names of Object's own.
  const name = fc.oneof(
    fc.stringMatching(/^[a-z][a-z0-9_]{0,8}(\.[a-z0-9_]{1,8}){0,3}$/),
    fc.constantFrom("权重.0", "a b", "__proto__", "constructor", "0", "é.weight", "x".repeat(300)),
  );
  const tensor = fc.record({
    name,
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 }),
    view: fc.constantFrom(...VIEWS),
  });
  return fc.array(
    fc.record({
      writer: fc.constant(writer),
      seed: fc.integer({ min: 0, max: 2 ** 31 }),
      tensors: fc.uniqueArray(tensor, { selector: (t) => t.name, minLength: 1, maxLength: 12 }),
    }),
    { minLength: STATES_PER_WRITER, maxLength: STATES_PER_WRITER },
  );
}

const WRITERS: readonly (readonly [string, readonly string[]])[] = [
  ["torch-zip", TORCH_DTYPES],
  ["torch-zip-4", TORCH_DTYPES],
  ["torch-legacy", LEGACY_DTYPES],
  ["torch-legacy-3", LEGACY_DTYPES],
  ["torch-legacy-5", LEGACY_DTYPES],
  ["torch-nested", TORCH_DTYPES],
  ["safetensors", SAFE_DTYPES],
  ["paddle-2", NUMPY_DTYPES],
  ["paddle-3", NUMPY_DTYPES],
  ["paddle-4", NUMPY_DTYPES],
  ["paddle-tensors-2", PADDLE_TENSOR_DTYPES],
  ["paddle-tensors-4", PADDLE_TENSOR_DTYPES],
];

describe("state dicts written by the real libraries read back equal", () => {
  test.each(WRITERS)("%s", async (writer, dtypes) => {
    const [drawn = []] = fc.sample(states(writer, dtypes), { numRuns: 1, seed: SEED });
    const described = drawn.map((state, index) => ({
      ...state,
      path: join(folder, `${writer}-${index}`),
    }));
    const expected = runPython("write_states.py", described);
    const found = [];
    for (const { path } of described) found.push(await storedFacts(path));
    expect(found).toEqual(expected);
    expect(found).toHaveLength(STATES_PER_WRITER);
  });
});
