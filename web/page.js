import { streamed } from "./stream.js";

/** Likeliest tokens that are shown of each token. */
const TOP = 5;

const find = (id) => document.getElementById(id);
const add = (parent, tag, className, text) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
};

let models = [];
let running;
const headers = () => {
  const key = sessionStorage.getItem("key");
  return key ? { authorization: `Bearer ${key}` } : {};
};

async function connect() {
  const response = await fetch("/v1/models", { headers: headers() });
  const body = await response.json();
  find("key-row").hidden = response.status !== 401;
  if (response.status === 503) {
    find("status").textContent = "loading the model…";
    setTimeout(() => void start(), 1000);
    return;
  }
  if (!response.ok) throw new Error(body.error.message);
  find("columns").replaceChildren();
  models = body.data.map(column);
  // Half of the smaller context is left for the question.
  const room = Math.floor(Math.min(...body.data.map((model) => model.context_length)) / 2);
  find("limit").value = String(Math.max(1, Math.min(Number(find("limit").value), room)));
  find("status").textContent =
    `ready; ${models.length === 2 ? "both models answer" : "one model"}` +
    "; point at a token, or walk by arrow keys, for what else was likely";
  find("send").disabled = false;
}

function column({ id, chat_template: template }) {
  const box = add(find("columns"), "section", "model", "");
  add(box, "h2", "", id);
  add(box, "p", "who", template === null ? "continues text (no chat template)" : template);
  return { id, template, box, messages: [], tokens: [] };
}

const start = () =>
  connect().catch((error) => {
    find("status").textContent = error.message;
  });

function said(model, who) {
  const turn = add(model.box, "p", "turn", "");
  add(turn, "span", "who", who);
  return turn;
}

/** What a completion's and a chat's chunk say of text and tokens, alike. */
function readChunk({ choices: [choice] }) {
  if (choice === undefined) return { text: "", tokens: [] };
  if (choice.delta === undefined) {
    const { tokens = [], top_logprobs: tops = [] } = choice.logprobs ?? {};
    return {
      text: choice.text,
      tokens: tokens.map((token, index) => ({ token, top: Object.entries(tops[index] ?? {}) })),
    };
  }
  return {
    text: choice.delta.content ?? "",
    tokens: (choice.logprobs?.content ?? []).map(({ token, top_logprobs: top }) => ({
      token,
      top: top.map((entry) => [entry.token, entry.logprob]),
    })),
  };
}

/**
 * Shows a piece of an answer. Its tokens can be pointed at, tapped, or walked through by arrow keys once the answer has the focus:
 * they are no stops of the tab key, of which an answer would have hundreds.
 */
function showPiece(model, turn, { text, tokens }) {
  for (const [index, token] of tokens.entries()) {
    // The text that became certain stands with the chunk's first token; a token without text yet is a dot.
    const element = add(turn, "span", "token", index === 0 && text !== "" ? text : "·");
    element.tabIndex = -1;
    element.title = token.top.map(line).join("\n");
    const place = model.tokens.length;
    for (const event of ["mouseenter", "focus", "click"])
      element.addEventListener(event, () => showTokens(place));
    model.tokens.push({ ...token, element });
    markDifference();
  }
  if (tokens.length === 0) turn.append(text);
}

/** The answer is one stop of the tab key; arrows go from token to token. */
function walkByArrows(turn) {
  turn.tabIndex = 0;
  turn.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const tokens = [...turn.querySelectorAll(".token")];
    const next = tokens[tokens.indexOf(document.activeElement) + step];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  });
}

const percent = (logprob) => `${(Math.exp(logprob) * 100).toFixed(1)} %`;
const line = ([token, logprob]) => `${JSON.stringify(token)} ${percent(logprob)}`;

/** What each model had for likely at one place of its answer, side by side; the token that it took is marked. */
function showTokens(place) {
  find("token").hidden = false;
  find("token-title").textContent = `Token ${place + 1}`;
  find("token-models").replaceChildren();
  find("token-rows").replaceChildren();
  const shown = models.filter(({ tokens }) => tokens.length > 0);
  for (const { id } of shown) {
    const cell = add(find("token-models"), "th", "", id);
    cell.colSpan = 2;
    cell.scope = "colgroup";
  }
  for (let rank = 0; rank < TOP; rank++) {
    const row = add(find("token-rows"), "tr", "", "");
    for (const { tokens } of shown) {
      const [token, logprob] = tokens[place]?.top[rank] ?? [];
      const isTaken = token !== undefined && token === tokens[place].token;
      add(row, "td", isTaken ? "taken" : "", token === undefined ? "" : JSON.stringify(token));
      add(row, "td", "", token === undefined ? "" : percent(logprob));
    }
  }
}

/** Marks the first token in which two answers differ. */
function markDifference() {
  if (models.length !== 2) return;
  const [left, right] = models.map(({ tokens }) => tokens);
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    if (left[index].token === right[index].token) continue;
    for (const { element } of [left[index], right[index]]) {
      element.classList.add("first-difference");
      element.setAttribute("aria-label", `${element.textContent} (first difference)`);
    }
    return;
  }
}

async function ask(model, question, signal) {
  said(model, "you").append(question);
  const turn = said(model, "model");
  walkByArrows(turn);
  model.tokens = [];
  const settings = {
    model: model.id,
    stream: true,
    temperature: Number(find("temperature").value),
    max_tokens: Number(find("limit").value),
  };
  const messages = [...model.messages, { role: "user", content: question }];
  const [path, body] =
    model.template === null
      ? ["/v1/completions", { prompt: question, logprobs: TOP }]
      : ["/v1/chat/completions", { messages, logprobs: true, top_logprobs: TOP }];
  let answer = "";
  try {
    for await (const chunk of streamed(path, { ...settings, ...body }, headers(), signal)) {
      const piece = readChunk(chunk);
      answer += piece.text;
      showPiece(model, turn, piece);
    }
  } catch (error) {
    add(turn, "span", "error", signal.aborted ? " (stopped)" : ` ${error.message}`);
  }
  if (answer !== "") model.messages = [...messages, { role: "assistant", content: answer }];
}

async function send() {
  const question = find("question").value;
  find("question").value = "";
  running = new AbortController();
  find("send").disabled = true;
  find("stop").disabled = false;
  const { signal } = running;
  await Promise.all(models.map((model) => ask(model, question, signal)));
  find("send").disabled = false;
  find("stop").disabled = true;
}

find("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
find("question").addEventListener("keydown", (event) => {
  // Enter also chooses what an input method offers, as for Chinese: that sends nothing.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!find("send").disabled) find("ask").requestSubmit();
});
find("stop").addEventListener("click", () => running?.abort());
find("clear").addEventListener("click", () => {
  running?.abort();
  for (const model of models) {
    model.messages = [];
    for (const turn of model.box.querySelectorAll(".turn")) turn.remove();
  }
});
find("use-key").addEventListener("click", () => {
  sessionStorage.setItem("key", find("key").value);
  void start();
});
void start();
