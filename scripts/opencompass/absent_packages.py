"""Empty modules for what OpenCompass loads at once and the tests do not use: retrievers, other models' tokenizers, other metrics.

The environment loads this when Python starts. What such a module is asked for is an empty class; using it fails.
"""

import importlib.abc
import importlib.machinery
import sys
import types

ABSENT = {
    "faiss", "fuzzywuzzy", "importlib_metadata", "jieba", "nltk", "rank_bm25", "rouge", "rouge_chinese",
    "sentence_transformers", "sklearn", "tabulate", "tiktoken",
}  # fmt: skip


class EmptyModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return EmptyModule(spec.name)

    def exec_module(self, module):
        pass


# Behind all others, so that a package that is there is taken.
sys.meta_path.append(Finder())
