#!/bin/sh
# Verifies a model in any CI: exit code 0 for pass, 1 for fail, others where it could not be tried.
#
#   REPORTS=reports docs/recipes/verify.sh converted --golden golden.safetensors
set -eu
: "${REPORTS:=weighbridge-reports}"
mkdir -p "$REPORTS"
# A report of an earlier run must not be taken for one of this.
rm -f "$REPORTS/verify.xml" "$REPORTS/verify.md" "$REPORTS/verify.html"
status=0
weighbridge verify "$@" --junit "$REPORTS/verify.xml" --markdown "$REPORTS/verify.md" \
  --report "$REPORTS/verify.html" || status=$?
case "$status" in
0) echo "verdict: pass" ;;
1) echo "verdict: fail" ;;
*) echo "verdict: error (exit code $status): could not be tried" ;;
esac
exit "$status"
