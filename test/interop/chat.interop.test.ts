import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jinjaTemplate } from "../../src/runtime/chat/jinja-template.ts";
import type { ChatMessage } from "../../src/runtime/chat/message.ts";
import { openTokenizer } from "../../src/runtime/tokenizer/tokenizer.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const CLI = join(import.meta.dirname, "../../bin/weighbridge.js");
const LLAMA = join(FIXTURES, "tokenizers/llama");

let work = "";
/** The small model with room for long answers. */
let roomy = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-chat-interop-"));
  roomy = join(work, "roomy");
  cpSync(join(FIXTURES, "internlm-tiny"), roomy, { recursive: true });
  for (const name of ["config.json", "generation_config.json"]) {
    const path = join(roomy, name);
    const text = readFileSync(path, "utf8")
      .replace(/"max_position_embeddings": \d+/, '"max_position_embeddings": 2000')
      // An id that it does not come to of its own: its answers go on until they are cut.
      .replace(/"eos_token_id": \d+/, '"eos_token_id": 383');
    writeFileSync(path, text);
  }
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Step {
  /** What the screen must show before. */
  readonly wait: string;
  readonly send: string;
}

function talk(
  steps: readonly Step[],
  ...args: readonly string[]
): { status: number; screen: string } {
  const command = [
    process.execPath,
    CLI,
    "chat",
    roomy,
    "--device",
    "wasm",
    "--no-do-sample",
    ...args,
  ];
  const result = runPython("chat_terminal.py", { command, folder: work, steps });
  if (!isRecord(result)) throw new Error("no result");
  return { status: Number(result["status"]), screen: String(result["screen"]) };
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const UP = "\u001b[A";

describe("chat at a terminal", () => {
  const short = ["--max-new-tokens", "4"];

  test("answers, edits lines, remembers them for the arrow keys, and ends with Ctrl-D", () => {
    const { status, screen } = talk(
      [
        { wait: "> ", send: "hellx\u007fo\r" },
        { wait: "cut after 4 tokens", send: "" },
        { wait: "> ", send: `${UP}\r` },
        { wait: "cut after 4 tokens", send: "" },
        { wait: "> ", send: "/save talk.json\r" },
        { wait: "saved 4 messages", send: "" },
        { wait: "> ", send: CTRL_D },
      ],
      ...short,
    );
    expect({ status, screen }).toMatchObject({ status: 0 });
    const saved: unknown = JSON.parse(readFileSync(join(work, "talk.json"), "utf8"));
    expect(saved).toMatchObject([
      { role: "user", content: "hello" },
      { role: "assistant" },
      { role: "user", content: "hello" },
      { role: "assistant" },
    ]);
  });

  test("Ctrl-C stops the answer alone, and at the prompt it ends with 130", () => {
    const { status, screen } = talk(
      [
        { wait: "> ", send: "hello\r" },
        { wait: "ow be", send: CTRL_C },
        { wait: "stopped", send: "" },
        { wait: "> ", send: "/reset\r" },
        { wait: "forgotten", send: "" },
        { wait: "> ", send: CTRL_C },
      ],
      "--max-new-tokens",
      "1500",
    );
    expect(status).toBe(130);
    expect(screen).toContain("error WB9001");
  });

  test("a question that cannot be asked is told, and the next one is answered", () => {
    const { status } = talk(
      [
        { wait: "> ", send: "/system x\r" },
        { wait: "error WB2802", send: "" },
        { wait: "> ", send: "hello\r" },
        { wait: "cut after 4 tokens", send: "" },
        { wait: "> ", send: "/exit\r" },
      ],
      ...short,
    );
    expect(status).toBe(0);
  });
});

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const system = (content: string): ChatMessage => ({ role: "system", content });

/** In the manner of published ones: each uses other means of the language. */
const TEMPLATES = {
  chatml:
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
  llama2:
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
  blocks: `{%- if messages[0].role == "system" -%}
    {{- "SYSTEM: " ~ messages[0].content | trim }}
    {%- set rest = messages[1:] %}
{% else %}
    {%- set rest = messages %}
{%- endif %}
{% for m in rest %}
    {% if loop.first %}
first
    {% endif %}
  {{ m.role | upper }}{# a note #}: {{ m.content | replace("a", "b") }}
    {%- if not loop.last %};{% endif %}

{% endfor %}
{% if add_generation_prompt and tools is none and documents is not defined %}never{% elif add_generation_prompt %}A:{% endif %}`,
  namespaces:
    "{% set ns = namespace(users=0, last='') %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.users = ns.users + 1 %}{% set ns.last = m.content %}{% endif %}{% endfor %}{{ ns.users }}|{{ ns.last }}|{{ messages | length }}|{{ messages | map(attribute='role') | join(',') }}|{{ (messages | selectattr('role', 'equalto', 'user') | list)[0].content }}",
  json: "{{ messages | tojson }}|{{ messages[0] | tojson(indent=2) }}|{{ bos_token }}{{ eos_token }}{{ unk_token }}|{{ 'é<&>' | tojson }}",
  macros:
    "{% macro turn(role, text, end='.') %}<{{ role }}>{{ text }}{{ end }}{% endmacro %}{% for m in messages %}{{ turn(m.role, m.content) }}{{ turn(m.role[0], m.content | length | string, end='') if loop.index is even else '' }}{% endfor %}",
  dates:
    "{{ strftime_now('%Y') | length }} {{ 'y' if strftime_now('%d %b %Y') | length > 8 }} {{ messages[-1]['content'].split(' ')[0] }} {{ range(3) | list }}",
  tests:
    "{% for m in messages %}{% if m.role == 'assistant' %}{% continue %}{% endif %}{% if m.content is string and m.name is not defined and 'role' in m %}{{ loop.index }}{{ 'h' if m.content.startswith('h') else '-' }}{{ m['content'][:2] }}{{ m.content.rstrip() }}{{ m.content.title() }}{% endif %}/{% endfor %}",
} as const;

const CONVERSATIONS: readonly (readonly ChatMessage[])[] = [
  [user("hello")],
  [user("  hi there \n"), assistant(" hello, a cat "), user("and now?")],
  [system('Be a "weighbridge".'), user("称重 <b>&</b>"), assistant("好"), user("ja\tja")],
  [user("a"), user("b")],
];

describe("Jinja chat templates", () => {
  test.each(Object.entries(TEMPLATES))(
    "%s: as transformers' apply_chat_template",
    async (_name, template) => {
      const { settings } = await openTokenizer(LLAMA);
      const chosen = jinjaTemplate("default", template, settings.specialTokens, "test");
      const ours = CONVERSATIONS.map((messages) => {
        try {
          return chosen.render(messages);
        } catch {
          return null;
        }
      });
      const cases = CONVERSATIONS.map((messages) => ({ template, messages }));
      expect(ours).toEqual(runPython("chat_templates.py", { folder: LLAMA, cases }));
    },
  );
});
