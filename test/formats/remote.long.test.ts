import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BLOCK_BYTES } from "../../src/sources/remote/block-cache.ts";
import { openHttpSource } from "../../src/sources/remote/http-source.ts";
import { isRemote, parsePlace } from "../../src/sources/remote/place.ts";
import { caught } from "../support/caught.ts";
import { RangeServer, type Fault } from "../support/range-server.ts";

const SIZE = 3 * BLOCK_BYTES + 1000;
const BYTES = Uint8Array.from(
  { length: SIZE },
  (_unused, index) => (index * 31 + (index >> 8)) & 255,
);

let server: RangeServer;
beforeEach(async () => {
  server = await RangeServer.start();
  server.serve("/file", BYTES);
});
afterEach(() => server.close());

const open = (path = "/file"): ReturnType<typeof openHttpSource> =>
  openHttpSource(new URL(server.origin + path), { label: "the file" });

/** Reads the middle, where every block and a long read are touched. */
async function readAll(): Promise<Uint8Array> {
  const source = await open();
  return source.read(0, SIZE);
}

describe("a file on a server", () => {
  it("gives the bytes that were asked for, wherever they are", async () => {
    const source = await open();
    expect(source.byteLength).toBe(SIZE);
    for (const [begin, length] of [
      [0, 1],
      [BLOCK_BYTES - 5, 10],
      [SIZE - 7, 7],
      [100, BLOCK_BYTES],
      [2 * BLOCK_BYTES - 1, BLOCK_BYTES - 1],
      [SIZE, 0],
    ] as const) {
      const wanted = BYTES.subarray(begin, begin + length);
      expect(Buffer.compare(await source.read(begin, length), wanted)).toBe(0);
    }
    expect((await caught(() => source.read(SIZE - 1, 2))).code).toBe("WB3003");
  });

  it("asks once for what is close together", async () => {
    const source = await open();
    for (let begin = 0; begin < 1000; begin += 10) await source.read(begin, 10);
    await Promise.all([source.read(0, 10), source.read(500, 10)]);
    expect(server.asked.length).toBe(2);
  });

  it("asks for ever longer runs while it is read in order", async () => {
    const blocks = 40;
    const byteLength = blocks * BLOCK_BYTES;
    server.serveLarge("/long", { byteLength, bytes: (begin, end) => new Uint8Array(end - begin) });
    const source = await open("/long");
    for (let begin = 0; begin < byteLength; begin += 2 ** 16) await source.read(begin, 2 ** 16);
    // Runs of 1, 2, 4, 8, 16 and the last 9 blocks, beside the first question for the size.
    expect(server.asked.length).toBe(7);
  });
});

describe("a connection that is lost", () => {
  it("is taken up where it broke off", async () => {
    server.fault = (answer, count) => {
      if (count % 2 === 0 && answer.body.byteLength > 1) answer.cutAfter = 100_000;
    };
    expect(Buffer.compare(await readAll(), BYTES)).toBe(0);
    // Nothing is asked for twice.
    expect(server.bytesSent).toBeLessThan(SIZE + 100);
  });

  it("is given up when nothing more comes", async () => {
    server.fault = (answer, count) => {
      if (count > 1) answer.cutAfter = 0;
    };
    const error = await caught(readAll);
    expect(error.code).toBe("WB6051");
    expect(server.asked.length).toBe(6);
  });

  it("is tried again after the server's own errors", async () => {
    server.fault = (answer, count) => {
      if (count === 1 || count === 3) {
        answer.status = 503;
        answer.headers.clear();
        answer.headers.set("retry-after", "0");
      }
    };
    expect(Buffer.compare(await readAll(), BYTES)).toBe(0);
  });

  it("ends the wait when the work is interrupted", async () => {
    const interruption = new AbortController();
    server.fault = (answer, count) => {
      if (count > 1) {
        answer.cutAfter = 0;
        interruption.abort(new Error("stop"));
      }
    };
    const source = await openHttpSource(new URL(`${server.origin}/file`), {
      label: "the file",
      signal: interruption.signal,
    });
    await expect(source.read(0, SIZE)).rejects.toThrowError("stop");
  });
});

const later =
  (change: Fault): Fault =>
  (answer, count, path) => {
    if (count > 1) change(answer, count, path);
  };

describe("a server that answers wrongly or cannot", () => {
  const range = (text: string): Fault =>
    later((answer) => {
      answer.headers.set("content-range", text);
    });

  it.each<readonly [string, Fault, string]>([
    ["names another size later", range(`bytes 0-${SIZE - 1}/${SIZE + 1}`), "WB3051"],
    ["gives another tag later", later(({ headers }) => headers.set("etag", '"two"')), "WB3051"],
    ["gives no tag later", later(({ headers }) => headers.delete("etag")), "WB3051"],
    ["sends other bytes", range(`bytes 1-${SIZE}/${SIZE}`), "WB3052"],
    ["sends fewer bytes than asked for", range(`bytes 0-${SIZE - 2}/${SIZE}`), "WB3052"],
    ["names no range", range("bytes"), "WB3052"],
    ["names no size", (answer) => answer.headers.set("content-range", "bytes 0-0/*"), "WB3052"],
    [
      "names a size beyond all files",
      (answer) => answer.headers.set("content-range", "bytes 0-0/99999999999999999999"),
      "WB3052",
    ],
    [
      "sends more than it announced",
      later((answer) => {
        answer.headers.delete("content-length");
        answer.body = new Uint8Array(SIZE + 1);
      }),
      "WB3052",
    ],
    [
      "announces another length than its range",
      later((answer) => {
        answer.headers.set("content-length", "10");
        answer.body = answer.body.subarray(0, 10);
      }),
      "WB3052",
    ],
    ["compresses", (answer) => answer.headers.set("content-encoding", "gzip"), "WB3052"],
    [
      "sends the whole file",
      (answer) => {
        answer.status = 200;
      },
      "WB4051",
    ],
    [
      "says that the file is shorter now",
      later((answer) => {
        answer.status = 416;
        answer.body = new Uint8Array();
        answer.headers.clear();
      }),
      "WB3051",
    ],
    [
      "asks for a password",
      (answer) => {
        answer.status = 401;
      },
      "WB6052",
    ],
    [
      "refuses for good",
      (answer) => {
        answer.status = 418;
      },
      "WB6051",
    ],
  ])("is refused when it %s", async (_name, fault, code) => {
    server.fault = fault;
    expect((await caught(readAll)).code).toBe(code);
  });

  it("names what was expected and found", async () => {
    server.fault = later(({ headers }) => headers.set("etag", '"two"'));
    expect((await caught(readAll)).message).toMatchInlineSnapshot(
      `"the file: its tag was "one", now "two""`,
    );
  });

  it("is told from one that has no such file, or an empty one", async () => {
    expect((await caught(() => open("/other"))).code).toBe("WB3001");
    server.serve("/empty", new Uint8Array());
    expect((await caught(() => open("/empty"))).code).toBe("WB3007");
  });
});

const redirect =
  (to: (path: string) => string | undefined): Fault =>
  (answer, _count, path) => {
    const location = to(path);
    if (location === undefined) return;
    answer.status = 302;
    answer.body = new Uint8Array();
    answer.headers.clear();
    answer.headers.set("location", location);
  };

describe("redirects", () => {
  it("are followed, and not asked for again", async () => {
    server.fault = redirect((path) => (path === "/old" ? "/file" : undefined));
    const source = await open("/old");
    expect(Buffer.compare(await source.read(0, SIZE), BYTES)).toBe(0);
    await source.read(5, 5);
    expect(server.asked.map(({ path }) => path)).toEqual(["/old", "/file", "/file", "/file"]);
  });

  it("are asked for again once the address has expired", async () => {
    let isExpired = false;
    server.serve("/signed-1", BYTES);
    server.serve("/signed-2", BYTES);
    server.fault = (answer, count, path) => {
      redirect((asked) => (asked === "/old" ? (isExpired ? "/signed-2" : "/signed-1") : undefined))(
        answer,
        count,
        path,
      );
      if (path === "/signed-1" && isExpired) answer.status = 403;
    };
    const source = await open("/old");
    isExpired = true;
    expect(Buffer.compare(await source.read(0, SIZE), BYTES)).toBe(0);
  });

  it("do not carry the token to another server", async () => {
    const other = await RangeServer.start();
    try {
      other.serve("/file", BYTES);
      server.fault = redirect(() => `${other.origin}/file`);
      const source = await openHttpSource(new URL(`${server.origin}/file`), {
        label: "f",
        token: "secret",
      });
      await source.read(0, SIZE);
      expect(server.asked.map(({ authorization }) => authorization)).toEqual(["Bearer secret"]);
      expect(new Set(other.asked.map(({ authorization }) => authorization))).toEqual(
        new Set([undefined]),
      );
    } finally {
      await other.close();
    }
  });

  it("are refused when they go round or leave encryption", async () => {
    server.fault = redirect((path) => `${path}x`);
    expect((await caught(() => open())).code).toBe("WB3052");
    server.fault = redirect(() => "http://example.org/file");
    expect((await caught(() => open())).code).toBe("WB2050");
    server.fault = redirect(() => "file:///etc/passwd");
    expect((await caught(() => open())).code).toBe("WB2050");
  });
});

describe("addresses", () => {
  it("are told from paths", () => {
    for (const path of ["hf:a/b", "https://h/x", "https:/h/x", "HTTP://h"]) {
      expect(isRemote(path)).toBe(true);
    }
    for (const path of ["./hf:a/b", "model", "/https/x", "hf", "C:\\models"]) {
      expect(isRemote(path)).toBe(false);
    }
  });

  it("name repository, revision and file of a hub", () => {
    const hub = { kind: "hub", repository: "internlm/internlm-7b", revision: "main", path: "" };
    expect(parsePlace("hf:internlm/internlm-7b")).toEqual(hub);
    expect(parsePlace("hf:internlm/internlm-7b@v1.0/sub/a.bin")).toEqual({
      ...hub,
      revision: "v1.0",
      path: "sub/a.bin",
    });
    expect(parsePlace("hf:internlm/internlm-7b@refs%2Fpr%2F3/")).toEqual({
      ...hub,
      revision: "refs/pr/3",
    });
  });

  it.each([
    "hf:name",
    "hf:a/b/../../c",
    "hf:a/b@%zz",
    "https://user:secret@host/x",
    "http://host/x",
    "https:",
  ])("are refused when they cannot be read safely: %s", async (path) => {
    const error = await caught(() => parsePlace(path));
    expect(error.code).toBe("WB2050");
    expect(error.message).not.toContain("secret");
  });
});
