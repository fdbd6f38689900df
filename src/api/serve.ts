import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import { WbError } from "../errors/wb-error.ts";
import type { ChatPromptOptions } from "../session/chat-prompt.ts";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { buildApp } from "../serve/app.ts";
import { isLoopback } from "../serve/guard.ts";
import { modelIds, openServedModel } from "../serve/served-model.ts";
import { ServerState, type ServerCounts } from "../serve/server-state.ts";

/** Where a server listens, and what it allows. */
export interface ServeOptions extends RuntimeOptions, Pick<ChatPromptOptions, "template"> {
  /** Address to listen at; 127.0.0.1 when left out. Others need `apiKey`. */
  readonly host?: string | undefined;
  /** 8000 when left out; 0 for any that is free. */
  readonly port?: number | undefined;
  /** What clients must send as `Authorization: Bearer`. */
  readonly apiKey?: string | undefined;
  /** Tokens of prompt and answer at most; the model's own context when left out. */
  readonly context?: number | undefined;
  /** New tokens of one answer at most; what the context has room for when left out. */
  readonly maxNewTokens?: number | undefined;
  /** Bytes of a request's body at most; 4 MiB when left out. */
  readonly maxBodyBytes?: number | undefined;
  /** Requests to one model that wait or are answered, at most; 64 when left out. */
  readonly queue?: number | undefined;
  /** Texts that one model generates at the same time, at most, as far as memory has room; 8 when left out. */
  readonly batch?: number | undefined;
  /** Seconds for one request, waiting included; 600 when left out. */
  readonly timeoutSeconds?: number | undefined;
  /** Seconds that answers at work have to end when the server stops; 10 when left out. */
  readonly graceSeconds?: number | undefined;
  /** Told as layers of a model are loaded. */
  readonly onLoad?: ((done: number, total: number) => void) | undefined;
  /** Told what the user should know of each model that was loaded. */
  readonly onNotes?: ((id: string, notes: readonly string[]) => void) | undefined;
}

/** What a server did until it was stopped. */
export interface StoppedServer extends ServerCounts {
  /** Answers that the end of the grace time cut off. */
  readonly cut: number;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  readonly models: readonly string[];
  /** Ends when all models are loaded; fails with what kept one from it. */
  readonly ready: Promise<void>;
  /** Takes no more requests, lets those at work end within the grace time, and closes the models. */
  stop(): Promise<StoppedServer>;
}

/** A client has so long to send its headers, and its whole request, in milliseconds. */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;

/** Node looks for connections whose time is up so often, in milliseconds; left alone, every 30 seconds. */
const TIMEOUT_CHECK = 1000;

/** Connections that are still open when all is answered are cut so many milliseconds later. */
const CLOSE_TIMEOUT = 1000;

/**
 * Serves models over HTTP in the language of OpenAI's API; it listens before they are loaded, and says so at /health.
 * @throws WbError WB2950, WB2951; the system's error when the address is taken.
 */
export async function startServer(
  paths: readonly string[],
  options: ServeOptions = {},
): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8000, apiKey, graceSeconds = 10 } = options;
  checkOptions(options);
  const state = new ServerState(await modelIds(paths));
  const app = await buildApp(state, {
    apiKey,
    checksHost: isLoopback(host),
    maxBodyBytes: options.maxBodyBytes ?? 4 * 2 ** 20,
    maxNewTokens: options.maxNewTokens,
    timeoutSeconds: options.timeoutSeconds ?? 600,
  });
  const server = await listen(app.fetch, host, port);
  const loading = new AbortController();
  const ready = load(state, paths, { ...options, signal: loading.signal });
  // Told to those who wait for `ready`; nobody has to wait.
  ready.catch(() => undefined);
  return {
    url: urlOf(server, host),
    models: state.ids,
    ready,
    stop: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      loading.abort(new WbError("WB9001", "interrupted"));
      const cut = await state.stop(graceSeconds);
      await ready.catch(() => undefined);
      server.closeIdleConnections();
      const patience = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT);
      await closed;
      clearTimeout(patience);
      await state.close();
      return { ...state.counts, cut };
    },
  };
}

async function load(
  state: ServerState,
  paths: readonly string[],
  options: ServeOptions,
): Promise<void> {
  for (const [index, path] of paths.entries()) {
    const id = state.ids[index] ?? "";
    options.signal?.throwIfAborted();
    const model = await openServedModel(id, path, {
      ...options,
      queue: options.queue ?? 64,
      batch: options.batch ?? 8,
    });
    const template =
      model.chat === undefined
        ? model.whyNoChat
        : `template: ${model.chat.template.name} (${model.chat.why})`;
    const { defaults, notes } = model.facts;
    const drawn =
      defaults.doSample === false
        ? [
            "generation_config.json: do_sample false: a request's temperature decides, 1 where it has none",
          ]
        : [];
    options.onNotes?.(id, [...notes, ...drawn, template]);
    state.add(model);
  }
}

async function listen(
  fetch: Hono<{ Bindings: HttpBindings }>["fetch"],
  host: string,
  port: number,
): Promise<Server> {
  const listener = getRequestListener(
    (request, env) => fetch(request, "incoming" in env ? env : undefined),
    { overrideGlobalObjects: false },
  );
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: TIMEOUT_CHECK,
    },
    (incoming, outgoing) => {
      void listener(incoming, outgoing);
    },
  );
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function checkOptions(options: ServeOptions): void {
  const { host = "127.0.0.1", apiKey } = options;
  if (!isLoopback(host) && apiKey === undefined)
    throw new WbError("WB2950", `--host ${host}: others can reach it, and there is no API key`, {
      details: { host },
    });
  const limits: readonly (readonly [string, number | undefined, number, number])[] = [
    ["port", options.port, 0, 65_535],
    ["max-new-tokens", options.maxNewTokens, 1, Number.MAX_SAFE_INTEGER],
    ["max-body-size", options.maxBodyBytes, 1, 2 ** 30],
    ["queue", options.queue, 1, 100_000],
    ["batch", options.batch, 1, 1024],
    ["request-timeout", options.timeoutSeconds, 1, 86_400],
    ["grace", options.graceSeconds, 0, 3600],
  ];
  for (const [name, value, least, most] of limits) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most))
      continue;
    throw new WbError(
      "WB2951",
      `${name}: expected a whole number from ${least} to ${most}, found ${value}`,
      { details: { setting: name, found: value } },
    );
  }
}
