"""Options that a command gets as one typed object instead of a parameter each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]


def folded(kind: type[Any], name: str, options: Sequence[Decorator]) -> Callable[[F], F]:
    """Return a decorator that adds ``options``; the command gets a ``kind`` of them as ``name``.

    ``kind`` is a dataclass whose fields are named as the options are.
    """
    names = [each.name for each in fields(kind)]

    def decorate(command: F) -> F:
        def fold(*args: Any, **given: Any) -> Any:
            chosen = kind(**{each: given.pop(each) for each in names})
            return command(*args, **{name: chosen}, **given)

        fold.__name__ = command.__name__
        fold.__doc__ = command.__doc__
        # What options below this decorator have left for click.command() to find.
        fold.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
        for option in reversed(options):
            fold = option(fold)
        return fold  # type: ignore[return-value]

    return decorate
