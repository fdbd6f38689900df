"""Puts the pieces of scripts/gpu/pack.mjs together, runs the CUDA suite and its decode bench, and writes one JSON.

    python3 run.py PIECES WORK RESULT.json [--dry-run]

PIECES holds the pieces and pieces.json; WORK gets what they unpack to (about 3 GB). Needs Python's standard library and NVIDIA's
driver, and no network. Ends with 0 (all passed), 1 (some test failed; the JSON names it), 2 (usage) or 6 (a piece is missing or
damaged, or a library does not load). --dry-run is for a machine without a GPU: it ends with 0 where every library loads, TensorFlow
multiplies on the CPU through them, and the suite fails for want of a device and for nothing else.
"""

import hashlib
import json
import lzma
import os
import platform
import subprocess
import sys
import tarfile
import time

SUITE_SECONDS = 480
# What the suite fails with where there is no device.
NO_DEVICE = "sees no GPU"


class Pieces:
    """The pieces as one stream."""

    def __init__(self, folder, names):
        self.paths = [os.path.join(folder, name) for name in names]
        self.file = None

    def read(self, size=-1):
        while True:
            if self.file is None:
                if not self.paths:
                    return b""
                self.file = open(self.paths.pop(0), "rb")
            data = self.file.read(size)
            if data:
                return data
            self.file.close()
            self.file = None


def fail(message):
    print(f"run.py: {message}", file=sys.stderr)
    sys.exit(6)


def checked(folder):
    """What pieces.json says, after every piece was read and its digest compared."""
    try:
        with open(os.path.join(folder, "pieces.json"), encoding="utf-8") as file:
            listed = json.load(file)
    except FileNotFoundError:
        fail(f"{folder}: no pieces.json")
    for piece in (piece for archive in listed["archives"] for piece in archive["pieces"]):
        path = os.path.join(folder, piece["name"])
        try:
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            fail(f"{path}: missing, expected {piece['bytes']} bytes")
        if digest != piece["sha256"]:
            fail(f"{path}: SHA-256 {digest}, expected {piece['sha256']}")
    return listed


def unpack(folder, listed, work):
    """Unpacks once for each set of pieces."""
    note = os.path.join(work, "unpacked.json")
    wanted = json.dumps(listed, sort_keys=True)
    if os.path.exists(note) and open(note, encoding="utf-8").read() == wanted:
        return
    os.makedirs(work, exist_ok=True)
    options = {"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}
    for one in listed["archives"]:
        stream = lzma.LZMAFile(Pieces(folder, [piece["name"] for piece in one["pieces"]]))
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(work, **options)
    with open(note, "w", encoding="utf-8") as file:
        file.write(wanted)


def gpu():
    """What the driver says of its GPUs; empty where there is none."""
    fields = ["name", "driver_version", "memory.total", "compute_cap"]
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout.strip().splitlines() if done.returncode == 0 else []
    return [dict(zip(fields, (cell.strip() for cell in line.split(",")))) for line in lines]


def loaded(site):
    """Opens every library in a process of its own. @returns what is wrong, by library."""
    wrong = {}
    for base, _, names in sorted(os.walk(site)):
        for name in sorted(names):
            if ".so" not in name:
                continue
            path = os.path.join(base, name)
            script = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_LAZY | os.RTLD_GLOBAL)"
            done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
            if done.returncode != 0:
                wrong[os.path.relpath(path, site)] = done.stderr.strip().splitlines()[-1:]
    return wrong


PROBE = """
const binding = require(process.argv[1] + "/lib/napi-v8/tfjs_binding.node");
const left = binding.createTensor([1, 2], binding.TF_FLOAT, new Float32Array([1, 2]));
const right = binding.createTensor([2, 1], binding.TF_FLOAT, new Float32Array([3, 4]));
const no = (name) => ({ name, type: binding.TF_ATTR_BOOL, value: false });
const type = { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
const [{ id }] = binding.executeOp("MatMul", [no("transpose_a"), no("transpose_b"), type], [left, right], 1);
console.log("PROBE " + JSON.stringify({ product: binding.tensorDataSync(id)[0], tensorflow: binding.TF_Version, gpu: binding.isUsingGpuDevice() }));
"""


def probe(node, package, environment):
    """Multiplies once through the addon."""
    done = subprocess.run(
        [node, "-e", PROBE, package], capture_output=True, text=True, env=environment, timeout=180
    )
    found = [line[6:] for line in done.stdout.splitlines() if line.startswith("PROBE ")]
    if found:
        return json.loads(found[0])
    return {"failed": (done.stdout + done.stderr).strip().splitlines()[-12:]}


def suite(node, project, environment, result):
    """Runs the tests. Fills in their counts, what failed, what was measured."""
    report = os.path.join(project, "cuda.json")
    figures = os.path.join(project, "figures.jsonl")
    for path in (report, figures):
        if os.path.exists(path):
            os.remove(path)
    command = [node, "node_modules/vitest/vitest.mjs", "run", "--project", "cuda"]
    command += ["--reporter=default", "--reporter=json", f"--outputFile.json={report}"]
    begun = time.time()
    timed_out = False
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env={**environment, "WEIGHBRIDGE_FIGURES": figures, "NO_COLOR": "1", "CI": "1"},
            capture_output=True,
            text=True,
            timeout=SUITE_SECONDS,
        )
        output = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        timed_out = True
        output = (error.stdout or b"").decode("utf-8", "replace")
    tests = []
    broken = []
    if os.path.exists(report):
        with open(report, encoding="utf-8") as file:
            for item in json.load(file)["testResults"]:
                if item["status"] == "failed" and not any(
                    test["status"] == "failed" for test in item["assertionResults"]
                ):
                    broken.append(item["message"] or "it could not run")
                for test in item["assertionResults"]:
                    title = " > ".join([*test["ancestorTitles"], test["title"]])
                    messages = "\n".join(test["failureMessages"])[:2000]
                    tests.append({"title": title, "status": test["status"], "message": messages})
    rates = []
    if os.path.exists(figures):
        with open(figures, encoding="utf-8") as file:
            rates = [json.loads(line) for line in file]
    result["suite"] = {
        "seconds": round(time.time() - begun, 1),
        "timedOut": timed_out,
        "passed": sum(test["status"] == "passed" for test in tests),
        "failed": [test for test in tests if test["status"] == "failed"],
        "notRun": sum(test["status"] not in ("passed", "failed") for test in tests),
        "broken": broken,
        "figures": rates,
        "output": output.splitlines()[-80:],
    }
    if timed_out or broken or not tests:
        return False
    return not result["suite"]["failed"] and result["suite"]["notRun"] == 0


def main():
    arguments = [value for value in sys.argv[1:] if value != "--dry-run"]
    dry = "--dry-run" in sys.argv[1:]
    if len(arguments) != 3:
        print("usage: python3 run.py PIECES WORK RESULT.json [--dry-run]", file=sys.stderr)
        sys.exit(2)
    pieces, work, target = arguments
    work = os.path.abspath(work)
    begun = time.time()
    listed = checked(pieces)
    unpack(pieces, listed, work)
    node = os.path.join(work, "node/bin/node")
    native = os.path.join(work, "native")
    site = os.path.join(native, "cuda/site")
    package = os.path.join(native, "cuda/node_modules/@tensorflow/tfjs-node-gpu")
    environment = {**os.environ, "WEIGHBRIDGE_NATIVE_FOLDER": native}
    environment["PATH"] = f"{os.path.dirname(node)}:{environment.get('PATH', '')}"
    result = {
        "revision": listed["revision"],
        "node": listed["node"],
        "generation": listed["generation"],
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "gpus": gpu()},
        "unpackSeconds": round(time.time() - begun, 1),
        "librariesThatDoNotLoad": loaded(site),
        "dryRun": dry,
    }
    result["probe"] = probe(node, package, environment)
    if result["machine"]["gpus"] and result["probe"].get("gpu") is not True:
        # The libraries look for each other beside the place they were opened from; told where they are, and that it was needed.
        folders = sorted({base for base, _, names in os.walk(site) if any(".so" in n for n in names)})
        environment["LD_LIBRARY_PATH"] = ":".join(folders)
        result["probeWithPath"] = probe(node, package, environment)
    good = suite(node, os.path.join(work, "project"), environment, result)
    if dry:
        messages = [test["message"] for test in result["suite"]["failed"]] + result["suite"]["broken"]
        good = (
            not result["librariesThatDoNotLoad"]
            and result["probe"].get("product") == 11
            and bool(messages)
            and all(NO_DEVICE in message for message in messages)
        )
    result["seconds"] = round(time.time() - begun, 1)
    result["passed"] = good
    with open(target, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2)
        file.write("\n")
    print(f"{target}: {'passed' if good else 'FAILED'}, {result['suite']['passed']} tests passed, {result['seconds']} s")
    if result["librariesThatDoNotLoad"]:
        sys.exit(6)
    sys.exit(0 if good else 1)


main()
