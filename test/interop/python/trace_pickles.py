"""Draws pickles and says which names CPython's two unpicklers would import. Nothing is imported, called or executed.

Input: {"seed": n, "count": n, "folder": path}. Writes the pickles into one file, each behind its length, and answers with the names
that `_pickle` and `pickle` asked for, and whether `pickletools` reads the pickle to its end.
"""

import io
import json
import pickle
import pickletools
import random
import resource
import struct
import sys

sys.set_int_max_str_digits(4300)

ALLOWED = [
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch", "FloatStorage"),
    ("builtins", "dict"),
]
OTHERS = [("posix", "system"), ("builtins", "eval"), ("os", "system"), ("torch", "os"), ("a.b", "c.d"), ("", "x"), ("é", "y")]


class Thing:
    """Stands for whatever an import or a call gives: it can be called, built, appended to."""

    def __call__(self, *args, **kwargs):
        return Thing()

    def __setstate__(self, state):
        pass

    def append(self, item):
        pass

    def extend(self, items):
        pass

    def add(self, item):
        pass

    def __setitem__(self, key, value):
        pass

    def __reduce__(self):
        raise TypeError


def thing():
    return type("Made", (Thing,), {"__new__": lambda cls, *a, **k: object.__new__(cls)})


AUDITED = []


def audit(event, args):
    if not ACTIVE[0]:
        return
    # Decoding a text loads its codec, which is Python's own.
    if event == "import" and not args[0].startswith("encodings."):
        AUDITED.append(args[0])
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "compile"):
        AUDITED.append(event)


ACTIVE = [False]


def names_of(kind, data, encoding):
    """The names that one unpickler asks for before it ends, well or not."""
    found = []

    class Recorder(kind):
        def find_class(self, module, name):
            found.append((module, name))
            return thing()

        def persistent_load(self, pid):
            return Thing()

        def get_extension(self, code):  # of pickle.py alone
            found.append(("extension", str(code)))
            return Thing()

    done = False
    ACTIVE[0] = True
    try:
        Recorder(io.BytesIO(data), encoding=encoding).load()
        done = True
    except RecursionError:
        pass
    except Exception:
        pass
    finally:
        ACTIVE[0] = False
    return found, done


def spelled(rng, number):
    """An index as protocol 0 may spell it."""
    text = str(number)
    forms = [text, text, f" {text}", f"{text} ", f"+{text}", f"0{text}", f"0_{text}", f"\t{text}\x0b", f"{text}\0z", f"-{text}", f"{text}L", f"1_{text}"]
    return rng.choice(forms).encode()


def drawn_text(rng, text):
    """A text by one of the opcodes for it."""
    raw = text.encode()
    form = rng.randrange(9)
    if form == 0:
        return b"\x8c" + bytes([len(raw)]) + raw
    if form == 1:
        return b"X" + struct.pack("<I", len(raw)) + raw
    if form == 2:
        return b"\x8d" + struct.pack("<Q", len(raw)) + raw
    if form == 3:
        return b"V" + "".join(rng.choice([c, f"\\u{ord(c):04x}", f"\\U{ord(c):08x}"]) for c in text).encode("latin1", "replace") + b"\n"
    if form == 4:
        quote = rng.choice("'\"")
        body = "".join(rng.choice([c, c, f"\\x{ord(c) & 255:02x}", f"\\{ord(c) & 255:03o}"]) for c in text)
        return b"S" + (quote + body + quote).encode("latin1", "replace") + b"\n"
    if form == 5:
        return b"U" + bytes([len(raw)]) + raw
    if form == 6:
        return b"T" + struct.pack("<i", len(raw)) + raw
    if form == 7:
        return b"C" + bytes([len(raw)]) + raw
    return b"V" + raw + rng.choice([b"\n", b"\n", b"\r\n"])


def drawn_global(rng):
    module, name = rng.choice(ALLOWED if rng.random() < 0.6 else OTHERS)
    form = rng.randrange(4)
    if form == 0:
        return b"c" + module.encode() + b"\n" + name.encode() + b"\n"
    if form == 1:
        return b"(i" + module.encode() + b"\n" + name.encode() + b"\n"
    if form == 2:
        index = rng.randrange(20)
        put = rng.choice([b"q" + bytes([index]), b"p" + spelled(rng, index) + b"\n", b"r" + struct.pack("<I", index), b"\x94"])
        get = rng.choice([b"h" + bytes([index]), b"g" + spelled(rng, index) + b"\n", b"j" + struct.pack("<I", index), b"h\0"])
        return drawn_text(rng, name) + put + b"0" + drawn_text(rng, module) + get + b"\x93"
    return drawn_text(rng, module) + drawn_text(rng, name) + b"\x93"


NUMBERS = [b"1", b"00", b"01", b"0x1F", b"017", b"0b1", b"1_0", b" 5 ", b"+7", b"-0", b"1L", b"", b"x", b"9" * 30, b"0o7", b"08", b"1\0x"]
FLOATS = [b"1.5", b"1e5", b" 1.5", b"inf", b"-Infinity", b"nan", b"1_0.5", b"1e999", b".5", b"5.", b"0x1p3", b"", b"1.5\0z"]
SIMPLE = [bytes([b]) for b in b"()NKM]}l t d e a s u b R o 0 1 2 . Q \x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98".replace(b" ", b"")]


def drawn_piece(rng):
    form = rng.randrange(12)
    if form < 4:
        return rng.choice(SIMPLE) if form else rng.choice([b"(", b"R", b"b", b"0", b")", b"}", b"]"])
    if form < 7:
        return drawn_global(rng)
    if form == 7:
        return rng.choice([b"I", b"L"]) + rng.choice(NUMBERS) + b"\n"
    if form == 8:
        return b"F" + rng.choice(FLOATS) + b"\n"
    if form == 9:
        return drawn_text(rng, rng.choice(["a", "posix", "system", "", "k" * 40]))
    if form == 10:
        return rng.choice([b"\x80\x04", b"\x80\x02", b"\x80\x06", b"\x95" + struct.pack("<Q", rng.randrange(40)), b"\x82\x01", b"P1\n", b"B\1\0\0\0x", b"\x8a\1\2"])
    return bytes([rng.randrange(256)])


def drawn_pickle(rng):
    parts = [drawn_piece(rng) for _ in range(rng.randrange(1, 12))]
    if rng.random() < 0.5:
        parts.insert(0, rng.choice([b"\x80\x02", b"\x80\x04", b"\x80\x05"]))
    data = b"".join(parts) + (b"." if rng.random() < 0.85 else b"")
    if rng.random() < 0.1 and data:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    return data


def reads(data):
    try:
        for _ in pickletools.genops(data):
            pass
        return True
    except Exception:
        return False


def main():
    asked = json.load(sys.stdin)
    rng = random.Random(asked["seed"])
    # An index of four billion asks for as many places in the memo.
    resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
    for codec in ("raw_unicode_escape", "unicode_escape", "latin1", "ascii", "utf-8"):
        b"".decode(codec)
    sys.addaudithook(audit)
    answers = []
    with open(asked["file"], "wb") as out:
        for _ in range(asked["count"]):
            data = drawn_pickle(rng)
            out.write(struct.pack("<I", len(data)) + data)
            names, done = set(), False
            for kind in (pickle._Unpickler, pickle.Unpickler):
                for encoding in ("ASCII", "latin1"):
                    found, finished = names_of(kind, data, encoding)
                    names.update(found)
                    done = done or finished
            answers.append([sorted(names), done, reads(data)])
    print(json.dumps({"answers": answers, "audited": sorted(set(map(str, AUDITED)))}))


main()
