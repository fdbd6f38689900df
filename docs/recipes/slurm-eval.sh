#!/bin/bash
# Evaluates a model in parts, as a Slurm job array and one job behind it. On the login node, with options of `eval` behind:
#
#   MODEL=/models/internlm-7b DATA=/data TASKS=mmlu,agieval RESULTS=/results/internlm-7b PARTS=8 docs/recipes/slurm-eval.sh --compute bf16
#
#SBATCH --job-name=weighbridge-eval
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

submit() {
  : "${MODEL:?a file of weights or a model folder}" "${DATA:?the folder with the data sets}"
  : "${TASKS:?names of tasks}" "${RESULTS:?the path of the results, without .json}"
  : "${PARTS:=8}" "${PLAN:=$RESULTS.plan.json}"
  weighbridge eval "$MODEL" --data "$DATA" --tasks "$TASKS" --plan "$PLAN" "$@"
  # Sites may start jobs without this shell's variables: what they need, they are given as arguments.
  local what=("$MODEL" --data "$DATA" --plan "$PLAN" "$@") parts
  parts=$(sbatch --parsable --array="1-$PARTS" "$0" part "$PARTS" "${what[@]}")
  # Without --kill-on-invalid-dep a failed part would leave this job waiting for ever.
  sbatch --dependency="afterok:${parts%%;*}" --kill-on-invalid-dep=yes "$0" finish "$RESULTS" "${what[@]}"
}

case "${1:-}" in
part)
  parts=$2
  shift 2
  weighbridge eval "$@" --part "$SLURM_ARRAY_TASK_ID/$parts"
  ;;
finish)
  results=$2
  shift 2
  weighbridge eval "$@" --finish --details "$results.jsonl" --json > "$results.json.new"
  mv "$results.json.new" "$results.json"
  ;;
"" | --*)
  submit "$@"
  ;;
*)
  echo "usage: MODEL=… DATA=… TASKS=… RESULTS=… [PARTS=8] [PLAN=…] $0 [options of weighbridge eval]" >&2
  exit 2
  ;;
esac
