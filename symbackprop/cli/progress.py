"""Long work at a terminal: a progress bar, and one Ctrl-C that is enough."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import click

LONG = 0.5
"""Seconds after which work is long enough for a progress bar."""


@contextmanager
def progress_bar(
    length: int, label: str, shown_item: Callable[[Any], str | None] | None = None
) -> Generator[Callable[[int, Any], None] | None]:
    """A bar on standard error, only where that is a terminal, and only for long work.

    What it yields is called with the steps that are done and something to show; it is None where there is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    bar: Any = click.progressbar(length=length, label=label, file=sys.stderr, item_show_func=shown_item)
    shown, visible = 0, False
    at: float | None = None

    def progress(done: int, item: Any) -> None:
        nonlocal shown, at, visible
        if at is None:  # what came before was preparation
            at = time.monotonic() + LONG
        if time.monotonic() < at and not (visible and done == length):
            return
        if not visible:
            bar.__enter__()
            visible = True
        bar.update(done - shown, item)
        shown, at = done, time.monotonic() + 0.1

    try:
        yield progress
    finally:
        if visible:
            bar.__exit__(None, None, None)


@contextmanager
def interrupted_once() -> Generator[None]:
    """The first Ctrl-C stops the work; others, out of impatience, reach neither files nor messages after it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # nobody interrupts us
        yield
        return

    def stop(_signal: int, _frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is stop:
            signal.signal(signal.SIGINT, signal.default_int_handler)
