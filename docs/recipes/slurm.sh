#!/bin/bash
# Converts a model in parts, as a Slurm job array and one job behind it. On the login node:
#
#   SOURCE=/models/internlm-7b TARGET=/models/internlm-7b-hf PARTS=8 docs/recipes/slurm.sh
#
#SBATCH --job-name=weighbridge
#SBATCH --cpus-per-task=2
#SBATCH --mem=1G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail
: "${SOURCE:?a file of weights or a model folder}" "${TARGET:?the folder to write}"
: "${PARTS:=8}" "${SHARD:=1GB}" "${PLAN:=$TARGET.plan.json}"
export SOURCE TARGET PARTS SHARD PLAN

case "${1:-submit}" in
submit)
  weighbridge convert "$SOURCE" "$TARGET" --max-shard-size "$SHARD" --plan "$PLAN"
  parts=$(sbatch --parsable --array="1-$PARTS" "$0" part)
  sbatch --dependency="afterok:${parts%%;*}" "$0" finish
  ;;
part)
  weighbridge convert "$SOURCE" "$TARGET" --plan "$PLAN" --part "$SLURM_ARRAY_TASK_ID/$PARTS"
  ;;
finish)
  weighbridge convert "$SOURCE" "$TARGET" --plan "$PLAN" --finish
  ;;
*)
  echo "usage: $0 [submit | part | finish]" >&2
  exit 2
  ;;
esac
