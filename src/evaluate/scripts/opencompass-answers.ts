import { ANSWERS, METRICS, type Metric } from "../tasks/task.ts";
import { findAnswer, isRight } from "../answers/find-answer.ts";

/** Texts that the rules of OpenCompass's versions find different answers in: its functions changed and kept their names. */
const TEXTS = [
  "The answer is B. Not A",
  "答案是：ac BD, C",
  "It costs $1,234.50\n\nQuestion: 99",
  "-5 or 10% more",
  "We get $x=3$. Final Answer: The final answer is $\\frac12$. I hope",
  "so \\boxed{x = \\frac{1}{2}} and more",
  "x = 5.\n more",
  "def f(x):\n    return x\n\nprint(2)",
  "from typing import List\n\ndef h(b):\n    return b\n\n\nx",
  "```python\nimport os\ndef g(a):\n    return a\n```\nthen",
  "none of them",
  "The answer is 72.\nThe answer is -72.50\n\nQuestion: 9",
  "```py\nx = 1\n``` and ```\ny\n```",
];
/** Predictions and references that two rules of equality can tell apart. */
const PAIRS = [
  ["\\frac12", "\\frac{1}{2}"],
  ["0.5", "\\frac{1}{2}"],
  ["x=5", "5"],
  ["1,000", "1000"],
  ["\\text{ a} b", "a b"],
  ["90^\\circ", "90"],
  ["\\dfrac{3}{4}", "0.75"],
  ["7", "8"],
  ["5.0", "5"],
  ["1200", "1_200"],
  ["-3", "3"],
  ["2.0000001", "2"],
  ["2.001", "2"],
  ["NULL", "0"],
] as const;

const found = Object.fromEntries(
  ANSWERS.map((rule) => [rule, TEXTS.map((text) => findAnswer(rule, text) ?? "")]),
);
/** AGIEval's evaluator looks for the answer itself. */
const answer = (metric: Metric, text: string): string | undefined =>
  metric === "agieval-math-equal" ? findAnswer("agieval-math", text) : text;
const right = Object.fromEntries(
  METRICS.map((metric) => [
    metric,
    PAIRS.map(([left, other]) => isRight(metric, answer(metric, left), other)),
  ]),
);
/** JSON has no three single quotes in a row, and its backslashes pass a raw string. */
const json = (value: unknown): string => `json.loads(r'''${JSON.stringify(value)}''')`;

/** Which postprocessor and evaluator of OpenCompass is which rule here. Each is asked before it is believed. */
export const OPENCOMPASS_ANSWERS = String.raw`# What finds the answer in a generated text, by the function's name and the name that it is registered under.
ANSWERS = {
    "none": "whole",
    "first_capital_postprocess": "first-capital",
    "first-capital": "first-capital",
    "first_capital_postprocess_multi": "first-capitals-a-d",
    "first-capital-multi": "first-capitals-a-d",
    # The second since 0.2: what the function does tells which of them it is.
    "gsm8k_postprocess": ["gsm8k", "last-number"],
    "gsm8k": ["gsm8k", "last-number"],
    "math_postprocess": "math",
    "humaneval_postprocess": "humaneval",
    "humaneval": "humaneval",
    "humaneval_postprocess_v2": "code-block",
}
METRICS = {
    "AccEvaluator": "equal",
    "AccwithDetailsEvaluator": "equal",
    "AGIEvalEvaluator_mcq": "equal",
    "Gsm8kEvaluator": "number-equal",
    "MATHEvaluator": "math-equal",
    "AGIEvalEvaluator": "agieval-math-equal",
    "HumanEvaluator": "code",
    "HumanEvalEvaluator": "code",
}
# Settings of an inferencer that are kept; others would change what is computed.
KEPT = {"type", "max_out_len", "max_seq_len", "batch_size", "fix_id_list", "labels", "save_every"}
# Functions changed between versions and kept their names: each is tried on these texts and pairs.
TEXTS = ${json(TEXTS)}
FOUND = ${json(found)}
PAIRS = ${json(PAIRS)}
RIGHT = ${json(right)}


def name_of(kind):
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def known(table, kind, what):
    name = name_of(kind).split(".")[-1]
    if name in table:
        return table[name]
    raise SystemExit(f"{what} {name}: expected one of {', '.join(table)}")


def check_settings(what, config, kept):
    others = sorted(set(config) - kept)
    if others:
        raise SystemExit(f"{what} {name_of(config['type'])}: with {', '.join(others)} it cannot be exported")


def check_rule(name, rule, function):
    """The rule that finds the answers which a function finds, of those that its name may stand for."""
    rules = [rule] if isinstance(rule, str) else rule
    for one in rules:
        others = [(text, expected, function(text) or "") for text, expected in zip(TEXTS, FOUND[one])]
        others = [(text, expected, answer) for text, expected, answer in others if answer != expected]
        if not others:
            return one
    text, expected, answer = others[0]
    raise SystemExit(f"{name}: expected {expected!r} in {text!r}, found {answer!r}: this version has another rule than {' and '.join(rules)}")


def percent(scores):
    return scores["accuracy"] if "accuracy" in scores else scores["score"]


def metric_of(eval_cfg):
    config = eval_cfg.get("evaluator", {"type": "AccEvaluator"})
    metric = known(METRICS, config["type"], "evaluator")
    check_settings("evaluator", config, {"type", "k"} if metric == "code" else {"type"})
    if metric in ("number-equal", "math-equal", "agieval-math-equal"):
        evaluator = ICL_EVALUATORS.build(dict(config))
        for (prediction, reference), expected in zip(PAIRS, RIGHT[metric]):
            if percent(evaluator.score([prediction], [reference])) != 100 * expected:
                raise SystemExit(f"evaluator {name_of(config['type'])}: this version has another rule than {metric}")
    return metric


def answer_from(eval_cfg, metric):
    """Where the answer is found; AGIEval's evaluator looks for it itself."""
    config = eval_cfg.get("pred_postprocessor", {"type": "none"})
    name = name_of(config["type"])
    rule = known(ANSWERS, name, "pred_postprocessor")
    check_settings("pred_postprocessor", config, {"type"})
    if metric == "agieval-math-equal":
        if rule != "whole":
            raise SystemExit(f"pred_postprocessor {name}: expected none beside AGIEvalEvaluator, which has its own")
        from opencompass.datasets.agieval.post_process import parse_math_answer

        check_rule("parse_math_answer", "agieval-math", lambda text: parse_math_answer("", text))
        return "agieval-math"
    if rule != "whole":
        function = config["type"] if callable(config["type"]) else TEXT_POSTPROCESSORS.get(name)
        rule = check_rule(name, rule, function)
    return rule
`;
