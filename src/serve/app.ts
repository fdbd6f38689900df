import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context, type Handler, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { chatPlan } from "./chat-reply.ts";
import { readChatRequest } from "./chat-request.ts";
import { completionPlan } from "./completion-reply.ts";
import { readCompletionRequest } from "./completion-request.ts";
import type { Fields } from "./fields.ts";
import { bearer, hardened, sameSite } from "./guard.ts";
import { pageRoutes } from "./page.ts";
import { performStream, performWhole } from "./perform.ts";
import { asProblem, Problem } from "./problem.ts";
import { readFields } from "./read-body.ts";
import { identified } from "./request-id.ts";
import { tokenRoutes } from "./token-routes.ts";
import { responsePlan } from "./response-reply.ts";
import { readResponseRequest } from "./response-request.ts";
import type { ReplyPlan } from "./reply.ts";
import { RequestLife } from "./request-life.ts";
import type { ServedModel } from "./served-model.ts";
import type { ServerState } from "./server-state.ts";

export interface AppOptions {
  readonly apiKey: string | undefined;
  readonly checksHost: boolean;
  readonly maxBodyBytes: number;
  readonly maxNewTokens: number | undefined;
  readonly timeoutSeconds: number;
}

type Env = { Bindings: HttpBindings };
type Planner = (fields: Fields, model: ServedModel, limit: number) => Promise<ReplyPlan>;

const PLANNERS: Readonly<Record<string, Planner>> = {
  "/v1/completions": async (fields, model, limit) =>
    completionPlan(await readCompletionRequest(fields, model, limit), model),
  "/v1/chat/completions": async (fields, model, limit) =>
    chatPlan(await readChatRequest(fields, model, limit), model),
  "/v1/responses": async (fields, model, limit) =>
    responsePlan(await readResponseRequest(fields, model, limit), model),
};

/** All routes. */
export async function buildApp(state: ServerState, options: AppOptions): Promise<Hono<Env>> {
  const app = new Hono<Env>();
  app.onError((error) => replyProblem(asProblem(error)));
  app.notFound((c) =>
    replyProblem(new Problem(404, `nothing at ${c.req.method} ${c.req.path.slice(0, 120)}`)),
  );
  app.use(identified, hardened, sameSite(options.checksHost));
  if (options.apiKey !== undefined) app.use("/v1/*", bearer(options.apiKey));
  app.use("/v1/*", bodyLimitOf(options));
  for (const [path, answer] of tokenRoutes(state)) {
    app.use(path, bodyLimitOf(options));
    if (options.apiKey !== undefined) app.use(path, bearer(options.apiKey));
    app.post(path, async (c) => c.json(await answer(await readFields(c))));
    onlyMethod(app, path, "POST");
  }
  for (const { path, handler } of await pageRoutes()) get(app, path, handler);
  get(app, "/health", (c) => {
    const { status } = state;
    return c.json({ status, models: state.ids }, status === "ready" ? 200 : 503);
  });
  get(app, "/v1/models", (c) =>
    c.json({ object: "list", data: state.models().map((model) => modelObject(model, state)) }),
  );
  get(app, "/v1/models/:id", (c) =>
    c.json(modelObject(state.model(c.req.param("id") ?? ""), state)),
  );
  for (const [path, planner] of Object.entries(PLANNERS)) {
    app.post(path, (c) => answerRequest(c, planner, state, options));
    onlyMethod(app, path, "POST");
  }
  return app;
}

function bodyLimitOf({ maxBodyBytes }: AppOptions): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw new Problem(413, `the body has more than ${maxBodyBytes} bytes`);
    },
  });
}

function get(app: Hono<Env>, path: string, handler: Handler<Env>): void {
  app.get(path, handler);
  onlyMethod(app, path, "GET");
}

function onlyMethod(app: Hono<Env>, path: string, method: string): void {
  app.all(path, () => {
    throw new Problem(405, `${path}: only ${method}`, { headers: { allow: method } });
  });
}

function replyProblem({ status, headers, body }: Problem): Response {
  return new Response(JSON.stringify(body), {
    status: status === 499 ? 400 : status,
    headers: { "content-type": "application/json", ...headers },
  });
}

function modelObject({ id, context, chat }: ServedModel, { created }: ServerState): unknown {
  return {
    id,
    object: "model",
    created,
    owned_by: "weighbridge",
    context_length: context,
    chat_template: chat?.template.name ?? null,
  };
}

async function answerRequest(
  c: Context<Env>,
  planner: Planner,
  state: ServerState,
  options: AppOptions,
): Promise<Response> {
  const fields = await readFields(c);
  const model = state.modelFor(fields.text("model"));
  // A place in the queue comes first: nobody's prompt is tokenized who would be sent away.
  const leave = model.turns.admit();
  const life = new RequestLife(c.env.outgoing, options.timeoutSeconds);
  let plan: ReplyPlan;
  try {
    plan = await planner(fields, model, options.maxNewTokens ?? model.context);
    life.signal.throwIfAborted();
  } catch (error) {
    leave();
    life.end();
    throw error;
  }
  state.begin(life);
  const onEnd = (error: unknown): void => {
    leave();
    life.end();
    state.end(life, error);
  };
  if (plan.stream) {
    return new Response(performStream(model, plan, life, onEnd), {
      headers: { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" },
    });
  }
  try {
    const whole = await performWhole(model, plan, life);
    onEnd(undefined);
    return c.json(whole);
  } catch (error) {
    onEnd(error);
    throw error;
  }
}
