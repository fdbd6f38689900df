import type { Checked } from "./checked.ts";
import type { PromptTemplate, Turn, Way } from "./task.ts";

const CHOICE = "{choice}";
const EXAMPLES = "{examples}";

/**
 * That a way asks what it says: each mark in a prompt stands for something, and what the file gives is in the prompt.
 * @param fields The way's, which name the place. @throws WbError WB2921.
 */
export function checkWay(way: Way, fields: Checked): void {
  const texts = textsOf(way.prompt);
  checkChoice(way, texts, fields);
  checkExamples(way, texts, fields);
  if (way.kind === "gen" || way.continuation === undefined) return;
  const { context } = way.continuation;
  if (typeof way.prompt === "string" && way.prompt.startsWith(context)) return;
  throw fields.error("continuation.context", "a text with which the prompt begins", context);
}

function checkChoice(way: Way, texts: readonly string[], fields: Checked): void {
  const hasChoice = texts.some((text) => text.includes(CHOICE));
  if (way.kind === "gen") {
    if (hasChoice) throw fields.error("prompt", `no ${CHOICE}, which only labels have`, way.prompt);
    return;
  }
  if (!hasChoice)
    throw fields.error("prompt", `${CHOICE}, which stands for each label's text`, way.prompt);
  const said = [...way.choices.values()];
  // Labels with one text have one score, and the first would always win.
  const twice = said.find((text, at) => said.indexOf(text) !== at);
  if (twice !== undefined) throw fields.error("choices", "different texts", twice);
}

function checkExamples({ examples, prompt }: Way, texts: readonly string[], fields: Checked): void {
  const isIn = typeof prompt === "string" ? prompt.includes(EXAMPLES) : prompt.includes(EXAMPLES);
  if (typeof prompt !== "string" && texts.some((text) => text.includes(EXAMPLES)))
    throw fields.error("prompt", `${EXAMPLES} as a piece of its own among turns`, prompt);
  if (isIn === (examples !== undefined)) {
    const own = examples === undefined ? [] : textsOf(examples.template);
    const mark = [CHOICE, EXAMPLES].find((each) => own.some((text) => text.includes(each)));
    if (mark === undefined) return;
    throw fields.error("examples", `no ${mark}, which stands in the prompt alone`, own);
  }
  if (isIn) throw fields.error("examples", `what ${EXAMPLES} in the prompt stands for`, undefined);
  throw fields.error("prompt", `${EXAMPLES}, where the worked examples stand`, prompt);
}

function textsOf(prompt: PromptTemplate | readonly Turn[]): readonly string[] {
  if (typeof prompt === "string") return [prompt];
  return prompt.flatMap((part) => {
    if (typeof part === "string") return [];
    return ["human" in part ? part.human : part.bot];
  });
}
