import { describe, expect, test } from "vitest";
import { doctor, memoryCheck, nodeCheck } from "../../src/api/doctor.ts";

describe("the doctor", () => {
  test("finds wasm on every machine, and names the same checks always", async () => {
    const { checks, devices } = await doctor();
    expect(devices.find(({ device }) => device === "wasm")?.usable).toBe(true);
    // Our kernels keep a token's bits; TensorFlow's own operations do not, and the doctor says so.
    for (const { device, usable, description, keepsBits } of devices) {
      if (usable) expect([device, /kernels/.test(description)]).toEqual([device, keepsBits]);
      if (usable && !keepsBits) expect(description).toContain("do not keep a token's bits");
    }
    expect(devices.map(({ device }) => device)).toEqual(["cuda", "cpu", "wasm"]);
    expect(checks.map(({ name }) => name)).toEqual([
      "node",
      "wasm",
      "native",
      "cuda",
      "memory",
      "disk",
    ]);
    for (const { status, fix } of checks) expect(fix === "").toBe(status === "ok");
  });

  test.each([
    ["18.20.8", "problem"],
    ["20.18.1", "problem"],
    ["20.19.0", "ok"],
    ["22.4.0", "ok"],
    ["24.0.0", "ok"],
    ["26.12.1", "ok"],
  ])("of Node %s says %s", (version, status) => {
    expect(nodeCheck(version).status).toBe(status);
  });

  test("advises where a 7B model would not even stream", () => {
    expect(memoryCheck(3e9).status).toBe("advice");
    expect(memoryCheck(5e9).status).toBe("ok");
  });
});
