import { describe, expect, it } from "vitest";
import { encodeChat } from "../../../src/runtime/chat/encode-chat.ts";
import { parsePythonJson } from "../../../src/runtime/chat/python-json.ts";
import { jinjaTemplate } from "../../../src/runtime/chat/jinja-template.ts";
import { openTokenizer } from "../../../src/runtime/tokenizer/tokenizer.ts";
import { TINY } from "../../support/served.ts";

/** What Python 3.11 makes of each: `json.dumps(json.loads(text))`, as transformers' `tojson` writes it. */
const READ = [
  ["1.0", "1.0"],
  ["1", "1"],
  ["-0.0", "-0.0"],
  ["1e3", "1000.0"],
  ["1E-3", "0.001"],
  ["0.10", "0.1"],
  ["2.5e0", "2.5"],
  ["12345678901234567890", "12345678901234567890"],
  ["-9007199254740993", "-9007199254740993"],
  ["1e16", "1e+16"],
  ['{"a": [1.0, "2.0", {"b": 3.50}], "4.0": true}', '{"a": [1.0, "2.0", {"b": 3.5}], "4.0": true}'],
  [String.raw`"say \"1.0\" \\"`, String.raw`"say \"1.0\" \\"`],
] as const;

describe("JSON as Python reads it", () => {
  it.each(READ)("%s is written as %s", (text, written) => {
    const template = jinjaTemplate("t", "{{ value | tojson }}", {}, "t");
    expect(template.render([], { value: parsePythonJson(text) })).toBe(written);
  });

  it("is refused as JSON.parse refuses it", () => {
    for (const text of ["", "{", "01", "1.", "[1.0,]", '"'])
      expect(() => parsePythonJson(text)).toThrow(SyntaxError);
  });

  it("passes through a conversation that spells control tokens", async () => {
    const tokenizer = await openTokenizer(TINY);
    const source = "{{ messages[0].content }}{{ value | tojson }}";
    const template = jinjaTemplate("t", source, {}, "t");
    const value = parsePythonJson('{"x": 2.0, "n": 12345678901234567890}');
    const ids = encodeChat(tokenizer, template, [{ role: "user", content: "</s>" }], {
      variables: { value },
    });
    expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toContain(
      '</s>{"x": 2.0, "n": 12345678901234567890}',
    );
  });
});
