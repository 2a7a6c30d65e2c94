"""Directives that write the reference from the code: settings, routes, commands.

`.. all-settings::` comes from the table of settings, `.. all-routes::` from the
application and its OpenAPI document, `.. all-commands::` from the command line.
"""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from flask import Flask
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from dtool_lookup_server import create_app
from dtool_lookup_server.command_line import command_line
from dtool_lookup_server.config import SETTINGS, Setting
from dtool_lookup_server.plugins.mongo.settings import RETRIEVE, SEARCH, settings_of

#: What routes are listed under that are not in the OpenAPI document.
PAGES = "Pages"

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class WrittenFromCode(SphinxDirective):
    """A directive whose content is reStructuredText that the code gives."""

    def run(self) -> list[nodes.Node]:
        # The page depends on more than its own text.
        self.env.note_reread()
        return self.parse_text_to_nodes("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


def plain_app() -> Flask:
    """Return an application as it is with no settings and no other plugins."""
    with tempfile.TemporaryDirectory() as home:
        return create_app(
            {
                "DTOOL_LOOKUP_SERVER_HOME": home,
                "SQLALCHEMY_DATABASE_URI": "sqlite://",
                "SEARCH_PLUGIN": "sql",
                "RETRIEVE_PLUGIN": "sql",
            }
        )


def indented(text: str) -> Iterator[str]:
    """Yield the lines of a text as the content of a directive."""
    yield ""
    for line in text.splitlines():
        yield f"   {line}" if line else ""
    yield ""


class AllSettings(WrittenFromCode):
    """Every setting with its type, default and use, those of plugins last."""

    def lines(self) -> Iterator[str]:
        for setting in (*SETTINGS, *settings_of(SEARCH), *settings_of(RETRIEVE)):
            yield f".. setting:: {setting.name}"
            yield from indented(f"{setting.help}\n\n{self.properties(setting)}")

    def properties(self, setting: Setting) -> str:
        lines = [f":Type: {setting.type}"]
        if setting.choices:
            lines.append(f":One of: {', '.join(f'`{c}`' for c in setting.choices)}")
        if setting.default is not None:
            lines.append(f":Default: `{setting.default}`")
        if setting.secret:
            lines.append(":Secret: never shown")
        return "\n".join(lines)


class AllRoutes(WrittenFromCode):
    """Every route with what it takes and answers, those of the API first."""

    def lines(self) -> Iterator[str]:
        app = plain_app()
        document = app.test_client().get("/doc/openapi.json").get_json()
        groups = defaultdict(list)
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
            for method in METHODS:
                if method in rule.methods:
                    operation = Operation(document, path, method)
                    about = operation.about(app.view_functions[rule.endpoint])
                    groups[operation.group].append((f"{method} {path}", about))
        for group in sorted(groups, key=lambda name: (name == PAGES, name)):
            yield from (f".. rubric:: {group}", "")
            for signature, about in groups[group]:
                yield f".. route:: {signature}"
                yield from indented(about)


class Operation:
    """A method of a path, as the OpenAPI document has it, if it has."""

    def __init__(self, document: dict[str, Any], path: str, method: str):
        self._document = document
        self._path = document["paths"].get(path, {})
        self._operation = self._path.get(method.lower())

    @property
    def group(self) -> str:
        """What it is listed under."""
        return self._operation["tags"][0] if self._operation else PAGES

    def about(self, view: Any) -> str:
        """Return what it does, takes and answers."""
        if self._operation is None:
            return (view.__doc__ or "Return a file of the pages.").partition("\n")[0]
        parts = [
            self._operation.get("summary", ""),
            self._operation.get("description", ""),
            "\n".join(self._fields()),
        ]
        return "\n\n".join(part.strip() for part in parts if part)

    def _fields(self) -> Iterator[str]:
        everywhere = self._path.get("parameters", [])
        here = self._operation.get("parameters", [])
        parameters = [self._resolved(item) for item in [*everywhere, *here]]
        for place, label in (("path", "Path"), ("query", "Query")):
            names = [item["name"] for item in parameters if item["in"] == place]
            if names:
                yield f":{label}: {quoted(names)}"
        for content in (
            self._operation.get("requestBody", {}).get("content", {}).values()
        ):
            yield f":Body: {self._shape(content['schema'])}"
        for status, response in self._operation["responses"].items():
            if status.startswith("2"):
                yield f":{status}: {self._answer(self._resolved(response))}"

    def _answer(self, response: dict[str, Any]) -> str:
        content = response.get("content", {}).get("application/json", {})
        shape = self._shape(content["schema"]) if "schema" in content else ""
        return shape or response["description"]

    def _shape(self, schema: dict[str, Any], many: bool = False) -> str:
        """Return the names of a schema's fields as part of a sentence."""
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            return f"a list of {self._shape(schema['items'], many=True)}"
        names = list(schema.get("properties", ()))
        return f"{'objects' if many else 'an object'} with {quoted(names)}" * bool(
            names
        )

    def _resolved(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return what a reference within the document stands for."""
        if "$ref" not in item:
            return item
        target: Any = self._document
        for key in item["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return target


def quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


class AllCommands(WrittenFromCode):
    """Every command with its help and options, the server's own first."""

    def lines(self) -> Iterator[str]:
        # The script lists what it knows without an application, and has all of these.
        commands = {**plain_app().cli.commands, **command_line.commands}
        script = click.Group("dtool-lookup-server", commands)
        context = click.Context(script, info_name=script.name)
        found = list(commands_below(script, context))
        own = [item for item in found if is_own(item[0])]
        yield from (".. rubric:: The server's own", "")
        for command, inner in own:
            yield from self.about(command, inner)
        yield from (".. rubric:: Those of Flask and its extensions", "")
        for command, inner in found:
            if not is_own(command):
                yield from self.about(command, inner)

    def about(self, command: click.Command, context: click.Context) -> Iterator[str]:
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        records = [
            record
            for parameter in command.get_params(context)
            if isinstance(parameter, click.Option)
            and "--help" not in parameter.opts
            and (record := parameter.get_help_record(context))
        ]
        options = "\n".join(
            f"- `{flags.strip()}` {one_line(about)}" for flags, about in records
        )
        parts = (as_rst(command.help or ""), f"::\n\n   {usage}", options)
        yield f".. command:: {context.command_path}"
        yield from indented("\n\n".join(part for part in parts if part))


Command = tuple[click.Command, click.Context]


def commands_below(group: click.Group, context: click.Context) -> Iterator[Command]:
    """Yield the commands in a group and in the groups within it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from commands_below(command, inner)
        elif not command.hidden:
            yield command, inner


def is_own(command: click.Command) -> bool:
    return command.callback.__module__.startswith("dtool_lookup_server")


def as_rst(text: str) -> str:
    """Return a help text that was not written for Sphinx as one that is."""
    text = text.replace("\b\n", "").strip()
    return text if text.count("`") % 2 == 0 else text.replace("`", "'")


def one_line(text: str) -> str:
    return " ".join(as_rst(text).split())


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives, and :setting:, :route: and :command: to refer to each."""
    for name in ("setting", "route", "command"):
        app.add_object_type(name, name, f"%s ({name})", ref_nodeclass=nodes.literal)
    app.add_directive("all-settings", AllSettings)
    app.add_directive("all-routes", AllRoutes)
    app.add_directive("all-commands", AllCommands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
