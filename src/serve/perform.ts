import { answerChoices, UsageCount } from "./choices.ts";
import { asProblem } from "./problem.ts";
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
      const send = (data: string): void => {
        // Who has gone gets nothing more: the stream is closed already.
        if (!life.isClientGone) controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      };
      const run = async (): Promise<void> => {
        const usage = new UsageCount(plan.prompts);
        for await (const event of answerChoices(model, plan.choices, usage, life.signal))
          for (const chunk of plan.shape.chunks(event)) send(JSON.stringify(chunk));
        if (plan.streamsUsage) send(JSON.stringify(plan.shape.usageChunk(usage.value)));
        send("[DONE]");
      };
      run()
        .then(
          () => onEnd(undefined),
          (error: unknown) => {
            send(JSON.stringify(asProblem(error).body));
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
