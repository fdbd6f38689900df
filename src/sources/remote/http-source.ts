import { WbError } from "../../errors/wb-error.ts";
import { checkRange, readNew, type FileSource } from "../file.ts";
import { BlockCache, BLOCK_BYTES } from "./block-cache.ts";
import type { PaceLimits } from "./pace.ts";
import { bodyOf, drop, persist, request, Transient, type Answer, type Linked } from "./request.ts";

export interface HttpSourceOptions {
  /** What messages call the file. */
  readonly label: string;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `PACE` when left out. */
  readonly pace?: PaceLimits;
}

export interface HttpSource extends FileSource {
  /** What tells this version of the file from others: its size and entity tag. */
  readonly version: string;
  /** What its first server said of it before it sent elsewhere. */
  readonly linked: Linked;
}

/** What the first answer said of the file, which every later one must say again. */
interface Facts {
  readonly byteLength: number;
  readonly etag: string | null;
}

/**
 * A file on a server, read by range requests: short reads through blocks that are kept, long ones directly, and lost
 * connections taken up where they broke off.
 * @throws WbError WB2050, WB3001, WB3007, WB3051, WB3052, WB4051, WB6051, WB6052.
 */
export async function openHttpSource(
  address: URL,
  options: HttpSourceOptions,
): Promise<HttpSource> {
  const file = new RemoteFile(address, options);
  const { byteLength, etag, linked } = await file.open();
  const cache = new BlockCache(byteLength, (begin, target) => file.readInto(begin, target));
  const source: HttpSource = {
    label: options.label,
    byteLength,
    version: `${byteLength} ${etag ?? "no tag"}`,
    linked,
    read: (begin, length) => readNew(source, begin, length),
    readInto: async (begin, target) => {
      checkRange(options.label, byteLength, begin, target.byteLength);
      if (target.byteLength >= BLOCK_BYTES) await file.readInto(begin, target);
      else await cache.readInto(begin, target);
    },
    close: () => {
      cache.clear();
      return Promise.resolve();
    },
  };
  return source;
}

/** Ranges of one file, checked against what its server said first. */
class RemoteFile {
  readonly #address: URL;
  readonly #options: HttpSourceOptions;
  #facts: Facts | undefined;
  /** Where redirects led last; signed addresses expire, so the first one is asked again when this one refuses. */
  #direct: URL | undefined;

  constructor(address: URL, options: HttpSourceOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Asks for one byte, whose answer names the size of all. */
  async open(): Promise<Facts & { readonly linked: Linked }> {
    return persist(
      async () => {
        const answer = await this.#ask(0, 1);
        await drop(answer);
        if (this.#facts === undefined) throw contradiction(this.#options.label, "no size is named");
        return { ...this.#facts, linked: answer.linked };
      },
      () => 0,
      this.#options.signal,
      this.#options.pace,
    );
  }

  async readInto(begin: number, target: Uint8Array): Promise<void> {
    let filled = 0;
    await persist(
      async () => {
        if (filled === target.byteLength) return;
        const answer = await this.#ask(begin + filled, target.byteLength - filled);
        await this.#receive(answer, target.byteLength - filled, (bytes) => {
          target.set(bytes, filled);
          filled += bytes.byteLength;
        });
      },
      () => filled,
      this.#options.signal,
      this.#options.pace,
    );
  }

  async #ask(begin: number, length: number): Promise<Answer> {
    const headers = { range: `bytes=${begin}-${begin + length - 1}` };
    const answer = await this.#reach(headers);
    try {
      this.#check(answer.response, begin, length);
      this.#direct = answer.url;
      return answer;
    } catch (error) {
      await drop(answer);
      throw error;
    }
  }

  async #reach(headers: Readonly<Record<string, string>>): Promise<Answer> {
    const { label, token, signal, pace } = this.#options;
    const direct = this.#direct;
    if (direct !== undefined && direct.href !== this.#address.href) {
      // The token is for the first origin; an address that a redirect gave needs none.
      try {
        const same = direct.origin === this.#address.origin;
        return await request(direct, {
          label,
          headers,
          signal,
          pace,
          token: same ? token : undefined,
        });
      } catch (error) {
        if (!(error instanceof WbError)) throw error;
        this.#direct = undefined;
      }
    }
    return request(this.#address, { label, headers, signal, pace, token });
  }

  #check(response: Response, begin: number, length: number): void {
    const { label } = this.#options;
    const encoding = response.headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") throw contradiction(label, `it is encoded (${encoding})`);
    const range = response.headers.get("content-range") ?? "";
    if (response.status === 416 && /^bytes \*\/0$/.test(range)) {
      throw new WbError("WB3007", `${label}: the file is empty`, { details: { path: label } });
    }
    if (response.status === 416) throw this.#changed(`it ends before byte ${begin}`);
    if (response.status !== 206) {
      throw new WbError(
        "WB4051",
        `${label}: a range was asked for, the answer is ${response.status}`,
        { details: { path: label } },
      );
    }
    const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? [];
    const byteLength = Number(size);
    if (!Number.isSafeInteger(byteLength))
      throw contradiction(label, `it names the range "${range}"`);
    this.#compare({ byteLength, etag: strongTag(response) });
    if (Number(first) !== begin || Number(last) !== begin + length - 1) {
      throw contradiction(
        label,
        `asked for bytes ${begin} to ${begin + length - 1}, found "${range}"`,
      );
    }
    const announced = response.headers.get("content-length");
    if (announced !== null && Number(announced) !== length) {
      throw contradiction(label, `asked for ${length} bytes, ${announced} are announced`);
    }
  }

  #compare(found: Facts): void {
    const known = (this.#facts ??= found);
    if (found.byteLength !== known.byteLength) {
      throw this.#changed(`it had ${known.byteLength} bytes, now ${found.byteLength}`);
    }
    if (found.etag !== known.etag) {
      throw this.#changed(`its tag was ${known.etag ?? "none"}, now ${found.etag ?? "none"}`);
    }
  }

  #changed(what: string): WbError {
    return new WbError("WB3051", `${this.#options.label}: ${what}`, {
      details: { path: this.#options.label },
    });
  }

  /** Passes on exactly `length` bytes; a body that ends before is a lost connection, a longer one contradicts its own header. */
  async #receive(answer: Answer, length: number, take: (bytes: Uint8Array) => void): Promise<void> {
    const { label } = this.#options;
    let received = 0;
    for await (const bytes of bodyOf(answer, this.#options)) {
      received += bytes.byteLength;
      if (received > length) throw contradiction(label, `asked for ${length} bytes, and more came`);
      take(bytes);
    }
    if (received < length) throw new Transient(`${label}: the answer ended early`);
  }
}

/** Weak tags do not promise equal bytes. */
function strongTag(response: Response): string | null {
  const etag = response.headers.get("etag");
  return etag === null || etag.startsWith("W/") ? null : etag;
}

function contradiction(label: string, what: string): WbError {
  return new WbError("WB3052", `${label}: the server's answer is not what was asked for: ${what}`, {
    details: { path: label },
  });
}
