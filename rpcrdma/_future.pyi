"""Futures and tasks, compiled; ``future`` has the documentation."""

from .future import Future as Future
from .future import Task as Task
