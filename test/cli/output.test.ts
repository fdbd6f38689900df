import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { watchWrites, written } from "../../src/cli/output.ts";

function refusing(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done(Object.assign(new Error(`${code}: write`), { code, syscall: "write" }));
    },
  });
}

test.each([
  ["ENOSPC", "WB6001"],
  ["EFBIG", "WB6004"],
  ["EIO", "WB6002"],
  ["EPIPE", undefined],
])("a result that the system refuses with %s is told as %s", async (system, expected) => {
  const stream = refusing(system);
  let told: string | undefined;
  watchWrites(stream, ({ code }) => (told = code));
  await written(stream, "the result");
  expect(told).toBe(expected);
});

test("a stream has one listener however often it is watched, and tells those that watch it still", async () => {
  const stream = refusing("ENOSPC");
  const told: number[] = [];
  for (let run = 0; run < 20; run++) {
    const unwatch = watchWrites(stream, () => told.push(run));
    if (run < 19) unwatch();
  }
  expect(stream.listenerCount("error")).toBe(1);
  await written(stream, "the result");
  expect(told).toEqual([19]);
});
