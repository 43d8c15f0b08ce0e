# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parsers whose help fits the terminal, and whose errors are short and say what was meant."""

from __future__ import annotations

import argparse
from difflib import get_close_matches
import textwrap
from typing import Any, NoReturn

STATUS_USAGE = 2


class HelpFormatter(argparse.HelpFormatter):
    """Fills paragraphs to the terminal's width; indented lines are tables and examples, kept."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled: list[str] = []
        paragraph: list[str] = []

        def end_paragraph() -> None:
            if paragraph:
                filled.append(textwrap.fill(' '.join(paragraph), width, initial_indent=indent,
                                            subsequent_indent=indent))
                paragraph.clear()

        for line in text.splitlines():
            if line and not line[0].isspace():
                paragraph.append(line)
            else:
                end_paragraph()
                filled.append(line)
        end_paragraph()
        return '\n'.join(filled)


class Parser(argparse.ArgumentParser):
    """Options must be written out: an abbreviation could one day mean another option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=HelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong without the list of all options, in which it would drown."""
        self.exit(STATUS_USAGE, f"{self.prog}: error: {message}\n"
                                f"'{self.prog} --help' explains the options\n")

    def refuse(self, unknown: str) -> NoReturn:
        """End with an error about a word that is neither an option nor an argument of a place."""
        name, _, _ = unknown.partition('=')
        if not name.startswith('-'):
            self.error(f"'{unknown}' is one argument too many")
        near = nearest(name, self._option_string_actions)
        self.error(f"there is no option '{name}'{near}")


def nearest(word: str, known: Any) -> str:
    """Give a question after the known word that was probably meant; '' if there is none."""
    found = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{found[0]}'?" if found else ''
