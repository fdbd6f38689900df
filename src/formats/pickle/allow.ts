/**
 * The globals that a file of weights needs, by exact module and name. None is ever called: each is a pattern that a
 * reader matches, and its arguments are data. Anything else in a pickle is refused.
 */
const STORAGES = [
  "Float",
  "Double",
  "Half",
  "BFloat16",
  "Long",
  "Int",
  "Short",
  "Char",
  "Byte",
  "Bool",
  "ComplexFloat",
  "ComplexDouble",
  "QUInt8",
  "QInt8",
  "QInt32",
  "QUInt4x2",
  "QUInt2x4",
].map((kind) => `${kind}Storage`);

const TENSORS = [
  "Float",
  "Double",
  "Half",
  "BFloat16",
  "Long",
  "Int",
  "Short",
  "Char",
  "Byte",
  "Bool",
].map((kind) => `${kind}Tensor`);

const TORCH_DTYPES = [
  "float16",
  "bfloat16",
  "float32",
  "float64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "int8",
  "int16",
  "int32",
  "int64",
  "bool",
  "complex32",
  "complex64",
  "complex128",
  "float8_e4m3fn",
  "float8_e5m2",
  "float8_e4m3fnuz",
  "float8_e5m2fnuz",
  "float8_e8m0fnu",
  "float4_e2m1fn_x2",
  "quint8",
  "qint8",
  "qint32",
  "quint4x2",
  "quint2x4",
];

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  collections: ["OrderedDict", "Counter", "defaultdict"],
  builtins: [
    "tuple",
    "bytes",
    "bytearray",
    "dict",
    "set",
    "frozenset",
    "list",
    "complex",
    "int",
    "float",
    "str",
    "bool",
  ],
  __builtin__: [
    "tuple",
    "bytes",
    "bytearray",
    "dict",
    "set",
    "frozenset",
    "list",
    "complex",
    "long",
    "unicode",
    "str",
  ],
  _codecs: ["encode"],
  torch: [
    ...STORAGES,
    ...TENSORS,
    ...TORCH_DTYPES,
    "Size",
    "Tensor",
    "device",
    "per_tensor_affine",
    "per_channel_affine",
    "sparse_coo",
    "sparse_csr",
    "strided",
  ],
  "torch.cuda": [...STORAGES, ...TENSORS],
  "torch.storage": ["UntypedStorage", "TypedStorage", "_UntypedStorage", "_TypedStorage"],
  "torch.serialization": ["_get_layout"],
  "torch.nn.parameter": ["Parameter", "Buffer"],
  "torch._utils": [
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_sparse_tensor",
    "_rebuild_sparse_csr_tensor",
    "_rebuild_qtensor",
    "_rebuild_nested_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_device_tensor_from_numpy",
  ],
  "torch._tensor": ["_rebuild_from_type_v2"],
  numpy: ["ndarray", "dtype"],
  "numpy.core.multiarray": ["_reconstruct", "scalar"],
  "numpy._core.multiarray": ["_reconstruct", "scalar"],
  "numpy.core.numeric": ["_frombuffer"],
  "numpy._core.numeric": ["_frombuffer"],
};

const ALLOWED_SETS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(ALLOWED).map(([module, names]) => [module, new Set(names)]),
);

/** True for a global that files of weights may name. Exact: neither "torch.os" nor "numpy.core" opens anything. */
export function isAllowedGlobal(module: string, name: string): boolean {
  return ALLOWED_SETS.get(module)?.has(name) === true;
}

/** True for a module that `isAllowedGlobal` knows names of. */
export function isAllowedModule(module: string): boolean {
  return ALLOWED_SETS.has(module);
}
