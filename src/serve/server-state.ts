import { Problem } from "./problem.ts";
import type { RequestLife } from "./request-life.ts";
import type { ServedModel } from "./served-model.ts";

/** How requests ended. */
export interface ServerCounts {
  readonly answered: number;
  readonly failed: number;
  /** Clients that left before their answer was complete. */
  readonly cancelled: number;
}

/** What the server holds: its models once they are loaded, and the requests at work. */
export class ServerState {
  readonly ids: readonly string[];
  /** Unix time of the start, in seconds. */
  readonly created = Math.floor(Date.now() / 1000);
  readonly #models = new Map<string, ServedModel>();
  readonly #lives = new Set<RequestLife>();
  #status: "loading" | "ready" | "stopping" = "loading";
  readonly #counts = { answered: 0, failed: 0, cancelled: 0 };
  #onIdle: (() => void) | undefined;

  constructor(ids: readonly string[]) {
    this.ids = ids;
  }

  get status(): "loading" | "ready" | "stopping" {
    return this.#status;
  }

  get counts(): ServerCounts {
    return { ...this.#counts };
  }

  add(model: ServedModel): void {
    this.#models.set(model.id, model);
    if (this.#status === "loading" && this.#models.size === this.ids.length) this.#status = "ready";
  }

  /** Every model. @throws Problem 503 unless all are ready. */
  models(): readonly ServedModel[] {
    if (this.#status === "ready") return [...this.#models.values()];
    throw new Problem(503, `the server is ${this.#status}`, {
      code: this.#status,
      headers: { "retry-after": "1" },
    });
  }

  /** @throws Problem 404, 503. */
  model(id: string): ServedModel {
    const models = this.models();
    const found = models.find((model) => model.id === id);
    if (found !== undefined) return found;
    throw new Problem(
      404,
      `no model ${JSON.stringify(id.slice(0, 80))} here; there are ${this.ids.join(", ")}`,
      { param: "model", code: "model_not_found" },
    );
  }

  /** The model that a request means: the only one there is whatever it is called there. @throws Problem 404, 503. */
  modelFor(id: string | undefined): ServedModel {
    const [only, ...others] = this.models();
    if (only !== undefined && others.length === 0) return only;
    if (id !== undefined) return this.model(id);
    throw new Problem(400, `model: expected one of ${this.ids.join(", ")}`, {
      param: "model",
      code: "invalid_value",
    });
  }

  begin(life: RequestLife): void {
    this.#lives.add(life);
  }

  end(life: RequestLife, error: unknown): void {
    this.#lives.delete(life);
    if (error === undefined) this.#counts.answered++;
    else if (life.isClientGone) this.#counts.cancelled++;
    else this.#counts.failed++;
    if (this.#lives.size === 0) this.#onIdle?.();
  }

  /** Takes no more requests, waits for those at work, ends those that take longer; gives how many were cut off. */
  async stop(graceSeconds: number): Promise<number> {
    this.#status = "stopping";
    await this.#idle(graceSeconds);
    const cut = this.#lives.size;
    for (const life of this.#lives)
      life.abort(new Problem(503, "the server is stopping", { code: "stopping" }));
    if (cut > 0) await this.#idle(undefined);
    return cut;
  }

  async #idle(seconds: number | undefined): Promise<void> {
    if (this.#lives.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1000);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onIdle = undefined;
  }

  async close(): Promise<void> {
    for (const model of this.#models.values()) await model.close();
    this.#models.clear();
  }
}
