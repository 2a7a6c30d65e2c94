"""What `dtool-lookup-server --help` shows, without loading the server.

To load it takes longer than anybody waits for a list of commands. Once loaded, the
server has the same list (see command_line.py); a test compares the two.
"""

from importlib.metadata import distributions

import click

#: Name of the distribution and of its script, and what it is.
NAME = "dtool-lookup-server"
HELP = "The central index over the base URIs of dtool datasets."

#: The help of the options that come before a command, by their names.
OPTIONS = {
    "env_file": "Read variables of the environment from this file, before '.env'.",
    "app": "Another application than this server's, as 'module:name'.",
    "debug": "Set debug mode.",
    "version": "Show the versions of Flask and what it stands on.",
}

#: What each command does: the first sentence of its help.
COMMANDS = {
    "audit": "Look at who did what, and forget the oldest of it.",
    "backup": "Write all that the SQL database holds to a new FOLDER, for `restore`.",
    "base_uri": "Manage and index base URIs.",
    "config": "Show settings and versions.",
    "database": "Move the SQL database, or bring it in order.",
    "dataset": "Compare and mend what the stores have.",
    "db": "Perform database migrations.",
    "demo": "Set up a server with datasets to play with, and run it.",
    "doctor": "Check the installation; say what is wrong, and what to do about it.",
    "init": "Make all that the server needs: home folder, keys, database, first admin.",
    "openapi": "OpenAPI commands.",
    "plugins": "List the plugins that are installed, and which of them are used.",
    "restore": "Fill this server's database, which must be empty, from a backup's"
    " FOLDER.",
    "routes": "Show the routes for the app.",
    "run": "Run a development server.",
    "search": "Find datasets with the query language, in all base URIs.",
    "shell": "Run a shell in the app context.",
    "user": "Manage users, their permissions and their tokens.",
}


#: What comes along with an extra, and the command that it brings: it is about its own
#: settings, and not among ours.
ALONG = {"Flask-Limiter": "limiter"}


def overview() -> click.Group:
    """Return a group that can say what there is, and run none of it."""
    names = {
        "env_file": click.Option(["-e", "--env-file"], metavar="FILE"),
        "app": click.Option(["-A", "--app"], metavar="IMPORT"),
        "debug": click.Option(["--debug/--no-debug"]),
        "version": click.Option(["--version"], is_flag=True),
    }
    for name, option in names.items():
        option.help = OPTIONS[name]
    commands = [click.Command(name, help=what) for name, what in COMMANDS.items()]
    return click.Group(NAME, commands, help=HELP, params=list(names.values()))


def is_complete() -> bool:
    """Return whether nobody else may have added commands.

    Plugins may, and so may whoever adds commands to `flask`.
    """
    return all(
        distribution.name == NAME or distribution.name in ALONG
        for distribution in distributions()
        for point in distribution.entry_points
        if point.group.startswith("dtool_lookup_server.")
        or point.group == "flask.commands"
    )
