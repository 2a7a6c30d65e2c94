"""The console script: the commands of `flask` and of this server, without FLASK_APP."""

import gc
import sys
from importlib import import_module
from typing import Any

import click

from . import overview
from .collecting import without_collecting


class Main(click.Group):
    """All commands; loads the server unless it is only asked what there is."""

    def main(self, args: Any = None, *more: Any, **named: Any) -> Any:
        """Run the command that the arguments name.

        :param args: a sequence of text; None for those of the process
        """
        arguments = sys.argv[1:] if args is None else list(args)
        if arguments == ["--help"] and overview.is_complete():
            group: Any = overview.overview()
        else:
            with without_collecting():
                group = import_module(f"{__package__}.command_line").command_line
                # Modules stay: to look through them, again and again while they are
                # loaded and once more in the end, takes as long as to load them.
                gc.freeze()
        return group.main(args, *more, **named)


main = Main(overview.NAME)

if __name__ == "__main__":
    main()
