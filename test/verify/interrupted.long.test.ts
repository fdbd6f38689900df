import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verify } from "../../src/verify/run.ts";
import { caught } from "../support/caught.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { readEditable } from "../support/editable-model.ts";
import { ORACLE_FOLDER } from "../support/oracles.ts";

const NANO = join(ORACLE_FOLDER, "nano");

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-interrupted-"));
  const config = readFileSync(join(NANO, "config.json"), "utf8");
  const model = await readEditable(join(NANO, "pytorch_model.bin"), config);
  // No known mistake: every search goes on to its end.
  for (const name of model.names().filter((one) => one.endsWith("proj.weight"))) {
    const { shape, data } = model.get(name);
    model.set(name, {
      shape,
      data: data.map((value, index) => value * (1 + 0.3 * Math.sin(index))),
    });
  }
  await model.write(join(folder, "model"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A signal's handler aborts just so; it runs only when the search leaves a turn to it, as a timer does. */
test.each(["golden", "other"] as const)(
  "a search for the cause by %s ends within a second of being called off",
  async (mode) => {
    const interruption = new AbortController();
    let late = Number.POSITIVE_INFINITY;
    let due = Number.POSITIVE_INFINITY;
    const reference =
      mode === "golden"
        ? { golden: join(NANO, "golden.safetensors") }
        : { other: join(NANO, "pytorch_model.bin") };
    const work = verify(join(folder, "model"), {
      ...reference,
      device: "wasm",
      calibrate: false,
      signal: interruption.signal,
      onProgress: (done, total) => {
        // The search begins when the last layer has run.
        if (done < total || due < Number.POSITIVE_INFINITY) return;
        due = performance.now() + 300;
        setTimeout(() => interruption.abort(new WbError("WB9001", "interrupted")), 300);
      },
    });
    const error = await caught(() => work);
    late = performance.now() - due;
    expect(error.code).toBe("WB9001");
    expect(late).toBeLessThan(1000);
  },
);
