import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileSchema } from "../support/json-schema.ts";
import { TINY } from "../support/served.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/weighbridge.js");

describe("weighbridge serve", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "ends with 0 and one document after %s, and shows no key",
    async (signal) => {
      const child = spawn(
        process.execPath,
        [PROGRAM, "serve", TINY, "--port", "0", "--device", "wasm", "--json"],
        { env: { ...process.env, WEIGHBRIDGE_API_KEY: "sesame-of-the-environment" } },
      );
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
      child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
      while (!/^ready$/m.test(stderr)) await once(child.stderr, "data");
      const url = /listening at (\S+);/.exec(stderr)?.[1] ?? "";
      expect((await fetch(`${url}/v1/models`)).status).toBe(401);
      child.kill(signal);
      await once(child, "close");
      expect(child.exitCode).toBe(0);
      const json: unknown = JSON.parse(stdout);
      const validate = compileSchema("serve", true);
      validate(json);
      expect(validate.errors ?? []).toEqual([]);
      expect(stdout + stderr).not.toContain("sesame-of-the-environment");
    },
  );

  test("shows a key of the environment neither in its help nor in the settings", async () => {
    for (const words of [
      ["serve", "--help"],
      ["config", "print"],
    ]) {
      const child = spawn(process.execPath, [PROGRAM, ...words], {
        env: { ...process.env, WEIGHBRIDGE_API_KEY: "sesame-of-the-environment" },
      });
      let stdout = "";
      child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
      await once(child, "close");
      expect(stdout).toContain("api-key");
      expect(stdout).not.toContain("sesame-of-the-environment");
    }
  });
});
