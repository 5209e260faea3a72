"""llama.cpp as a peer: its shared libraries, asked through ctypes for one token after another, with a LoRA switched on.

The libraries are those of a build with one CPU backend per kind of processor, of which it loads the fastest that runs;
`npm pack @node-llama-cpp/linux-x64` brings one (bins/linux-x64). Structures are passed as they are given out by llama.cpp's
own defaults, so that nothing here depends on their layout but the first fields.
"""

import ctypes
from ctypes import byref, c_char_p, c_float, c_int32, c_uint32, c_void_p
from pathlib import Path
from typing import Any

Q8_0 = 7  # llama_ftype
F16 = 1
# What llama.cpp would print; it may want to as long as the process lives.
_SILENCE = ctypes.CFUNCTYPE(None, c_int32, c_char_p, c_void_p)(lambda *_: None)


class _Parameters(ctypes.Structure):
    """Any of llama.cpp's parameter structures: larger than each, and copied whole."""

    _fields_ = [("words", c_int32 * 256)]


class _Tokens(ctypes.Structure):
    """llama_batch."""

    _fields_ = [("count", c_int32), ("tokens", c_void_p), *((name, c_void_p) for name in "abcde")]


class LlamaCpp:
    """The libraries in a folder."""

    def __init__(self, folder: Path) -> None:
        found = {name: next(folder.glob(f"lib{name}.*so*"), None) for name in ("ggml-base", "ggml", "llama")}
        if not all(found.values()):
            raise FileNotFoundError(f"{folder} has no libllama, libggml and libggml-base")
        ggml = ctypes.CDLL(str(found["ggml"]), mode=ctypes.RTLD_GLOBAL)
        self.library = library = ctypes.CDLL(str(found["llama"]), mode=ctypes.RTLD_GLOBAL)
        library.llama_log_set(_SILENCE, None)
        ggml.ggml_backend_load_all_from_path.argtypes = [c_char_p]
        ggml.ggml_backend_load_all_from_path(str(folder).encode())
        for kind in ("model", "context", "model_quantize"):
            getattr(library, f"llama_{kind}_default_params").restype = _Parameters
        library.llama_model_load_from_file.argtypes = [c_char_p, _Parameters]
        library.llama_model_quantize.argtypes = [c_char_p, c_char_p, c_void_p]
        library.llama_init_from_model.argtypes = [c_void_p, _Parameters]
        library.llama_adapter_lora_init.argtypes = [c_void_p, c_char_p]
        library.llama_set_adapters_lora.argtypes = [c_void_p, c_void_p, ctypes.c_size_t, c_void_p]
        library.llama_set_n_threads.argtypes = [c_void_p, c_int32, c_int32]
        library.llama_batch_get_one.argtypes = [c_void_p, c_int32]
        library.llama_batch_get_one.restype = _Tokens
        library.llama_decode.argtypes = [c_void_p, _Tokens]
        library.llama_get_logits_ith.argtypes = [c_void_p, c_int32]
        library.llama_get_memory.argtypes = [c_void_p]
        library.llama_memory_clear.argtypes = [c_void_p, ctypes.c_bool]
        library.llama_print_system_info.restype = c_char_p
        for name in ("model_load_from_file", "init_from_model", "adapter_lora_init", "get_logits_ith", "get_memory"):
            getattr(library, f"llama_{name}").restype = c_void_p

    @property
    def told(self) -> str:
        """What it found of this processor."""
        return str(self.library.llama_print_system_info().decode()).strip()

    def quantize(self, source: Path, target: Path, kind: int) -> Path:
        settings = self.library.llama_model_quantize_default_params()
        settings.words[0], settings.words[1] = 1, kind  # threads, ftype
        if self.library.llama_model_quantize(str(source).encode(), str(target).encode(), byref(settings)):
            raise RuntimeError(f"llama.cpp did not quantize {source}")
        return target

    def load(self, file: Path, adapter: Path | None, vocab: int, threads: int) -> "Stream":
        library = self.library
        model = library.llama_model_load_from_file(str(file).encode(), library.llama_model_default_params())
        if not model:
            raise RuntimeError(f"llama.cpp did not load {file}")
        settings = library.llama_context_default_params()
        ctypes.cast(byref(settings), ctypes.POINTER(c_uint32))[0] = 1024  # n_ctx
        context = library.llama_init_from_model(model, settings)
        library.llama_set_n_threads(context, threads, threads)
        if adapter is not None:
            one = library.llama_adapter_lora_init(model, str(adapter).encode())
            if not one:
                raise RuntimeError(f"llama.cpp did not take {adapter}")
            if library.llama_set_adapters_lora(context, (c_void_p * 1)(one), 1, (c_float * 1)(1.0)):
                raise RuntimeError(f"llama.cpp did not switch {adapter} on")
        return Stream(library, context, vocab)


class Stream:
    """One model with one sequence of tokens, greedily."""

    def __init__(self, library: Any, context: int, vocab: int) -> None:
        self._library, self._context, self._vocab = library, context, vocab

    def write(self, prompt: list[int], tokens: int) -> list[int]:
        """The prompt and `tokens` more."""
        self.forget()
        written = [self.next(prompt)]
        while len(written) < tokens:
            written.append(self.next(written[-1:]))
        return written

    def forget(self) -> None:
        self._library.llama_memory_clear(self._library.llama_get_memory(self._context), True)

    def logits(self, tokens: list[int]) -> Any:
        import numpy

        given = (c_int32 * len(tokens))(*tokens)
        if self._library.llama_decode(self._context, self._library.llama_batch_get_one(given, len(tokens))):
            raise RuntimeError("llama.cpp did not compute")
        at = self._library.llama_get_logits_ith(self._context, -1)
        return numpy.ctypeslib.as_array(ctypes.cast(at, ctypes.POINTER(c_float)), (self._vocab,))

    def next(self, tokens: list[int]) -> int:
        return int(self.logits(tokens).argmax())
