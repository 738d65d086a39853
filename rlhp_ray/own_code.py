"""A user's own code, named `module:function` in a config: tasks, teachers and query methods are found here.

Modules are importable from the working directory. Whatever goes wrong in them is said in one sentence, with file and
line where there is one.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from rlhp_ray.errors import OwnCodeError

_NOT_THE_USERS = (
    os.path.dirname(__file__) + os.sep,
    sysconfig.get_path("stdlib") + os.sep,
    sysconfig.get_path("purelib") + os.sep,
    "<frozen ",
)


def import_own(module: str, name: str) -> ModuleType:
    """The module, for `name` of the config. OwnCodeError where there is none, or it can't be imported."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise OwnCodeError(
                f"{name} needs a package that isn't there ({error}): install it and try again."
            ) from error
        raise OwnCodeError(f"{name}: there is no module {error.name}, neither installed nor in {here}.") from error
    except Exception as error:  # whatever a user's module does when it is imported
        raise _failed(name, error) from error


class OwnFunction:
    """A user's function that is called as a plain one. A class is one too: what its instance does when called."""

    def __init__(self, name: str, example: str) -> None:
        """`name`: `module:function`; `example`: how it begins, such as `def prefer(left, right):`.

        OwnCodeError where there is no such function, or it takes other arguments.
        """
        self.name = name
        module, _, member = name.rpartition(":")
        self._function: Callable[..., Any] | None = getattr(import_own(module, name), member, None)
        if isinstance(self._function, type):
            self._function = call_own(name, self._function)
        parameters = example[example.index("(") + 1 : example.index(")")].split(",")
        if not callable(self._function):
            raise OwnCodeError(f"{name}: the module has no such function; it must begin with `{example}`.")
        try:
            inspect.signature(self._function).bind(*parameters)
        except TypeError as error:
            raise OwnCodeError(f"{name} takes other arguments ({error}); it must begin with `{example}`.") from error

    def __call__(self, *arguments: Any) -> Any:
        """Call it; OwnCodeError where it fails."""
        assert self._function is not None
        return call_own(self.name, self._function, *arguments)


def call_own(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the user's function returns; OwnCodeError where it fails, with the user's file and line."""
    try:
        return function(*arguments)
    except Exception as error:  # whatever a user's function raises
        raise _failed(name, error) from error


def where_it_failed(error: Exception) -> str:
    """File, line, type and message of an error, in the user's code where that is on the way to it."""
    said = str(error).splitlines()
    frames = traceback.extract_tb(error.__traceback__)
    users = [frame for frame in frames if not frame.filename.startswith(_NOT_THE_USERS)]
    where = (users or frames)[-1]
    what = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    return f"{where.filename}, line {where.lineno}: {what}"


def _failed(name: str, error: Exception) -> OwnCodeError:
    if isinstance(error, SyntaxError):
        return OwnCodeError(f"{name} can't be read: {error.filename}, line {error.lineno}: {error.msg}.")
    return OwnCodeError(f"{name} failed in {where_it_failed(error)}.")
