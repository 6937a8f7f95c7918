"""llama.cpp's prebuilt library as a peer for goldens and benches, through ctypes. Test-only: nothing of it is linked.

The library comes from the npm package below, pinned by SHA-256, unpacked once into build/peers (ignored by git).
Struct layouts are those of that build; Peer checks them against the library's own default values before use.
"""
import ctypes as c
import hashlib
import pathlib
import subprocess
import tarfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = "@node-llama-cpp/linux-x64@3.22.1"
TARBALL = "node-llama-cpp-linux-x64-3.22.1.tgz"
SHA256 = "0d953e1503d5ab4608d8ed5b739132308c81ac05ffeb760d2a7f30e08a9f90e0"
GGML_F32, GGML_F16 = 0, 1
VERSION = "llama.cpp v0.5.0 (npm @node-llama-cpp/linux-x64 3.22.1)"


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch():
    """Folder of the libraries; downloads with npm when they are not there yet."""
    folder = ROOT / "build" / "peers" / "llama"
    libraries = folder / "package" / "bins" / "linux-x64"
    if (folder / "complete").exists():
        return libraries
    folder.mkdir(parents=True, exist_ok=True)
    tarball = folder / TARBALL
    if not tarball.exists() or sha256_of(tarball) != SHA256:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = sha256_of(tarball)
    if found != SHA256:
        raise SystemExit(f"{tarball}: expected sha256 {SHA256}, found {found}")
    with tarfile.open(tarball) as archive:
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (folder / "complete").touch()
    return libraries


class _ModelParams(c.Structure):
    _fields_ = [("bytes", c.c_ubyte * 256)]  # only ever passed through with its defaults


class _ContextParams(c.Structure):
    _fields_ = [
        ("n_ctx", c.c_uint32), ("n_batch", c.c_uint32), ("n_ubatch", c.c_uint32), ("n_seq_max", c.c_uint32),
        ("unused_a", c.c_uint32 * 3), ("n_threads", c.c_int32), ("n_threads_batch", c.c_int32),
        ("unused_b", c.c_uint8 * 68), ("type_k", c.c_int32), ("type_v", c.c_int32), ("unused_c", c.c_uint8 * 16),
        ("embeddings", c.c_bool), ("offload_kqv", c.c_bool), ("no_perf", c.c_bool),
        ("unused_d", c.c_uint8 * 125),
    ]


class _Batch(c.Structure):
    _fields_ = [
        ("n_tokens", c.c_int32), ("token", c.POINTER(c.c_int32)), ("embd", c.c_void_p),
        ("pos", c.POINTER(c.c_int32)), ("n_seq_id", c.POINTER(c.c_int32)),
        ("seq_id", c.POINTER(c.POINTER(c.c_int32))), ("logits", c.POINTER(c.c_int8)),
    ]


class Peer:
    """One model, one context."""

    def __init__(self, gguf, threads=2, context=4096, batch=512, exact_cache=False):
        libraries = fetch()
        # Absolute paths: dependencies are found through the libraries' own $ORIGIN.
        self.ggml = c.CDLL(str(libraries / "libggml.v0.5.0.so"), mode=c.RTLD_GLOBAL)
        self.lib = lib = c.CDLL(str(libraries / "libllama.v0.5.0.so"), mode=c.RTLD_GLOBAL)
        self._silence = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)(lambda *_: None)
        lib.llama_log_set(self._silence, None)
        self.ggml.ggml_backend_load_all_from_path(str(libraries).encode())
        lib.llama_backend_init()
        lib.llama_model_default_params.restype = _ModelParams
        lib.llama_context_default_params.restype = _ContextParams
        lib.llama_model_load_from_file.restype = c.c_void_p
        lib.llama_model_load_from_file.argtypes = [c.c_char_p, _ModelParams]
        lib.llama_init_from_model.restype = c.c_void_p
        lib.llama_init_from_model.argtypes = [c.c_void_p, _ContextParams]
        for name in ("llama_model_get_vocab", "llama_get_memory"):
            getattr(lib, name).restype = c.c_void_p
            getattr(lib, name).argtypes = [c.c_void_p]
        lib.llama_vocab_n_tokens.argtypes = [c.c_void_p]
        lib.llama_memory_clear.argtypes = [c.c_void_p, c.c_bool]
        lib.llama_decode.argtypes = [c.c_void_p, _Batch]
        lib.llama_get_logits_ith.restype = c.POINTER(c.c_float)
        lib.llama_get_logits_ith.argtypes = [c.c_void_p, c.c_int32]
        lib.llama_tokenize.argtypes = [c.c_void_p, c.c_char_p, c.c_int32, c.POINTER(c.c_int32), c.c_int32, c.c_bool,
                                       c.c_bool]
        lib.llama_free.argtypes = [c.c_void_p]
        lib.llama_model_free.argtypes = [c.c_void_p]

        params = lib.llama_context_default_params()
        layout = (params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.type_k, params.offload_kqv)
        if layout != (512, 2048, 512, 4, GGML_F16, True):
            raise SystemExit("llama_context_params: the library's layout is not the one expected here")
        params.n_ctx, params.n_batch, params.n_ubatch = context, max(batch, 512), 512
        params.n_threads = params.n_threads_batch = threads
        if exact_cache:
            params.type_k = params.type_v = GGML_F32
        start = time.perf_counter()
        self.model = lib.llama_model_load_from_file(str(gguf).encode(), lib.llama_model_default_params())
        self.load_seconds = time.perf_counter() - start  # the model alone, without its context
        if not self.model:
            raise SystemExit(f"{gguf}: the peer cannot load it")
        self.context = lib.llama_init_from_model(self.model, params)
        if not self.context:
            raise SystemExit("the peer cannot make a context")
        self.vocab = lib.llama_model_get_vocab(self.model)
        self.vocab_size = lib.llama_vocab_n_tokens(self.vocab)
        self.batch_max = params.n_batch

    def tokenize(self, text, parse_special):
        data = text.encode()
        room = len(data) + 16
        ids = (c.c_int32 * room)()
        count = self.lib.llama_tokenize(self.vocab, data, len(data), ids, room, False, parse_special)
        if count < 0:
            raise SystemExit(f"llama_tokenize: {count}")
        return list(ids[:count])

    def clear(self):
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)

    def batch(self, ids, first_position=0, logits="none"):
        """ids at consecutive positions; logits: none, last or all. At most batch_max of them."""
        count = len(ids)
        zero = (c.c_int32 * 1)(0)
        wanted = [int(logits == "all" or (logits == "last" and i == count - 1)) for i in range(count)]
        return _Batch(
            count, (c.c_int32 * count)(*ids), None, (c.c_int32 * count)(*range(first_position, first_position + count)),
            (c.c_int32 * count)(*([1] * count)), (c.POINTER(c.c_int32) * count)(*([zero] * count)),
            (c.c_int8 * count)(*wanted))

    def run(self, batch):
        status = self.lib.llama_decode(self.context, batch)
        if status != 0:
            raise SystemExit(f"llama_decode: {status}")

    def decode(self, ids, first_position=0, logits="none"):
        self.run(self.batch(ids, first_position, logits))

    def logits(self, index):
        """Pointer to vocab_size floats of the batch's position `index`; valid until the next decode."""
        return self.lib.llama_get_logits_ith(self.context, index)

    def close(self):
        self.lib.llama_free(self.context)
        self.lib.llama_model_free(self.model)
