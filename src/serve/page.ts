import { readFile } from "node:fs/promises";
import type { Handler } from "hono";

/** The files of the page and where they are served; they are in `web`, beside the sources and the build alike. */
const FILES = [
  { path: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/page.css", file: "page.css", type: "text/css; charset=utf-8" },
  { path: "/page.js", file: "page.js", type: "text/javascript; charset=utf-8" },
  { path: "/stream.js", file: "stream.js", type: "text/javascript; charset=utf-8" },
] as const;

/** Reads the page once; a handler for each of its files. */
export async function pageRoutes(): Promise<
  readonly { readonly path: string; readonly handler: Handler }[]
> {
  const folder = new URL("../../web/", import.meta.url);
  return Promise.all(
    FILES.map(async ({ path, file, type }) => {
      const text = await readFile(new URL(file, folder), "utf8");
      return { path, handler: (c) => c.body(text, 200, { "content-type": type }) };
    }),
  );
}
