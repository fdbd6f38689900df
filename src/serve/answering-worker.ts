// Runs in a worker thread: opens one model, and answers what is asked of it until it is closed.
import { parentPort } from "node:worker_threads";
import { plainError } from "../errors/wb-error.ts";
import type { AnswerNews, AnswerPart, AnswerQuestion, SentOptions } from "./answer-messages.ts";
import type { Answers } from "./answers.ts";
import { openLocalAnswers } from "./local-answers.ts";

const port = parentPort;
const tell = (news: AnswerNews): void => port?.postMessage(news);
const asked = new Map<number, AbortController>();

let answers: Answers | undefined;

async function open(path: string, options: SentOptions): Promise<void> {
  try {
    const onLoad = (done: number, total: number): void => tell({ kind: "loading", done, total });
    answers = await openLocalAnswers(path, { ...options, onLoad });
    tell({ kind: "ready", facts: answers.facts });
  } catch (error) {
    tell({ kind: "refused", error: plainError(error) });
  }
}

async function take(
  model: Answers,
  question: Extract<AnswerQuestion, { kind: "answer" | "score" }>,
): Promise<void> {
  const { id } = question;
  const leaving = new AbortController();
  asked.set(id, leaving);
  let end: AnswerPart = { kind: "end", id };
  try {
    if (question.kind === "score") {
      const { prompt, top } = question;
      const choices = await model.score(prompt, top, leaving.signal);
      tell({ kind: "scores", id, choices });
    } else {
      const request = { ...question.request, signal: leaving.signal };
      for await (const step of model.answer(request)) tell({ kind: "step", id, step });
    }
  } catch (error) {
    end = { kind: "end", id, error: plainError(error) };
  }
  asked.delete(id);
  tell(end);
}

async function close(): Promise<void> {
  await answers?.close();
  // Of this thread alone: whatever else holds it up.
  process.exit();
}

port?.on("message", (question: AnswerQuestion) => {
  switch (question.kind) {
    case "open":
      void open(question.path, question.options);
      break;
    case "leave":
      asked.get(question.id)?.abort();
      break;
    case "close":
      void close();
      break;
    default:
      // Nothing is asked before the model is said to be ready.
      if (answers !== undefined) void take(answers, question);
  }
});
