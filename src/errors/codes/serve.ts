import type { CodeTable } from "../code-table.ts";

/** Codes of the HTTP server (x95x); what is wrong with a request is told to its client, in OpenAI's shape. */
export const SERVE_CODES = {
  WB2950: {
    title: "a server that others can reach has no API key",
    meaning:
      "--host names an address beyond this machine, where anyone could use the model and read along.",
    remedy:
      "Set WEIGHBRIDGE_API_KEY (or --api-key) to a secret of at least 16 characters, or leave out --host.",
    details: { host: "string" },
  },
  WB2951: {
    title: "a setting of the server has a value it cannot have",
    meaning: "A limit, a port or a time of `serve` is outside its range.",
    remedy: "Read the message for the accepted range; `weighbridge serve --help` lists them.",
    details: { setting: "string", found: "number" },
  },
} as const satisfies CodeTable;
