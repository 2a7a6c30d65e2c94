"""Remembering what was made of words that come again and again."""

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


class Remembered(dict[str, Made]):
    """What a function makes of texts: looked up by text, and made where it is missing.

    A dictionary answers several times as fast as any function does. When it is full it
    begins anew, and what is asked for again is taken over: what comes once, as numbers
    and names of files do, is soon forgotten, and what is frequent is made once.

    :param make: the function
    :param most: number of texts that are remembered; for a while twice as many
    :param longest: the longest text that is, in characters
    """

    def __init__(self, make: Callable[[str], Made], most: int, longest: int):
        self._make = make
        self._most = most
        self._longest = longest
        self._before: dict[str, Made] = {}

    def __missing__(self, text: str) -> Made:
        made = self._before.get(text)
        if made is None:
            made = self._make(text)
        if len(text) <= self._longest:
            if len(self) >= self._most:
                self._before = dict(self)
                self.clear()
            self[text] = made
        return made
