import { answerChoices, UsageCount } from "./choices.ts";
import { isRecord } from "../model/config/fields.ts";
import { asProblem, type Problem } from "./problem.ts";
import { ChoiceCollector, type ReplyPlan } from "./reply.ts";
import type { RequestLife } from "./request-life.ts";
import type { ServedModel } from "./served-model.ts";

/** Called once when a request is over, with what went wrong, if anything. */
export type OnEnd = (error: unknown) => void;

/** Answers in one piece. @throws what the model throws, and the reason why the request's life ended. */
export async function performWhole(
  model: ServedModel,
  plan: ReplyPlan,
  { signal }: RequestLife,
): Promise<unknown> {
  const usage = new UsageCount(plan.prompts);
  const collector = new ChoiceCollector(plan.choices.length);
  for await (const event of answerChoices(model, plan.choices, usage, signal)) collector.add(event);
  return plan.shape.whole(collector.choices, usage.value);
}

/**
 * Answers as server-sent events. What a slow reader has not taken yet waits in memory, at most one answer, so that it never
 * holds the model up; an error after the first event is an event itself.
 */
export function performStream(
  model: ServedModel,
  plan: ReplyPlan,
  life: RequestLife,
  onEnd: OnEnd,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (data: string, type?: string): void => {
        const name = type === undefined ? "" : `event: ${type}\n`;
        // Who has gone gets nothing more: the stream is closed already.
        if (!life.isClientGone) controller.enqueue(encoder.encode(`${name}data: ${data}\n\n`));
      };
      const { shape } = plan;
      const run = async (): Promise<void> => {
        const usage = new UsageCount(plan.prompts);
        for (const chunk of shape.begin?.() ?? []) send(JSON.stringify(chunk), chunk.type);
        for await (const event of answerChoices(model, plan.choices, usage, life.signal))
          for (const chunk of shape.chunks(event)) send(JSON.stringify(chunk), typeOf(chunk));
        for (const chunk of shape.end?.(usage.value) ?? []) send(JSON.stringify(chunk), chunk.type);
        if (plan.streamsUsage) send(JSON.stringify(shape.usageChunk(usage.value)));
        if (shape.failure === undefined) send("[DONE]");
      };
      const tell = (problem: Problem): void => {
        const named = shape.failure?.(problem);
        send(JSON.stringify(named ?? problem.body), named?.type);
      };
      run()
        .then(
          () => onEnd(undefined),
          (error: unknown) => {
            tell(asProblem(error));
            onEnd(error);
          },
        )
        .finally(() => {
          if (!life.isClientGone) controller.close();
        })
        // A reader that left in this very moment; there is nobody to tell.
        .catch(() => undefined);
    },
  });
}

/** The name of an object that has one. */
function typeOf(chunk: unknown): string | undefined {
  const type = isRecord(chunk) ? chunk["type"] : undefined;
  return typeof type === "string" ? type : undefined;
}
