#!/bin/bash
# Converts a model in parts, as a Slurm job array and one job behind it. On the login node, with options of `convert` behind:
#
#   SOURCE=/models/internlm-7b TARGET=/models/internlm-7b-hf PARTS=8 docs/recipes/slurm.sh --dtype BF16
#
#SBATCH --job-name=weighbridge
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail

submit() {
  : "${SOURCE:?a file of weights or a model folder}" "${TARGET:?the folder to write}"
  : "${PARTS:=8}" "${SHARD:=1GB}" "${PLAN:=$TARGET.plan.json}"
  weighbridge convert "$SOURCE" "$TARGET" --max-shard-size "$SHARD" --plan "$PLAN" "$@"
  # Sites may start jobs without this shell's variables: what they need, they are given as arguments.
  local what=("$SOURCE" "$TARGET" --plan "$PLAN" "$@") parts
  parts=$(sbatch --parsable --array="1-$PARTS" "$0" part "$PARTS" "${what[@]}")
  # Without --kill-on-invalid-dep a failed part would leave this job waiting for ever.
  sbatch --dependency="afterok:${parts%%;*}" --kill-on-invalid-dep=yes "$0" finish "${what[@]}"
}

case "${1:-}" in
part)
  parts=$2
  shift 2
  weighbridge convert "$@" --part "$SLURM_ARRAY_TASK_ID/$parts"
  ;;
finish)
  shift
  weighbridge convert "$@" --finish
  ;;
"" | --*)
  submit "$@"
  ;;
*)
  echo "usage: SOURCE=… TARGET=… [PARTS=8] [SHARD=1GB] [PLAN=…] $0 [options of weighbridge convert]" >&2
  exit 2
  ;;
esac
