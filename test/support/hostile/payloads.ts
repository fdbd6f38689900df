import { arrayPieces, pickleBytes, type Piece } from "../pickle-bytes.ts";
import { hostileFiles, type Case, type HostileFile } from "./hostile-file.ts";
import { archive, archiveParts, dictOf, legacyBytes, legacyTensor, tensor } from "./torch-files.ts";
import { torchTar } from "./tar-files.ts";
import { zipBytes } from "../zip-bytes.ts";

/** A folder that the payloads make where they run; harmless, and easily found. */
export const PAYLOAD_MARK = "payload-ran";

const MARK: readonly Piece[] = [["BINUNICODE", PAYLOAD_MARK], "TUPLE1"];
const MKDIR: Piece = ["GLOBAL", "posix", "mkdir"];

/** Makes the folder by each way of calling that pickle has, and leaves one value on the stack. */
const CALLS: readonly (readonly [string, string, Case[2], readonly Piece[]])[] = [
  ["reduce", "calls a function with REDUCE", "WB5201", [MKDIR, ...MARK, "REDUCE"]],
  [
    "inst",
    "calls a function with INST of protocol 0",
    "WB5201",
    ["MARK", ["BINUNICODE", PAYLOAD_MARK], ["INST", "posix", "mkdir"]],
  ],
  [
    "obj",
    "calls a function with OBJ of protocol 1",
    "WB5201",
    ["MARK", MKDIR, ["BINUNICODE", PAYLOAD_MARK], "OBJ"],
  ],
  [
    "stack-global",
    "builds the function's name on the stack",
    "WB5201",
    [
      ["SHORT_BINUNICODE", "posix"],
      ["SHORT_BINUNICODE", "mkdir"],
      "STACK_GLOBAL",
      ...MARK,
      "REDUCE",
    ],
  ],
  [
    "stack-global-memo",
    "builds the function's name from the memo",
    "WB5201",
    [
      ["SHORT_BINUNICODE", "mkdir"],
      ["BINPUT", 5],
      "POP",
      ["SHORT_BINUNICODE", "posix"],
      ["BINGET", 5],
      "STACK_GLOBAL",
      ...MARK,
      "REDUCE",
    ],
  ],
  [
    "dotted-name",
    "reaches the function through an attribute of a module that is allowed",
    "WB5201",
    [
      ["PROTO", 4],
      ["SHORT_BINUNICODE", "collections"],
      ["SHORT_BINUNICODE", "_sys.modules"],
      "STACK_GLOBAL",
      "POP",
      MKDIR,
      ...MARK,
      "REDUCE",
    ],
  ],
  [
    "invisible",
    "throws the result of the call away",
    "WB5201",
    ["MARK", MKDIR, ["BINUNICODE", PAYLOAD_MARK], "OBJ", "POP", "NONE"],
  ],
  [
    "eval",
    "evaluates Python",
    "WB5201",
    [
      ["GLOBAL", "builtins", "eval"],
      ["BINUNICODE", `__import__("os").mkdir("${PAYLOAD_MARK}")`],
      "TUPLE1",
      "REDUCE",
    ],
  ],
  [
    "getattr",
    "fetches the function with getattr",
    "WB5201",
    [
      ["GLOBAL", "builtins", "getattr"],
      ["GLOBAL", "builtins", "__import__"],
      ["BINUNICODE", "posix"],
      "TUPLE1",
      "REDUCE",
      ["BINUNICODE", "mkdir"],
      "TUPLE2",
      "REDUCE",
      ...MARK,
      "REDUCE",
    ],
  ],
  [
    "build-state",
    "writes into an object's attributes with BUILD after a call",
    "WB5201",
    [
      MKDIR,
      ...MARK,
      "REDUCE",
      "POP",
      ["GLOBAL", "types", "SimpleNamespace"],
      "EMPTY_TUPLE",
      "REDUCE",
      "EMPTY_DICT",
      "BUILD",
    ],
  ],
  [
    "called-call",
    "calls what a harmless call gave",
    "WB5202",
    [["GLOBAL", "collections", "OrderedDict"], "EMPTY_TUPLE", "REDUCE", "EMPTY_TUPLE", "REDUCE"],
  ],
  ["extension", "calls by a number of Python's extension registry", "WB5202", [["EXT1", 1]]],
  [
    "computed-name",
    "builds a name from what is no text",
    "WB5203",
    [
      ["BINBYTES", Buffer.from("posix")],
      ["BINUNICODE", "mkdir"],
      "STACK_GLOBAL",
      ...MARK,
      "REDUCE",
    ],
  ],
];

/** Functions that scanners' block-lists missed at one time, each by the name of its advisory or issue. */
const GADGETS: readonly (readonly [module: string, name: string])[] = [
  ["pip", "main"],
  ["torch.utils.collect_env", "run"],
  ["torch.serialization", "load"],
  ["torch.jit.unsupported_tensor_ops", "execWrapper"],
  ["numpy.f2py.crackfortran", "getlincoef"],
  ["numpy.testing._private.utils", "runstring"],
  ["timeit", "timeit"],
  ["cProfile", "run"],
  ["ctypes", "CDLL"],
  ["functools", "partial"],
  ["operator", "attrgetter"],
  ["io", "FileIO"],
  ["shutil", "rmtree"],
  ["idlelib.run", "Executive.runcode"],
  ["asyncio.unix_events", "_UnixSubprocessTransport._start"],
  ["cloudpickle", "loads"],
  ["_codecs", "decode"],
  ["torch._utils", "_import_dotted_name"],
];

const RUN: readonly Piece[] = [MKDIR, ...MARK, "REDUCE"];
const ARRAY = arrayPieces("w", "f4", [2, 3], new Uint8Array(24));
const PAYLOAD_ENTRY: readonly Piece[] = [["BINUNICODE", "x"], ...RUN];

const PADDLE: readonly Case[] = [
  ...CALLS.map(([name, fact, code, pieces]): Case => [
    `call-${name}`,
    fact,
    code,
    () => pickleBytes(...dictOf(ARRAY, [["BINUNICODE", "x"], ...pieces])),
  ]),
  ...GADGETS.map(([module, name]): Case => [
    `gadget-${module}.${name}`,
    `names ${module}.${name}`,
    "WB5201",
    () =>
      pickleBytes(
        ...dictOf(ARRAY, [
          ["BINUNICODE", "x"],
          ["GLOBAL", module, name],
        ]),
      ),
  ]),
  [
    "payload-first",
    "runs its payload, then breaks off in garbage",
    "WB5201",
    () => pickleBytes(...RUN, Buffer.alloc(64, 0xff)),
  ],
  [
    "payload-second-pickle",
    "hides its payload in a second pickle behind the first",
    "WB3401",
    () => Buffer.concat([pickleBytes(...dictOf(ARRAY)), pickleBytes(...RUN, "STOP")]),
  ],
  [
    "payload-frame",
    "claims another frame, so that readers that believe in frames stop early",
    "WB5201",
    () => pickleBytes(["PROTO", 4], ["FRAME", 2], "EMPTY_DICT", "POP", ...RUN, "STOP"),
  ],
];

const TORCH: readonly Case[] = [
  [
    "zip-payload",
    "has its payload beside a tensor",
    "WB5201",
    () => archive(dictOf(tensor(), PAYLOAD_ENTRY)),
  ],
  [
    "zip-payload-protocol4",
    "has its payload in protocol 4",
    "WB5201",
    () =>
      archive([
        ["PROTO", 4],
        ["SHORT_BINUNICODE", "posix"],
        ["SHORT_BINUNICODE", "mkdir"],
        "STACK_GLOBAL",
        ...MARK,
        "REDUCE",
        "STOP",
      ]),
  ],
  [
    "zip-payload-persistent-id",
    "has its payload inside of a persistent id",
    "WB5201",
    () => archive(dictOf([["BINUNICODE", "x"], ...RUN, "BINPERSID"])),
  ],
  [
    "zip-payload-second-pickle",
    "has a second data.pkl with the payload",
    "WB5301",
    () =>
      archive(dictOf(tensor()), { "0": 24 }, [
        { name: "n/data.pkl", data: pickleBytes(...RUN, "STOP") },
      ]),
  ],
  [
    "zip-payload-same-name",
    "has two records named m/data.pkl, the second with the payload",
    "WB5101",
    () =>
      archive(dictOf(tensor()), { "0": 24 }, [
        { name: "m/data.pkl", data: pickleBytes(...RUN, "STOP") },
      ]),
  ],
  [
    "zip-payload-other-case",
    "has m/DATA.pkl with the payload, which a reader without regard to case may take",
    "WB5101",
    () =>
      zipBytes([
        { name: "m/DATA.pkl", data: pickleBytes(...RUN, "STOP") },
        ...archiveParts(dictOf(tensor())),
      ]),
  ],
  [
    "zip-payload-other-local-name",
    "gives the payload another name in its local header",
    "WB3102",
    () =>
      zipBytes([
        {
          name: "m/data.pkl",
          data: pickleBytes(...RUN, "STOP"),
          local: { name: "m/data.txt" },
        },
      ]),
  ],
  [
    "zip-payload-encrypted-bit",
    "calls the payload encrypted in the directory alone",
    "WB3102",
    () =>
      zipBytes([
        {
          name: "m/data.pkl",
          data: pickleBytes(...RUN, "STOP"),
          directory: { flags: 0x801 },
        },
      ]),
  ],
  [
    "zip-payload-behind-bytes",
    "stands behind a script",
    "WB5201",
    () => Buffer.concat([pickleBytes(...RUN, "STOP"), archive(dictOf(tensor()))]),
  ],
  [
    "legacy-payload-magic",
    "makes the magic number with a call",
    "WB5201",
    () => legacyBytes({ magic: pickleBytes(["PROTO", 2], ...RUN, "STOP") }),
  ],
  [
    "legacy-payload-system",
    "has its payload in the pickle of the system's facts",
    "WB5201",
    () => legacyBytes({ system: [...RUN, "STOP"] }),
  ],
  [
    "legacy-payload",
    "has its payload beside a tensor",
    "WB5201",
    () => legacyBytes({ root: dictOf(legacyTensor(), PAYLOAD_ENTRY) }),
  ],
  [
    "legacy-payload-keys",
    "has its payload in the last pickle, the list of keys",
    "WB5201",
    () => legacyBytes({ keys: [...RUN, "STOP"] }),
  ],
  [
    "tar-payload",
    "has its payload in the entry pickle",
    "WB5201",
    () => torchTar({ root: [...RUN, "STOP"] }),
  ],
  [
    "tar-payload-storages",
    "has its payload in the description of a storage",
    "WB5201",
    () => torchTar({ storagePieces: [...RUN, "STOP"] }),
  ],
  [
    "module",
    "is a whole pickled module",
    "WB5201",
    () => archive([["GLOBAL", "__main__", "Model"], "EMPTY_TUPLE", "NEWOBJ", "STOP"]),
  ],
  [
    "torchscript",
    "is a TorchScript program without code",
    "WB3301",
    () =>
      archive(dictOf(tensor()), { "0": 24 }, [
        { name: "m/constants.pkl", data: pickleBytes("EMPTY_TUPLE", "STOP") },
      ]),
  ],
];

export const PAYLOADS: readonly HostileFile[] = [
  ...hostileFiles("payload", "paddle", PADDLE),
  ...hostileFiles("payload", "torch", TORCH),
];
