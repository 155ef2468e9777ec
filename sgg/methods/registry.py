"""Registries: entries of one kind by name. An entry is a section of settings that builds a part of a method."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from sgg.settings.roles import Role
from sgg.settings.section import Section, section_type


class MethodError(ValueError):
    """An entry of a registry that breaks the contract. The message names its file."""


class Method(Section):
    """A section of settings that is an entry of a registry. One of its fields, the registry's key, has a single allowed
    value: the name of the entry.

    required: the methods that every entry must define.
    """

    required: ClassVar[frozenset[str]] = frozenset({"build"})

    @classmethod
    def fault_of_entry(cls, name: str) -> str | None:
        """The fault of an entry under the contract, as the end of a sentence; None if there is no fault."""
        return None


Entry = TypeVar("Entry", bound=Method)


class Registry(Generic[Entry]):
    """Entries by name.

    what: the kind of an entry in words. package: its modules are imported at the first use of the entries, and each
    registers its own entries. default: the name of the entry that is used if none is named. key: the field of an entry
    that holds its name.
    """

    instances: ClassVar[list[Registry[Any]]] = []
    on_change: ClassVar[list[Callable[[], None]]] = []
    """Functions to call after the entries of a registry have changed. `sgg.config` rebuilds the schema of settings."""

    def __init__(self, what: str, package: str, default: str, key: str = "kind") -> None:
        self.what, self.package, self.default, self.key = what, package, default, key
        self._entries: dict[str, type[Entry]] = {}
        self._found = False
        Registry.instances.append(self)

    def register(self, entry: type[Entry]) -> type[Entry]:
        """Add an entry; use it as a decorator of the class.

        Raises MethodError that names the file for a name that is taken, a setting without a valid default, a setting
        that has another role in another entry, and a method whose arguments differ from the contract.
        """
        name = self.name_of(entry)
        known = self._entries.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (entry.__module__, entry.__qualname__):
            raise MethodError(f"{place(entry)}: there is a {self.what} {name!r} already, in {place(known)}; rename "
                              "this one")
        if missing := [key for key, field in entry.model_fields.items() if field.is_required()]:
            raise MethodError(f"{place(entry)}: {entry.__name__}.{missing[0]} needs a default")
        try:
            entry()
        except ValueError as error:  # pydantic's
            raise MethodError(f"{place(entry)}: the defaults of {entry.__name__} are wrong: "
                              f"{' '.join(str(error).split())}") from None
        self._require_same_roles(name, entry)
        _require_contract(entry)
        if fault := entry.fault_of_entry(name):
            raise MethodError(f"{place(entry)}: {entry.__name__} {fault}")
        self._entries[name] = entry
        return entry

    def forget(self, unwanted: Callable[[type[Entry]], bool]) -> None:
        """Remove the entries for which `unwanted` returns true."""
        self._entries = {name: entry for name, entry in self._entries.items() if not unwanted(entry)}

    @classmethod
    def registered(cls) -> set[type[Method]]:
        """The entries of all registries that are registered now."""
        return {entry for registry in cls.instances for entry in registry._entries.values()}

    @classmethod
    def decorator_of(cls, entry: type[Method]) -> str | None:
        """The decorator that registers an entry, with its module; None for a class that follows no contract."""
        contract = contract_of(entry)
        for registry in cls.instances if contract is not None else ():
            if contract_of(registry[registry.default]) is contract:
                module = sys.modules[contract.__module__]
                variable = next(name for name, value in vars(module).items() if value is registry)
                return f"@{variable}.register (of {module.__name__})"
        return None

    @classmethod
    def announce_change(cls) -> None:
        """Call the functions of `on_change`."""
        for listener in cls.on_change:
            listener()

    def _require_same_roles(self, name: str, entry: type[Entry]) -> None:
        for other_name, other in self._entries.items():
            for key, role in roles_of(other).items():
                if other_name != name and roles_of(entry).get(key, role) != role:
                    raise MethodError(f"{place(entry)}: {entry.__name__}.{key} must have the role that it has in the "
                                      f"{self.what} {other_name!r} ({', '.join(role.words)}), or another name")

    def name_of(self, entry: type[Entry]) -> str:
        """The name of an entry: the only value of its key. Raises MethodError if the key has another form."""
        field = entry.model_fields.get(self.key)
        values = get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()
        if len(values) != 1 or field is None or field.default != values[0]:
            raise MethodError(f"{place(entry)}: {entry.__name__} must have a field `{self.key}` with one literal value "
                              f'and this default, such as {self.key}: Annotated[Literal["mine"], trains()] = "mine"')
        return values[0]

    def section_of(self, given: Entry | str) -> Entry:
        """The given section, or the entry of a given name with its defaults. Raises ValueError for an unknown name."""
        if not isinstance(given, str):
            return given
        if given not in self.entries:
            raise ValueError(f"{self.key} must be one of {', '.join(self)}, got {given!r}; if a plugin defines it, "
                             "name the plugin (--plugin, experiment.plugins)")
        return self[given]()

    def kind_of(self, section: Entry) -> str:
        """The name of the entry that a section of settings belongs to."""
        return self.name_of(type(section))

    def __getitem__(self, name: str) -> type[Entry]:
        return self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    @property
    def entries(self) -> dict[str, type[Entry]]:
        """Every entry by its name: the default, the others of ours by name, then those of plugins as they came. The
        order of imports does not matter."""
        if not self._found:
            self._found = True
            package = importlib.import_module(self.package)
            for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
                importlib.import_module(f"{self.package}.{module.name}")
        ours = sorted(name for name, entry in self._entries.items() if entry.__module__.startswith(f"{self.package}."))
        return {name: self._entries[name] for name in dict.fromkeys((self.default, *ours, *self._entries))}


def roles_of(section: type[BaseModel], prefix: str = "") -> dict[str, Role]:
    """The role of each setting of a section by its dotted key."""
    found = {f"{prefix}{name}": mark for name, field in section.model_fields.items()
             for mark in field.metadata if isinstance(mark, Role)}
    for name, field in section.model_fields.items():
        if (below := section_type(field)) is not None:
            found |= roles_of(below, f"{prefix}{name}.")
    return found


def contract_of(entry: type[Method]) -> type[Method] | None:
    """The contract of an entry: its base class directly below `Method`."""
    return next((base for base in entry.__mro__ if issubclass(base, Method) and Method in base.__bases__), None)


def _require_contract(entry: type[Method]) -> None:
    """Raise MethodError unless each method accepts the contract's arguments and the required ones are defined."""
    contract = contract_of(entry)
    for name, method in vars(contract).items() if contract is not None else ():
        if name.startswith("_") or not inspect.isfunction(method):
            continue
        own = getattr(entry, name)
        parameters = list(inspect.signature(method).parameters)
        try:
            inspect.signature(own).bind(*parameters)
        except TypeError as error:
            raise MethodError(f"{place(own)}: {entry.__name__}.{name} must take ({', '.join(parameters)}), but "
                              f"{error}") from None
        if own is method and contract is not None and name in entry.required:
            raise MethodError(f"{place(entry)}: {entry.__name__} needs a method {name}({', '.join(parameters)})")


def code_of(function: Any) -> Any:
    """The code that a callable runs, for `place`: a function, also of a functools.partial, or the class of an object.
    """
    made = getattr(function, "func", function)
    return made if hasattr(made, "__code__") else type(made)


def require_call(function: Any, entry: Method, *arguments: str) -> None:
    """Raise MethodError that names file and line unless `entry.build` returned a function of these arguments."""
    kind, wanted = type(entry), f"a function ({', '.join(arguments)})"
    if not callable(function):
        raise MethodError(f"{place(entry.build)}: {kind.__name__}.build must return {wanted}, got "  # type: ignore[attr-defined]
                          f"{type(function).__name__}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are written in C have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise MethodError(f"{place(code_of(function))}: {kind.__name__}.build must return {wanted}, but {error}"
                          ) from None


def place(entry: Any) -> str:
    """The file and line of a class or a function, for messages."""
    try:
        file, line = inspect.getsourcefile(entry), inspect.getsourcelines(entry)[1]
    except (OSError, TypeError):
        return str(entry.__module__)
    return f"{Path(file or entry.__module__)}:{line}"
