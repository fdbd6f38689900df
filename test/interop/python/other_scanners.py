"""What other scanners say of files; they read them, and execute nothing.

stdin: {files: [path]}; stdout: [{picklescan, modelscan, modelaudit, fickling}], each "clean", "found: …" or "error: …"
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import warnings

os.environ["PROMPTFOO_DISABLE_TELEMETRY"] = "1"
os.environ["NO_ANALYTICS"] = "1"
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def with_picklescan(path: str) -> str:
    from picklescan.scanner import SafetyLevel, scan_file_path

    result = scan_file_path(path)
    names = sorted({f"{found.module}.{found.name}" for found in result.globals if found.safety is SafetyLevel.Dangerous})
    if result.issues_count > 0:
        return f"found: {', '.join(names)}"
    return "error: could not be read" if result.scan_err else "clean"


def with_modelscan(path: str) -> str:
    from modelscan.modelscan import ModelScan

    result = ModelScan().scan(path)
    if result["issues"]:
        return "found: " + ", ".join(sorted({f"{issue['severity']} {issue['description'][:80]}" for issue in result["issues"]}))
    if result["errors"]:
        return f"error: {result['errors'][0].get('description', '')[:80]}"
    return "clean" if result["summary"]["scanned"]["total_scanned"] else "error: skipped"


def with_modelaudit(path: str) -> str:
    from modelaudit.core import scan_model_directory_or_file

    result = scan_model_directory_or_file(path, timeout=60, cache_enabled=False)
    found = [issue for issue in result.issues if str(issue.severity.value) == "critical"]
    if found:
        return "found: " + ", ".join(sorted({issue.message[:100] for issue in found})[:4])
    return "clean" if result.files_scanned else "error: skipped"


def with_fickling(path: str) -> str:
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import Pickled

    with open(path, "rb") as file:
        pickled = Pickled.load(file, fail_on_decode_error=False)
    if pickled.has_invalid_opcode:
        return "error: no pickle"
    severity = check_safety(pickled).severity
    return "clean" if severity in (Severity.LIKELY_SAFE, Severity.POSSIBLY_UNSAFE) else f"found: {severity.name}"


SCANNERS = {
    "picklescan": with_picklescan,
    "modelscan": with_modelscan,
    "modelaudit": with_modelaudit,
    "fickling": with_fickling,
}


def said(scan, path: str) -> str:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return scan(path)
    except Exception as error:  # A scanner's own failure is an answer, too.
        return f"error: {type(error).__name__}: {str(error)[:80]}"
    except SystemExit:
        return "error: ended itself"


def main() -> None:
    files = json.load(sys.stdin)["files"]
    print(json.dumps([{name: said(scan, path) for name, scan in SCANNERS.items()} for path in files]))


main()
