import type { CodeTable } from "../code-table.ts";

/** Codes of remote sources (305x, 405x, 605x): what can be wrong with a server that files are read from. */
export const REMOTE_CODES = {
  WB2050: {
    title: "not an address that can be read",
    meaning:
      "Remote files are read from https addresses and from hf:ORGANISATION/NAME@REVISION; plain http is taken from this machine alone, and an address may not hold a password, which messages would show.",
    remedy:
      "Write https://HOST/PATH or hf:org/name@revision, with a file's path behind it where one file is meant; tokens belong in HF_TOKEN.",
    details: { path: "string" },
  },
  WB3051: {
    title: "the remote file changed while it was read",
    meaning:
      "The server gave another size or another entity tag than at the first request: what was read so far belongs to another file.",
    remedy: "Start again; pin a revision (hf:org/name@COMMIT) where the file may change.",
    details: { path: "string" },
  },
  WB3052: {
    title: "a server that contradicts itself",
    meaning:
      "The server's answer is not the range that was asked for: other bytes, more bytes than announced, or sizes that do not fit together.",
    remedy: "Download the file by other means and compare its digest with the publisher's.",
    details: { path: "string" },
  },
  WB4051: {
    title: "a server that cannot give parts of a file",
    meaning:
      "Only what is needed is read of a remote file, which takes a server that answers range requests (206); this one sends the whole file or nothing.",
    remedy: "Download the file first and give its path.",
    details: { path: "string" },
  },
  WB6051: {
    title: "the server cannot be reached",
    meaning:
      "The connection failed, or was lost again and again, or the server answered with an error of its own.",
    remedy:
      "Check the network and try again; HF_ENDPOINT names another hub, and HF_HUB_OFFLINE=1 reads what the hub's cache on this machine has.",
    details: { "path?": "string" },
  },
  WB6052: {
    title: "the server asks for access",
    meaning: "The model is private or gated, or the token does not open it.",
    remedy: "Ask for access on the model's page and set HF_TOKEN.",
    details: { path: "string" },
  },
  WB6053: {
    title: "not in the cache, and offline",
    meaning:
      "HF_HUB_OFFLINE is set, so that only the hub's cache on this machine is read, and it does not hold this revision.",
    remedy: "Unset HF_HUB_OFFLINE, or download the model once with any tool that fills the cache.",
    details: { path: "string" },
  },
} as const satisfies CodeTable;
