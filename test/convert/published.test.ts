import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { checkPublished } from "../../src/convert/write/published.ts";
import { openPlace } from "../../src/sources/places.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { useHub } from "../support/hub-environment.ts";
import { RangeServer } from "../support/range-server.ts";

const WEIGHTS = "pytorch_model.bin";
const CONFIG = readFileSync(join(FIXTURES, "internlm-tiny/config.json"));
const BYTES = readFileSync(join(FIXTURES, "internlm-tiny", WEIGHTS));
const SHA256 = createHash("sha256").update(BYTES).digest("hex");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-published-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A model in the cache of Hugging Face's tools, whose weights have these bytes. */
function cached(name: string, bytes: Uint8Array): string {
  const blobs = join(folder, `models--org--${name}/blobs`);
  const snapshot = join(folder, `models--org--${name}/snapshots/${COMMIT}`);
  mkdirSync(blobs, { recursive: true });
  mkdirSync(snapshot, { recursive: true });
  writeFileSync(join(blobs, SHA256), bytes);
  symlinkSync(join("../../blobs", SHA256), join(snapshot, WEIGHTS));
  writeFileSync(join(snapshot, "config.json"), CONFIG);
  return snapshot;
}

function sourcesOf(target: string): unknown {
  const manifest: unknown = JSON.parse(
    readFileSync(join(target, "weighbridge.manifest.json"), "utf8"),
  );
  return isRecord(manifest) ? manifest["sources"] : undefined;
}

const RECORD = { file: WEIGHTS, bytes: BYTES.byteLength, sha256: SHA256 };

describe("a source whose publisher's digest is known", () => {
  it("from the cache of the hub's tools is held against it, and recorded", async () => {
    const target = join(folder, "from-cache");
    await convert(cached("right", BYTES), target);
    expect(sourcesOf(target)).toEqual([{ ...RECORD, checked: "digest" }]);
    await convert(cached("again", BYTES), target, { resume: true });
  });

  it("from a download with notes is held against them", async () => {
    const model = join(folder, "download");
    const notes = join(model, ".cache/huggingface/download");
    mkdirSync(notes, { recursive: true });
    copyFileSync(join(FIXTURES, "internlm-tiny", WEIGHTS), join(model, WEIGHTS));
    writeFileSync(join(model, "config.json"), CONFIG);
    writeFileSync(join(notes, `${WEIGHTS}.metadata`), `${COMMIT}\n${SHA256}\n1700000000.0\n`);
    await convert(model, join(folder, "from-download"));
    expect(sourcesOf(join(folder, "from-download"))).toEqual([{ ...RECORD, checked: "digest" }]);
    writeFileSync(join(notes, `${WEIGHTS}.metadata`), `${COMMIT}\n${"0".repeat(64)}\n1.0\n`);
    const error = await caught(() => convert(model, join(folder, "other")));
    expect(error.code).toBe("WB3011");
    expect(existsSync(join(folder, "other"))).toBe(false);
  });

  it("that has another one is refused, and nothing is put in place", async () => {
    const target = join(folder, "from-damaged");
    // torch reads a zip with a byte behind its end, and so does everything else here.
    const longer = Buffer.concat([BYTES, Buffer.from([0])]);
    const error = await caught(() => convert(cached("damaged", longer), target));
    expect([error.code, error.details]).toMatchObject(["WB3011", { expected: SHA256 }]);
    expect(existsSync(target)).toBe(false);
  });

  it("is not recorded where nobody named one", async () => {
    const target = join(folder, "plain");
    await convert(join(FIXTURES, "internlm-tiny", WEIGHTS), target);
    expect(sourcesOf(target)).toBeUndefined();
  });
});

describe("a repository whose hub lists sizes and digests", () => {
  let server: RangeServer;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
  });

  async function serve(size: number, bytes: Uint8Array = BYTES): Promise<void> {
    server = await RangeServer.start();
    useHub(server.origin, join(folder, "hub-home"));
    server.serve(`/org/listed/resolve/${COMMIT}/${WEIGHTS}`, bytes);
    server.serve(`/org/listed/resolve/${COMMIT}/config.json`, CONFIG);
    const siblings = [
      { rfilename: WEIGHTS, size, lfs: { sha256: SHA256, size } },
      { rfilename: "config.json", size: CONFIG.byteLength },
    ];
    const info = JSON.stringify({ sha: COMMIT, siblings });
    server.serve("/api/models/org/listed/revision/main", Buffer.from(info));
  }

  it("has them recorded, and a small file held to its digest", async () => {
    await serve(BYTES.byteLength);
    const target = join(folder, "from-hub");
    await convert("hf:org/listed", target);
    expect(sourcesOf(target)).toEqual([{ ...RECORD, checked: "digest" }]);
  });

  it("has a large file held to its size alone, which is told", async () => {
    await serve(BYTES.byteLength);
    const found = await checkPublished([`hf:org/listed/${WEIGHTS}`], undefined, 100);
    expect(found).toEqual([{ ...RECORD, checked: "size" }]);
  });

  it("is refused where its server sends other bytes, and nothing is put in place", async () => {
    const other = Buffer.from(BYTES);
    other.writeUInt8(other.readUInt8(other.byteLength - 1) ^ 1, other.byteLength - 1);
    await serve(BYTES.byteLength, other);
    const target = join(folder, "other-bytes");
    const error = await caught(() => convert("hf:org/listed", target));
    expect(error.code).toMatch(/^WB3/);
    expect(existsSync(target)).toBe(false);
  });

  it("is refused by the read that completes a file of other bytes", async () => {
    const other = Buffer.from(BYTES);
    other.writeUInt8(other.readUInt8(500) ^ 1, 500);
    await serve(BYTES.byteLength, other);
    const source = await openPlace(`hf:org/listed/${WEIGHTS}`);
    await source.read(0, 600);
    await source.read(100, 1000);
    const error = await caught(() => source.read(1100, BYTES.byteLength - 1100));
    expect([error.code, error.details]).toMatchObject(["WB3011", { expected: SHA256 }]);
    await expect(source.read(0, 1)).rejects.toMatchObject({ code: "WB3011" });
    await source.close();
  });

  it("is read without a comparison where bytes are passed over", async () => {
    const other = Buffer.from(BYTES);
    other.writeUInt8(other.readUInt8(500) ^ 1, 500);
    await serve(BYTES.byteLength, other);
    const source = await openPlace(`hf:org/listed/${WEIGHTS}`);
    await source.read(0, 100);
    expect(await source.read(200, BYTES.byteLength - 200)).toHaveLength(BYTES.byteLength - 200);
    await source.close();
  });

  it("is refused where its server has a file of another size", async () => {
    await serve(BYTES.byteLength + 1);
    const error = await caught(() => convert("hf:org/listed", join(folder, "wrong-size")));
    expect(error.code).toBe("WB3052");
    expect(error.message).toContain(`the hub lists a file of ${BYTES.byteLength + 1} bytes`);
  });
});

describe("a repository whose hub lists no digests", () => {
  let hub: RangeServer;
  let store: RangeServer;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub.close();
    await store.close();
  });

  /** The hub sends on to another server, which has the bytes and could claim anything of them. */
  async function serve(linked: Readonly<Record<string, string>>, sha256?: string): Promise<void> {
    [hub, store] = [await RangeServer.start(), await RangeServer.start()];
    useHub(hub.origin, join(folder, "hub-home"));
    store.serve("/bytes", BYTES);
    store.fault = (answer) => answer.headers.set("x-linked-etag", `"${"f".repeat(64)}"`);
    const weights = `/org/unlisted/resolve/${COMMIT}/${WEIGHTS}`;
    hub.serve(weights, BYTES);
    hub.fault = (answer, _count, path) => {
      if (path !== weights) return;
      answer.status = 302;
      answer.headers.clear();
      answer.headers.set("location", `${store.origin}/bytes`);
      for (const [name, value] of Object.entries(linked)) answer.headers.set(name, value);
    };
    hub.serve(`/org/unlisted/resolve/${COMMIT}/config.json`, CONFIG);
    const lfs = sha256 === undefined ? {} : { lfs: { sha256, size: BYTES.byteLength } };
    const siblings = [{ rfilename: WEIGHTS, ...lfs }, { rfilename: "config.json" }];
    const info = JSON.stringify({ sha: COMMIT, siblings });
    hub.serve("/api/models/org/unlisted/revision/main", Buffer.from(info));
  }

  const size = String(BYTES.byteLength);

  it("has recorded what its server says of the file, and nothing that another says", async () => {
    await serve({ "x-linked-etag": `"${SHA256}"`, "x-linked-size": size });
    const target = join(folder, "from-linked");
    await convert("hf:org/unlisted", target);
    expect(sourcesOf(target)).toEqual([{ ...RECORD, checked: "digest" }]);
  });

  it("has nothing recorded where its server says no sha256", async () => {
    await serve({ "x-linked-etag": `"${"a".repeat(40)}"` });
    const target = join(folder, "from-unlinked");
    await convert("hf:org/unlisted", target);
    expect(sourcesOf(target)).toBeUndefined();
  });

  it("is refused where the bytes are not of the size that its server says", async () => {
    await serve({ "x-linked-size": String(BYTES.byteLength + 1) });
    const error = await caught(() => convert("hf:org/unlisted", join(folder, "linked-size")));
    expect(error.code).toBe("WB3052");
    expect(error.message).toContain(`the hub links a file of ${BYTES.byteLength + 1} bytes`);
  });

  it("is refused where its list and its server name two digests", async () => {
    await serve({ "x-linked-etag": SHA256 }, "0".repeat(64));
    const error = await caught(() => convert("hf:org/unlisted", join(folder, "linked-digest")));
    expect(error.code).toBe("WB3052");
    expect(error.message).toContain(`links one with ${SHA256}`);
  });
});
