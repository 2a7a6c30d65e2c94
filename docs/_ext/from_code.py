"""Directives that write the reference from the code: settings, routes, commands.

`.. all-settings::` comes from the table of settings, `.. all-routes::` from the
application and its OpenAPI document, `.. all-commands::` from the command line.
"""

import re
import tempfile
from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from dtool_lookup_server import create_app
from dtool_lookup_server.cli.main import main
from dtool_lookup_server.config import SETTINGS, Setting

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class WrittenFromCode(SphinxDirective):
    """A directive whose content is reStructuredText that the code gives."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()))

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


def indented(text: str) -> Iterator[str]:
    """Yield the lines of a text as the content of a directive."""
    yield ""
    for line in text.splitlines():
        yield f"   {line}" if line else ""
    yield ""


class AllSettings(WrittenFromCode):
    """Every setting with its type, default and use."""

    def lines(self) -> Iterator[str]:
        for setting in SETTINGS:
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
    """Every route with what it takes and answers."""

    def lines(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory() as home:
            app = create_app(
                {
                    "DTOOL_LOOKUP_SERVER_HOME": home,
                    "SQLALCHEMY_DATABASE_URI": "sqlite://",
                    "SEARCH_PLUGIN": "sql",
                    "RETRIEVE_PLUGIN": "sql",
                }
            )
            self.document = app.test_client().get("/doc/openapi.json").get_json()
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            path = re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)
            for method in METHODS:
                if method in rule.methods:
                    view = app.view_functions[rule.endpoint]
                    yield f".. route:: {method} {path}"
                    yield from indented(self.about(method, path, view))

    def about(self, method: str, path: str, view: Any) -> str:
        operation = self.document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return (view.__doc__ or "").partition("\n")[0]
        parts = [
            operation.get("summary", ""),
            operation.get("description", ""),
            "\n".join(self.fields(operation)),
        ]
        return "\n\n".join(part.strip() for part in parts if part)

    def fields(self, operation: dict[str, Any]) -> Iterator[str]:
        parameters = [self.resolved(item) for item in operation.get("parameters", ())]
        for place, label in (("path", "Path"), ("query", "Query")):
            names = [item["name"] for item in parameters if item["in"] == place]
            if names:
                yield f":{label}: {quoted(names)}"
        body = operation.get("requestBody", {}).get("content", {})
        for content in body.values():
            yield f":Body: {self.shape(content['schema'])}"
        for status, response in operation.get("responses", {}).items():
            if status.isdigit():
                response = self.resolved(response)
                content = response.get("content", {}).get("application/json", {})
                shape = self.shape(content["schema"]) if "schema" in content else ""
                answer = f"{response.get('description', '')} {shape}".strip()
                yield f":{status}: {answer}"

    def shape(self, schema: dict[str, Any]) -> str:
        """Return the names of a schema's fields in a sentence."""
        schema = self.resolved(schema)
        if schema.get("type") == "array":
            return f"a list of {self.shape(schema['items'])}"
        names = list(schema.get("properties", ()))
        return f"an object with {quoted(names)}" if names else "any JSON"

    def resolved(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return what a reference within the document stands for."""
        if "$ref" not in item:
            return item
        target: Any = self.document
        for key in item["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return target


def quoted(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


class AllCommands(WrittenFromCode):
    """Every command of the console script, with its help and options."""

    def lines(self) -> Iterator[str]:
        context = click.Context(main, info_name="dtool-lookup-server")
        yield from self.below(main, context)

    def below(self, group: click.Group, context: click.Context) -> Iterator[str]:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            inner = click.Context(command, info_name=name, parent=context)
            if isinstance(command, click.Group):
                yield from self.below(command, inner)
            elif not command.hidden:
                yield f".. command:: {inner.command_path}"
                yield from indented(self.about(command, inner))

    def about(self, command: click.Command, context: click.Context) -> str:
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        text = (command.help or "").replace("\b\n", "").strip()
        records = [
            record
            for parameter in command.get_params(context)
            if (record := parameter.get_help_record(context))
            and not is_help(parameter)
        ]
        options = "\n".join(f"`{flags}`\n   {about}" for flags, about in records)
        return "\n\n".join(part for part in (text, f"::\n\n   {usage}", options) if part)


def is_help(parameter: click.Parameter) -> bool:
    return "--help" in parameter.opts


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives, and :setting:, :route: and :command: to refer to each."""
    for name in ("setting", "route", "command"):
        app.add_object_type(name, name, f"%s ({name})", nodes.literal)
    app.add_directive("all-settings", AllSettings)
    app.add_directive("all-routes", AllRoutes)
    app.add_directive("all-commands", AllCommands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
