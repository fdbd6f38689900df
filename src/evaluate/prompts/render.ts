import type { Columns } from "../data/columns.ts";
import { mapTurn, type Examples, type PromptTemplate, type Turn, type Way } from "../tasks/task.ts";
import { fill } from "./fill.ts";

/** A piece of a prompt: a text, or a turn of a dialogue. */
type Piece = string | Turn;

/** What a chat model was trained to see around each turn (OpenCompass's meta template). */
export interface TurnMarks {
  readonly human: { readonly begin: string; readonly end: string };
  readonly bot: { readonly begin: string; readonly end: string };
}

/**
 * The text of one question.
 * @param examples Columns of the worked examples, in order.
 * @param choice What {choice} stands for; undefined where an answer is generated.
 * @param marks Of a chat model; base models see the pieces joined with newlines.
 */
export function renderPrompt(
  way: Pick<Way, "prompt" | "examples">,
  columns: Columns,
  examples: readonly Columns[],
  choice: string | undefined,
  marks: TurnMarks | undefined,
): string {
  const chosen = (text: string): string =>
    choice === undefined ? text : text.replaceAll("{choice}", () => choice);
  if (typeof way.prompt === "string") {
    const text = chosen(way.prompt).replaceAll("{examples}", () =>
      exampleText(way.examples, examples),
    );
    return fill(text, columns);
  }
  // What the examples hold in braces is filled, too: they are in the prompt by then.
  const pieces = withExamples(way.prompt, way.examples, examples).map((piece) =>
    mapPiece(piece, (text) => fill(chosen(text), columns)),
  );
  return marks === undefined ? pieces.map(textOf).join("\n") : dialogue(pieces, marks);
}

function withExamples(
  prompt: Exclude<PromptTemplate, string>,
  settings: Examples | undefined,
  examples: readonly Columns[],
): readonly Piece[] {
  return prompt.flatMap((part): readonly Piece[] =>
    part === "{examples}" ? examplePieces(settings, examples) : [part],
  );
}

function examplePieces(
  settings: Examples | undefined,
  examples: readonly Columns[],
): readonly Piece[] {
  if (settings === undefined) return [];
  const { template, after, end } = settings;
  if (typeof template === "string") {
    const text = exampleText(settings, examples);
    return text === "" ? [] : [text];
  }
  const pieces = examples.flatMap((columns): readonly Piece[] => [
    ...template.map((turn) => mapPiece(turn, (text) => fill(text, columns))),
    ...(after === "" ? [] : [after]),
  ]);
  return end === "" ? pieces : [...pieces, end];
}

/** Examples as one text: joined with a newline, and one at the end, even without any. */
function exampleText(settings: Examples | undefined, examples: readonly Columns[]): string {
  if (settings === undefined) return "";
  const { template } = settings;
  const texts = examples.map((columns) =>
    typeof template === "string"
      ? fill(template, columns)
      : template.map((turn) => fill(textOf(turn), columns)).join("\n"),
  );
  return `${texts.join("\n")}\n`;
}

/** Turns between their marks; behind a last question, the mark that the answer begins with. */
function dialogue(pieces: readonly Piece[], { human, bot }: TurnMarks): string {
  const texts = pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    const marks = "human" in piece ? human : bot;
    return marks.begin + textOf(piece) + marks.end;
  });
  const last = pieces.at(-1);
  const isAsked = typeof last === "object" && "human" in last;
  return texts.join("") + (isAsked ? bot.begin : "");
}

function textOf(piece: Piece): string {
  if (typeof piece === "string") return piece;
  return "human" in piece ? piece.human : piece.bot;
}

function mapPiece(piece: Piece, change: (text: string) => string): Piece {
  return typeof piece === "string" ? change(piece) : mapTurn(piece, change);
}
