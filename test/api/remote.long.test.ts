import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { inspect } from "../../src/api/inspect.ts";
import { scan } from "../../src/api/scan.ts";
import { caught } from "../support/caught.ts";
import { useHub } from "../support/hub-environment.ts";
import { RangeServer } from "../support/range-server.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures");
const TINY = join(FIXTURES, "internlm-tiny");
const SHARDED = join(FIXTURES, "safetensors-sharded");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const NEXT_COMMIT = "89abcdef0123456789abcdef0123456789abcdef";

let server: RangeServer;
let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "weighbridge-remote-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  server = await RangeServer.start();
  useHub(server.origin, join(scratch, "hub-home"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

/** Serves a folder's files under a path. */
function serveFolder(folder: string, path: string): readonly string[] {
  const names = readdirSync(folder);
  for (const name of names) server.serve(`${path}/${name}`, readFileSync(join(folder, name)));
  return names;
}

/** Serves a folder as a repository, as the hub does. */
function serveRepository(
  folder: string,
  repository: string,
  commit = COMMIT,
  revision = "main",
  more: readonly unknown[] = [],
): void {
  const names = serveFolder(folder, `/${repository}/resolve/${commit}`);
  const siblings = [...names, ...more].map((rfilename) => ({ rfilename }));
  const info = Buffer.from(JSON.stringify({ sha: commit, siblings }));
  server.serve(`/api/models/${repository}/revision/${revision}`, info);
}

/** From now on only who shows this token is served. */
function needs(token: string): void {
  server.fault = (answer) => {
    if (server.asked.at(-1)?.authorization !== `Bearer ${token}`) answer.status = 401;
  };
}

/** Facts of tensors without where they are from. */
const facts = ({
  tensors,
  layout,
  parameters,
  format,
}: Awaited<ReturnType<typeof inspect>>): unknown => ({
  tensors,
  layout,
  parameters,
  format,
});

describe("a checkpoint on a web server", () => {
  it.each(["pytorch_model.bin", "model_state.pdparams"])(
    "shows the same tensors as on this machine: %s",
    async (name) => {
      serveFolder(TINY, "/models/tiny");
      const remote = await inspect(`${server.origin}/models/tiny/${name}`);
      expect(facts(remote)).toEqual(facts(await inspect(join(TINY, name))));
      expect(remote.architecture).toBe("InternLMForCausalLM");
    },
  );

  it("is opened by its index, and checked", async () => {
    serveFolder(SHARDED, "/sharded");
    const index = "model.safetensors.index.json";
    const remote = await inspect(`${server.origin}/sharded/${index}`);
    expect(facts(remote)).toEqual(facts(await inspect(join(SHARDED, index))));
    expect((await check(`${server.origin}/sharded/${index}`)).problems).toEqual([]);
  });

  it("is scanned without being loaded", async () => {
    serveFolder(TINY, "/m");
    const remote = await scan(`${server.origin}/m/pytorch_model.bin`);
    const local = await scan(join(TINY, "pytorch_model.bin"));
    expect(remote.verdict).toBe("safe");
    expect(remote.globals.map(({ file: _file, ...rest }) => rest)).toEqual(
      local.globals.map(({ file: _file, ...rest }) => rest),
    );
  });

  it("is converted to the same bytes, connections lost on the way or not", async () => {
    serveFolder(TINY, "/m");
    server.fault = (answer, count) => {
      if (count % 3 === 0) answer.cutAfter = Math.floor(answer.body.byteLength / 2);
    };
    const result = await convert(`${server.origin}/m/model_state.pdparams`, join(scratch, "web"));
    const local = await convert(join(TINY, "model_state.pdparams"), join(scratch, "local"));
    expect(result.verified).toBe(true);
    expect(result.weightsSha256).toBe(local.weightsSha256);
    const weights = "model.safetensors";
    const same = readFileSync(join(scratch, "web", weights)).equals(
      readFileSync(join(scratch, "local", weights)),
    );
    expect(same).toBe(true);
  });

  it("of 13.6 GB is inspected and checked with less than 2 MB of traffic", async () => {
    const rows = 6_800;
    const columns = 1_000_000;
    const end = rows * columns * 2;
    const header = Buffer.from(
      JSON.stringify({ large: { dtype: "F16", shape: [rows, columns], data_offsets: [0, end] } }),
    );
    const head = Buffer.alloc(8 + header.byteLength);
    head.writeBigUInt64LE(BigInt(header.byteLength));
    header.copy(head, 8);
    server.serveLarge("/large.safetensors", {
      byteLength: head.byteLength + end,
      bytes: (from, to) => {
        const bytes = new Uint8Array(to - from);
        if (from < head.byteLength) bytes.set(head.subarray(from, to));
        return bytes;
      },
    });
    const found = await inspect(`${server.origin}/large.safetensors`);
    expect(found.bytes).toBe(13_600_000_000);
    expect((await check(`${server.origin}/large.safetensors`)).problems).toEqual([]);
    expect(server.bytesSent).toBeLessThan(2_000_000);
  });

  it("that is not there is said to be missing", async () => {
    expect((await caught(() => inspect(`${server.origin}/none.bin`))).code).toBe("WB3001");
  });
});

describe("a repository of a model hub", () => {
  it("is a folder: weights are chosen, and files beside them go along", async () => {
    serveRepository(TINY, "org/tiny");
    const found = await inspect("hf:org/tiny");
    expect(found.format).toBe("pytorch-zip");
    expect(found.notes.join()).toContain("model_state.pdparams");
    const target = join(scratch, "hub");
    const result = await convert("hf:org/tiny", target);
    const local = await convert(TINY, join(scratch, "hub-local"));
    expect(result.weightsSha256).toBe(local.weightsSha256);
    for (const name of readdirSync(join(scratch, "hub-local"))) {
      const same = readFileSync(join(target, name)).equals(
        readFileSync(join(scratch, "hub-local", name)),
      );
      expect([name, same]).toEqual([name, true]);
    }
  });

  it("gives one file, and is scanned as a whole", async () => {
    serveRepository(TINY, "org/tiny");
    expect((await inspect("hf:org/tiny@main/model_state.pdparams")).format).toBe("paddle");
    const { verdict, files } = await scan("hf:org/tiny");
    expect(verdict).toBe("safe");
    const weights = files.filter(({ state }) => state === "examined").map(({ file }) => file);
    expect(weights).toEqual(
      ["config.json", "model_state.pdparams", "pytorch_model.bin", "tokenizer_config.json"].map(
        (name) => `hf:org/tiny/${name}`,
      ),
    );
    expect(files).toHaveLength(readdirSync(TINY).length);
    for (const path of ["hf:org/tiny/none.bin", "hf:org/tiny/none", "hf:org/other"]) {
      expect((await caught(() => inspect(path))).code).toBe("WB3001");
    }
  });

  it.each([
    "../outside.bin",
    "/etc/passwd",
    "a//b.bin",
    "a/./b.bin",
    "..",
    "lone\ud800.bin",
    "zero\0.bin",
    "",
    7,
    undefined,
  ])(
    "with an entry that nobody can ask for is not called safe, and is converted: %j",
    async (name) => {
      serveRepository(TINY, "org/odd", COMMIT, "main", [name]);
      const { verdict, files } = await scan("hf:org/odd");
      expect(verdict).toBe("incomplete");
      expect(files.filter(({ state }) => state === "not-understood")).toHaveLength(1);
      expect((await inspect("hf:org/odd")).parameters).toBeGreaterThan(0);
    },
  );

  it.each(["a?b#c%20.bin", "a\nb.bin", "a\\b.bin", "hf:x@y.bin", "données.bin"])(
    "with a file of an unusual name has it examined, or says that it was not: %j",
    async (name) => {
      serveRepository(TINY, "org/names", COMMIT, "main", [name]);
      const payload = Buffer.from("cposix\nsystem\n(S'true'\ntR.");
      server.serve(`/org/names/resolve/${COMMIT}/${name}`, payload);
      expect(["unsafe", "incomplete"]).toContain((await scan("hf:org/names")).verdict);
    },
  );

  it("stays at the commit that its branch had first", async () => {
    serveRepository(TINY, "org/moving");
    await inspect("hf:org/moving");
    serveRepository(SHARDED, "org/moving", NEXT_COMMIT);
    const asked = server.asked.length;
    await inspect("hf:org/moving/model_state.pdparams");
    expect(server.asked.slice(asked).every(({ path }) => path.includes(COMMIT))).toBe(true);
  });

  it("is opened with HF_TOKEN, or with the token that the hub's tools stored", async () => {
    serveRepository(TINY, "org/private");
    needs("from-environment");
    expect((await caught(() => inspect("hf:org/private"))).code).toBe("WB6052");
    vi.stubEnv("HF_TOKEN", "from-environment");
    expect((await inspect("hf:org/private")).tensors.length).toBe(45);
    vi.stubEnv("HF_TOKEN", "");
    mkdirSync(join(scratch, "hub-home"), { recursive: true });
    writeFileSync(join(scratch, "hub-home/token"), "from-file\n");
    needs("from-file");
    expect((await inspect("hf:org/private/model_state.pdparams")).format).toBe("paddle");
    rmSync(join(scratch, "hub-home/token"));
  });

  it.each([
    ["no JSON", "<html>"],
    ["no commit", '{"siblings":[]}'],
    ["a commit that is a path", '{"sha":"../../x","siblings":[]}'],
    ["no files", `{"sha":"${COMMIT}"}`],
  ])("is refused when its description has %s", async (_name, text) => {
    server.serve("/api/models/org/odd/revision/main", Buffer.from(text));
    expect((await caught(() => inspect("hf:org/odd"))).code).toBe("WB3052");
  });
});

describe("offline", () => {
  it("reads what the hub's cache holds, and asks nobody", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const cache = join(scratch, "hub-home/hub/models--org--cached");
    mkdirSync(join(cache, "refs"), { recursive: true });
    writeFileSync(join(cache, "refs/main"), COMMIT);
    cpSync(TINY, join(cache, "snapshots", COMMIT), { recursive: true });
    expect((await inspect("hf:org/cached")).tensors.length).toBe(45);
    expect((await inspect(`hf:org/cached@${COMMIT}/model_state.pdparams`)).format).toBe("paddle");
    const { verified } = await convert("hf:org/cached", join(scratch, "offline"));
    expect(verified).toBe(true);
    expect((await caught(() => inspect("hf:org/other"))).code).toBe("WB6053");
    expect((await caught(() => inspect("https://localhost/x"))).code).toBe("WB6053");
    expect(server.asked).toEqual([]);
  });

  it("never writes over the cache that it reads", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const snapshot = join(scratch, "hub-home/hub/models--org--cached/snapshots", COMMIT);
    const error = await caught(() => convert("hf:org/cached", snapshot, { force: true }));
    expect(error.code).toBe("WB2902");
  });
});
