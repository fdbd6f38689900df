import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { ciTries } from "../support/ci-share.ts";
import { CORPUS, writeHostile } from "../support/hostile/corpus.ts";
import {
  editedPieces,
  PADDLE_PIECES,
  TORCH_PIECES,
  TORCH_STORAGES,
} from "../support/hostile/edits.ts";
import { archive } from "../support/hostile/torch-files.ts";
import { pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { runPython } from "../support/python.ts";
import { readElsewhere, type ForeignTask } from "../support/read-hostile.ts";
import { storedFacts, type Facts } from "../support/stored-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-hostile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Ours = Readonly<Record<string, Facts>> | string;

/** Our facts, or the code of our error. */
async function readHere(path: string): Promise<Ours> {
  try {
    return await storedFacts(path);
  } catch (error) {
    if (error instanceof WbError && error.code !== "WB7001") return error.code;
    throw error;
  }
}

/** Those of `ours` and `theirs` that both read and read differently. */
async function differences(tasks: readonly ForeignTask[]): Promise<{
  readonly both: number;
  readonly refusedHereOnly: readonly string[];
  readonly different: readonly unknown[];
}> {
  const theirs = readElsewhere(tasks);
  const different: unknown[] = [];
  const refusedHereOnly: string[] = [];
  let both = 0;
  for (const [index, task] of tasks.entries()) {
    const ours = await readHere(task.path);
    const their = theirs[index];
    if (their?.outcome !== "read") continue;
    if (typeof ours === "string") refusedHereOnly.push(`${ours} ${task.path}`);
    else {
      both++;
      if (JSON.stringify(sorted(ours)) !== JSON.stringify(sorted(their.facts)))
        different.push({ path: task.path, ours, theirs: their.facts });
    }
  }
  return { both, refusedHereOnly, different };
}

function sorted(facts: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(facts).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

describe("a hostile or odd file", () => {
  test("that the original libraries read as well is read alike", async () => {
    const tasks = CORPUS.flatMap((file): readonly ForeignTask[] => {
      const { kind, name, reader } = file;
      // gguf-py is not in this environment, and reads what llama.cpp refuses.
      if (kind === "bomb" || reader === "llama.cpp") return [];
      const own = join(folder, `${reader}-${name}`);
      mkdirSync(own);
      return [{ path: writeHostile(file, own), reader }];
    });
    const { both, different } = await differences(tasks);
    expect(different).toEqual([]);
    expect(both).toBeGreaterThan(20);
  });
});

/** Damaged copies of each file; each costs a process of Python. Other numbers and seeds are for a night's run. */
const COPIES = Number(process.env["WEIGHBRIDGE_FUZZ_RUNS"] ?? ciTries(250, 60));
const SEED = Number(process.env["WEIGHBRIDGE_FUZZ_SEED"] ?? 20_261_124);

const EDITED = [
  ["torch", TORCH_PIECES, (pieces: readonly Piece[]) => archive(pieces, TORCH_STORAGES)],
  ["paddle", PADDLE_PIECES, (pieces: readonly Piece[]) => pickleBytes(...pieces)],
] as const;

describe("a file whose pickle was edited and that the original library still reads is read alike", () => {
  test.each(EDITED)("%s", async (reader, honest, build) => {
    const tasks = fc
      .sample(editedPieces(honest), { numRuns: 3 * COPIES, seed: SEED })
      .map((pieces, index) => {
        const path = join(folder, `edited-${reader}-${index}`);
        writeFileSync(path, build(pieces));
        return { path, reader };
      });
    const { both, different } = await differences(tasks);
    expect(different).toEqual([]);
    expect(both).toBeGreaterThan(COPIES / 20);
  });
});

const WRITERS = [
  ["torch-zip", "torch"],
  ["torch-legacy", "torch"],
  ["safetensors", "safetensors"],
  ["paddle-2", "paddle"],
  ["paddle-4", "paddle"],
] as const;

const TENSORS = ["F32", "F16", "I64"].map((dtype, index) => ({
  name: `layers.${index}.weight`,
  dtype,
  shape: [16, 4 + index],
  view: index === 1 ? "transposed" : "plain",
}));

interface Damage {
  readonly kind: "flip" | "set" | "cut" | "move" | "zero";
  /** Between 0 and 1. */
  readonly at: number;
  readonly value: number;
}

const damages: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("flip", "flip", "flip", "set", "set", "cut", "move", "zero"),
  // Squared, since headers and pickles are at the beginning of all but zips' directories.
  at: fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share ** 2),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  value: fc.integer({ min: 0, max: 255 }),
});

function damaged(whole: Uint8Array, { kind, at, value }: Damage): Uint8Array {
  const bytes = Uint8Array.from(whole);
  const place = Math.min(bytes.byteLength - 1, Math.floor(at * bytes.byteLength));
  if (kind === "cut") return bytes.subarray(0, place);
  if (kind === "move") return bytes.copyWithin(place, Math.max(0, place - value));
  if (kind === "zero") return bytes.fill(0, place, place + (value % 8));
  bytes[place] = kind === "set" ? value : (bytes[place] ?? 0) ^ (1 << (value % 8));
  return bytes;
}

describe("a damaged file that the original library still reads is read alike", () => {
  test.each(WRITERS)("%s", async (writer, reader) => {
    const path = join(folder, writer);
    runPython("write_states.py", [{ writer, path, seed: 1, tensors: TENSORS }]);
    const whole = readFileSync(path);
    const tasks = fc.sample(damages, { numRuns: COPIES, seed: SEED }).map((damage, index) => {
      const copy = `${path}-${index}`;
      writeFileSync(copy, damaged(whole, damage));
      return { path: copy, reader };
    });
    const { both, different } = await differences(tasks);
    expect(different).toEqual([]);
    expect(both).toBeGreaterThan(COPIES / 20);
  });
});
