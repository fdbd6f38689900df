import { describe, expect, it } from "vitest";
import { findAnswer, isRight } from "../../src/evaluate/answers/find-answer.ts";

// Expected are what OpenCompass 0.3.0's gsm8k_postprocess, Gsm8kEvaluator and humaneval_postprocess_v2 give.
describe("answers of later versions of OpenCompass", () => {
  it.each([
    ["It costs $1,234.50\n\nQuestion: 99", "234.50"],
    ["so 5-3 = 2", "2"],
    ["so 5-3", "-3"],
    ["x = 7.", "7"],
    ["\u0663 and \u0665", "\u0665"],
    ["Question: 5", "NULL"],
    ["", "NULL"],
  ])("the last number of %j is %j", (text, expected) => {
    expect(findAnswer("last-number", text)).toBe(expected);
  });

  it.each([
    [
      "```python\nimport os\ndef g(a):\n    return a\n```\nthen",
      "import os\ndef g(a):\n    return a\n",
    ],
    ["```\nx\n``` and ```\ny\n```", "x\n"],
    ["```c++\nx\n```\nz\n```", "z\n"],
    ["```python\nx", "```python\nx"],
    ["plain", "plain"],
  ])("the block of code in %j is %j", (text, expected) => {
    expect(findAnswer("code-block", text)).toBe(expected);
  });

  it.each([
    ["5.0", "5", true],
    ["1200", "1_200", true],
    [" 1e3 ", "1000", true],
    ["-3", "3", false],
    ["2.0000001", "2", true],
    ["2.00001", "2", false],
    ["\u0663", "3", true],
    ["3", "3.0", false],
    ["3.0", "3.0", true],
    ["NULL", "0", false],
    ["", "0", false],
  ])("%j is the number %j: %s", (found, answer, expected) => {
    expect(isRight("number-equal", found, answer)).toBe(expected);
  });
});
