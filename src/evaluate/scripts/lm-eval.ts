/** Exports tasks of lm-evaluation-harness; its own tasks build the requests. */
export const LM_EVAL_SCRIPT = String.raw`#!/usr/bin/env python3
"""Exports tasks of lm-evaluation-harness as tasks of weighbridge's eval: contexts rendered, choices, references.

    python export_lm_eval.py arc_easy OUT --num-fewshot 0
    weighbridge eval MODEL --data OUT --tasks OUT/arc_easy.json

Run it in the harness's environment. Its own tasks build every request. Tasks of choices (multiple_choice) get one file for acc, and
one for acc_norm (NAME.norm.json); where rows have different numbers of choices, one for each number. Tasks that generate
(generate_until) are exported where their answer is compared as it is (exact_match without filters).
"""
import argparse
import json
import re
from pathlib import Path

import lm_eval
from lm_eval.tasks import TaskManager, get_task_dict


def tasks_in(found):
    """Groups hold tasks, by name."""
    for name, task in found.items():
        if isinstance(task, dict):
            yield from tasks_in(task)
        else:
            yield (task.config.task, task)


def write(out, name, task, rows):
    safe = re.sub(r"[^\w.-]", "_", name)
    (out / f"{safe}.json").write_text(json.dumps({"task": name, **task}, ensure_ascii=False, indent=2) + "\n")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (out / task["rows"]["file"]).write_text("".join(lines))
    print(f"{out / safe}.json: {len(rows)} rows")


def requests_of(task):
    by_doc = {}
    for instance in task.instances:
        by_doc.setdefault(instance.doc_id, []).append(instance)
    return [sorted(instances, key=lambda each: each.idx) for _, instances in sorted(by_doc.items())]


def right_of(task, doc, choices):
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    if isinstance(gold, str):
        gold = choices.index(gold) if gold in choices else int(gold)
    if not isinstance(gold, int):
        raise SystemExit(f"{task.config.task}: expected one right choice, found {gold!r}")
    return gold


def common_context(pairs, choices, delimiter, in_context):
    """What stands before the choices, and what is scored behind each where they are part of the context; None where it is asked otherwise."""
    contexts = {context for context, _ in pairs}
    if not in_context:
        behind = [continuation for _, continuation in pairs]
        return (contexts.pop(), None) if len(contexts) == 1 and behind == [delimiter + choice for choice in choices] else None
    behind = {continuation for _, continuation in pairs}
    if len(behind) != 1 or not all(context.endswith(choice) for (context, _), choice in zip(pairs, choices)):
        return None
    before = {context[: len(context) - len(choice)] for (context, _), choice in zip(pairs, choices)}
    return (before.pop(), behind.pop()) if len(before) == 1 else None


def export_choices(name, task, out):
    delimiter = task.config.target_delimiter
    # As in winogrande: the choices are put into the context, and what follows all of them is scored.
    in_context = bool(task.multiple_input)
    by_count = {}
    for instances in requests_of(task):
        doc = instances[0].doc
        choices = [str(choice) for choice in task.doc_to_choice(doc)]
        found = common_context([instance.args for instance in instances[: len(choices)]], choices, delimiter, in_context)
        if found is None:
            raise SystemExit(f"{name}: choices are asked in a way that cannot be exported")
        context, continuation = found
        row = {"answer": str(right_of(task, doc, choices)), "context": context}
        if continuation is not None:
            row["continuation"] = continuation
        row.update({f"choice_{at}": choice for at, choice in enumerate(choices)})
        by_count.setdefault(len(choices), []).append(row)
    metrics = [each["metric"] for each in task.config.metric_list or []]
    for count, rows in by_count.items():
        own = name if len(by_count) == 1 else f"{name}.{count}"
        for metric in ("acc", "acc_norm"):
            if metric not in metrics:
                continue
            choices = {str(at): "{choice_%d}" % at for at in range(count)}
            asked = "{context}{choice}" if in_context else "{context}"
            behind = "{continuation}" if in_context else delimiter + "{choice}"
            score = {"context": asked, "by": "sum" if metric == "acc" else "character"}
            way = {"kind": "ppl", "prompt": asked + behind, "choices": choices, "continuation": score}
            about = f"exported from lm-eval {lm_eval.__version__}: {metric}"
            file = re.sub(r"[^\w.-]", "_", own) + ".jsonl"
            suffix = "" if metric == "acc" else ".norm"
            write(out, own + suffix, {"about": about, "rows": {"file": file, "format": "jsonl"}, "answer": "{answer}", "base": way}, rows)


def export_answers(name, task, out):
    metrics = task.config.metric_list or []
    plain = all(set(each) <= {"metric", "aggregation", "higher_is_better"} and each["metric"] == "exact_match" for each in metrics)
    steps = [step["function"] for each in task.config.filter_list or [] for step in each["filter"]]
    if not metrics or not plain or any(step != "take_first" for step in steps):
        raise SystemExit(f"{name}: expected exact_match without options and filters, found {metrics} and {steps}")
    rows = []
    for (instance,) in requests_of(task):
        context, settings = instance.args
        if settings.get("do_sample"):
            raise SystemExit(f"{name}: answers that are drawn at random cannot be exported")
        rows.append({"answer": str(task.doc_to_target(instance.doc)), "context": context})
    until = settings.get("until") or []
    way = {
        "kind": "gen",
        "prompt": "{context}",
        "maxNewTokens": settings.get("max_gen_toks", 256),
        "answerFrom": "whole",
        "metric": "equal",
        "stop": [until] if isinstance(until, str) else until,
    }
    if not way["stop"]:
        del way["stop"]
    file = re.sub(r"[^\w.-]", "_", name) + ".jsonl"
    about = f"exported from lm-eval {lm_eval.__version__}: exact_match"
    write(out, name, {"about": about, "rows": {"file": file, "format": "jsonl"}, "answer": "{answer}", "base": way}, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", help="names of tasks and groups, separated by commas")
    parser.add_argument("out", type=Path, help="the folder to write; give it to eval as --data, too")
    parser.add_argument("--num-fewshot", type=int)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=1234, help="of the worked examples, where a task draws them")
    parser.add_argument("--include-path", help="a folder with task files of yours")
    args = parser.parse_args()
    manager = TaskManager(include_path=args.include_path)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, task in tasks_in(get_task_dict(args.tasks.split(","), manager)):
        if args.num_fewshot is not None:
            task.set_config(key="num_fewshot", value=args.num_fewshot)
        task.set_fewshot_seed(seed=args.seed)
        task.build_all_requests(limit=args.limit)
        braces = re.compile(r"\{(context|continuation|answer|choice(_\d+)?|examples)\}")
        if any(braces.search(str(part)) for instance in task.instances for part in instance.args):
            raise SystemExit(f"{name}: a prompt holds a column's name in braces, which would be filled in again")
        if task.OUTPUT_TYPE == "multiple_choice":
            export_choices(name, task, args.out)
        elif task.OUTPUT_TYPE == "generate_until":
            export_answers(name, task, args.out)
        else:
            raise SystemExit(f"{name}: {task.OUTPUT_TYPE} cannot be exported")


if __name__ == "__main__":
    main()
`;
