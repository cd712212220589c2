"""What a function of one's own is known by: its code and the values that it captured. Two that do the same may share a critic; no two others may.

Told are the bytecode; defaults; attributes; closure cells; and the globals that the code reads and the modules that it imports, lambdas and
comprehensions inside it included. Values must be plain data: None, numbers, text, bytes, ranges, patterns, numpy arrays, and tuples, lists,
sets and dicts of such, but of no type derived from these, which may hold more. Functions from the same module are told likewise; what comes
from other modules by its name and that module's version, or, where it has none, its file. Anything else, such as an object with a state
of its own, makes a function `Unknowable`.

For a function from a file the whole text of the file is told, too, so classes defined there need no telling.

Inside: `identity`, `Unknowable`.
"""

import dis
import hashlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

import numpy as np


class Unknowable(Exception):
    """The message says what it reads that cannot be told."""


def identity(function: Callable, text: bytes | None = None) -> str:
    """A hash of what the function is; text: of the file that it comes from. Raises Unknowable."""
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    teller = _Teller(getattr(inspect.unwrap(inner), "__globals__", {}), text is not None)
    found = hashlib.sha256(b"no file" if text is None else hashlib.sha256(text).digest())
    try:
        for part in teller.told(function, getattr(function, "__name__", "it")):
            found.update(part.encode() + b"\0")
    except RecursionError as error:
        raise Unknowable("a value that holds itself") from error
    return found.hexdigest()


class _Teller:
    """Tells values as strings, each kind beginning with its name. namespace: of the function's own module; whole: its text is told already."""

    def __init__(self, namespace: dict[str, Any], whole: bool):
        self.namespace, self.whole = namespace, whole
        self.seen: list[FunctionType] = []

    def told(self, value: Any, name: str) -> Iterator[str]:
        """All that makes the value what it is. name: what Unknowable calls it."""
        tell = self._EXACT.get(type(value)) or next((tell for kind, tell in self._KINDS if isinstance(value, kind)), None)
        if tell is not None:
            yield type(value).__name__
            yield from tell(self, value, name)
        elif hasattr(value, "__wrapped__"):  # as functools.lru_cache leaves it
            yield type(value).__name__
            yield from self.told([value.__wrapped__, _attributes(value)], name)
        elif callable(value) and isinstance(getattr(value, "__qualname__", getattr(value, "__name__", None)), str):  # of C, such as numpy's
            yield getattr(value, "__qualname__", value.__name__)
            yield from self._module_part(getattr(value, "__module__", None), name)
        else:
            raise Unknowable(f"{name}, a {type(value).__name__}")

    def _plain(self, value: Any, name: str) -> Iterator[str]:
        yield type(value).__name__ + repr(value)

    def _sequence(self, value: Any, name: str) -> Iterator[str]:
        yield f"{type(value).__name__} of {len(value)}"
        for each in value:
            yield from self.told(each, name)

    def _set(self, value: Any, name: str) -> Iterator[str]:
        yield from sorted("\0".join(self.told(each, name)) for each in value)

    def _dict(self, value: Any, name: str) -> Iterator[str]:
        yield from self._sequence([each for item in value.items() for each in item], name)

    def _pattern(self, value: Any, name: str) -> Iterator[str]:
        yield f"{value.pattern!r} {value.flags}"

    def _array(self, value: np.ndarray, name: str) -> Iterator[str]:
        if value.dtype.hasobject:
            raise Unknowable(f"{name}, an array of objects")
        yield f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"

    def _partial(self, value: partial, name: str) -> Iterator[str]:
        yield from self.told([value.func, value.args, value.keywords, _attributes(value)], name)

    def _method(self, value: MethodType, name: str) -> Iterator[str]:
        yield from self.told([value.__func__, value.__self__], name)

    def _builtin(self, value: BuiltinFunctionType, name: str) -> Iterator[str]:
        yield f"{value.__module__} {value.__qualname__}"
        if value.__self__ is not None and not isinstance(value.__self__, (ModuleType, type)):  # such as [1, 2].count
            yield from self.told(value.__self__, name)

    def _class(self, value: type, name: str) -> Iterator[str]:
        yield value.__qualname__
        if value.__module__ != self.namespace.get("__name__"):
            yield from self._module_part(value.__module__, name)
        elif not self.whole:
            raise Unknowable(f"{name}, a class defined beside it")

    def _module_part(self, module: str | None, name: str) -> Iterator[str]:
        """The module that something comes from."""
        if module not in sys.modules:
            raise Unknowable(f"{name}, of no module")
        yield from self._module(sys.modules[module], name)

    def _module(self, value: ModuleType, name: str) -> Iterator[str]:
        top = value.__name__.partition(".")[0]
        yield value.__name__
        if top in sys.stdlib_module_names:
            return
        version = getattr(sys.modules.get(top), "__version__", None)
        if version is None:
            try:
                version = hashlib.sha256(Path(value.__file__ or "").read_bytes()).hexdigest()
            except OSError as error:
                raise Unknowable(f"{name}, a module without version or file") from error
        yield str(version)

    def _function(self, value: FunctionType, name: str) -> Iterator[str]:
        if value in self.seen:
            yield f"again {self.seen.index(value)}"
            return
        self.seen.append(value)
        if value.__globals__ is not self.namespace:
            yield value.__qualname__
            yield from self._module_part(value.__module__, name)
            if getattr(sys.modules[value.__module__], value.__name__, None) is value:
                return
        yield from self._code(value.__code__, name)
        for each, content in self._captured(value).items():
            yield each
            yield from self.told(content, each)

    def _captured(self, value: FunctionType) -> dict[str, Any]:
        """What a function has besides its code, by name."""
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        found = {"its defaults": value.__defaults__, "its keywords": value.__kwdefaults__, "its attributes": _attributes(value)}
        found |= {name: _content(cell) for name, cell in cells}
        if value.__globals__ is self.namespace:
            found |= {name: self.namespace[name] for name in sorted(_globals_read(value.__code__)) if name in self.namespace}
        return found

    def _code(self, code: CodeType, name: str) -> Iterator[str]:
        yield f"{code.co_code!r} {getattr(code, 'co_exceptiontable', b'')!r} {code.co_flags} {code.co_argcount} {code.co_kwonlyargcount}"
        yield f"{code.co_names} {code.co_freevars} {code.co_cellvars}"
        yield from self.told(code.co_consts, name)
        for module in _imported(code):
            if module.partition(".")[0] not in sys.stdlib_module_names:
                yield from self._module_part(module, f"{name}, which imports {module}")

    # types of which no derived one is taken: it may hold what is not told
    _EXACT: ClassVar[dict[type, Callable]] = {
        **dict.fromkeys((type(None), bool, int, float, complex, Fraction, Decimal, str, bytes, range, type(...)), _plain),
        **{tuple: _sequence, list: _sequence, set: _set, frozenset: _set, dict: _dict, re.Pattern: _pattern, np.ndarray: _array},
    }
    _KINDS: tuple[tuple[type, Callable], ...] = (
        (np.generic, _plain),
        (partial, _partial),
        (FunctionType, _function),
        (MethodType, _method),
        (BuiltinFunctionType, _builtin),
        (CodeType, _code),
        (type, _class),
        (ModuleType, _module),
    )


def _attributes(value: Any) -> dict[str, Any]:
    """What was set on a function or the like, without what it wraps."""
    return {name: content for name, content in sorted(vars(value).items()) if name != "__wrapped__"}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _globals_read(code: CodeType) -> set[str]:
    """The names that the code, or code inside it, looks up among globals."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _globals_read(each)
    return found


def _imported(code: CodeType) -> Iterator[str]:
    """The modules that the code imports when it runs; `from a import b` gives a.b, too, where that is one. Raises Unknowable for `from .`."""
    before, module = [None, None], ""
    for i in dis.get_instructions(code):
        if i.opname == "IMPORT_NAME":
            if before[0] != 0:  # how many dots
                raise Unknowable(f"{code.co_name}, which imports from its own package")
            module = i.argval
            yield module
        elif i.opname == "IMPORT_FROM" and f"{module}.{i.argval}" in sys.modules:
            yield f"{module}.{i.argval}"
        before = [before[1], i.argval]
