"""Remembering what was made of words that come again and again."""

from collections.abc import Callable
from typing import TypeVar

Made = TypeVar("Made")


class Remembered(dict[str, Made]):
    """What a function makes of texts: looked up by text, and made where it is missing.

    A dictionary answers several times as fast as any function does. When it is full it
    begins anew: what is frequent is soon there again.

    :param make: the function
    :param most: number of texts that are remembered
    :param longest: the longest text that is, in characters
    """

    def __init__(self, make: Callable[[str], Made], most: int, longest: int):
        self._make = make
        self._most = most
        self._longest = longest

    def __missing__(self, text: str) -> Made:
        made = self._make(text)
        if len(text) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[text] = made
        return made
