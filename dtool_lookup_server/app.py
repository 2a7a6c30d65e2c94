"""The application factory."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from flask import Flask, Response, g
from flask_smorest import Blueprint as SmorestBlueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from . import deadlines, keys, token_keys
from .application import Application
from .auth import note_origins
from .cli import COMMANDS
from .cli.base import RedLine
from .config import CONFIG_EXCLUSIONS, default_home, read_settings, with_texts_read
from .database import open_database
from .errors import ConfigurationError, PluginError
from .extensions import jwt, ma, migrate, sql_db
from .http_errors import register_error_handlers
from .json_output import FastJSONProvider
from .migrating import DIRECTORY, leave_shipped_migrations_alone
from .open_access import guard_open_access
from .plugins.registry import (
    EXTENSION_KEY,
    Plugins,
    configure_plugins,
    load_plugins,
    start_plugins,
)
from .rate_limits import limit_rate
from .routes import admin, config, dataset, notify, rest, token, user
from .routes.compression import compress
from .routes.conditional import tag_read
from .routes.cross_origin import allow_origins
from .routes.hardening import hardened
from .routes.short_way import ShortWay, go_on
from .routes.unopened_sessions import UnopenedSessions
from .routes.uri_path import URIConverter
from .watching.logs import configure_logs
from .watching.metrics import Metrics
from .watching.requests import RequestWatch, watch_requests
from .watching.stores import StoreWatch
from .watching.tracing import trace
from .web import api_docs, pages


def create_app(
    test_config: Mapping[str, Any] | None = None, plugins: Plugins | None = None
) -> Flask:
    """Make the server.

    :param test_config: settings that win over the environment and the defaults
    :param plugins: what to use in place of the plugins that are installed
    :returns: the application; app.search, app.retrieve, app.custom_extensions and
        app.plugins are the instances of the plugins, as in 0.18
    :raises ConfigurationError: naming a setting that is missing or wrong, or a plugin
        that is missing, ambiguous or broken
    """
    try:
        return _make_app(with_texts_read(test_config or {}), plugins)
    except ConfigurationError as error:
        if click.get_current_context(silent=True) is None:
            raise
        # A command of `flask` is at work, which would show a traceback.
        raise RedLine(str(error)) from None


def _make_app(overlay: dict[str, Any], plugins: Plugins | None) -> Flask:
    app = Application(
        __name__,
        template_folder="web/templates",
        static_folder="web/static",
    )
    app.json = FastJSONProvider(app)
    app.session_interface = UnopenedSessions()
    configure(app, overlay)
    configure_logs(app.config)
    watch = RequestWatch(Metrics() if app.config["METRICS_PORT"] else None)
    # The innermost: what plugins and others put around Flask is around this way too.
    app.wsgi_app = ShortWay(app, watch)  # type: ignore[method-assign]
    plugins = plugins or load_plugins(app.config)
    _attach(app, plugins)
    configure_plugins(app, plugins, overlay)
    _bind_extensions(app)
    start_plugins(app, plugins)
    _watch(app, plugins, watch)
    _register_routes(app, plugins)
    register_error_handlers(app)
    guard_open_access(app)
    _believe_proxies(app)
    for command in COMMANDS:
        app.cli.add_command(command)
    return app


def configure(app: Flask, overlay: Mapping[str, Any]) -> None:
    """Fill app.config from the environment, the overlay and the home folder.

    :raises ConfigurationError: naming a setting that is missing or wrong
    """
    # A wrong value in the environment does not matter where the overlay has its own.
    environ = {k: v for k, v in os.environ.items() if k not in overlay}
    app.config.from_mapping(read_settings(environ))
    app.config["CONFIG_SECRETS_TO_OBFUSCATE"] = list(CONFIG_EXCLUSIONS)
    app.config.from_mapping(overlay)
    home = Path(app.config["DTOOL_LOOKUP_SERVER_HOME"] or default_home(environ))
    app.config["DTOOL_LOOKUP_SERVER_HOME"] = str(home)
    if not app.config["SQLALCHEMY_DATABASE_URI"]:
        path = keys.make_home(home) / keys.DATABASE_FILE
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{path}"
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = keys.secret_key(home)
    _configure_keys(app.config, home)
    token_keys.configure(app)


def _configure_keys(settings: dict[str, Any], home: Path) -> None:
    public, public_file = settings["JWT_PUBLIC_KEY"], settings["JWT_PUBLIC_KEY_FILE"]
    private_file = settings["JWT_PRIVATE_KEY_FILE"]
    private = settings.get("JWT_PRIVATE_KEY")
    if private_file and not private:
        text = keys.read_key_file("JWT_PRIVATE_KEY_FILE", private_file)
        private = keys.checked_private_key("JWT_PRIVATE_KEY_FILE", text)
    if public:
        keys.checked_public_key("JWT_PUBLIC_KEY", public)
    elif public_file:
        text = keys.read_key_file("JWT_PUBLIC_KEY_FILE", public_file)
        public = keys.checked_public_key("JWT_PUBLIC_KEY_FILE", text)
    else:
        private = private or keys.private_key(home)
        public = keys.public_key_of(private)
    settings["JWT_PUBLIC_KEY"] = public
    settings["JWT_PRIVATE_KEY"] = private


def _attach(app: Flask, plugins: Plugins) -> None:
    app.extensions[EXTENSION_KEY] = plugins
    app.search = plugins.search  # type: ignore[attr-defined]
    app.retrieve = plugins.retrieve  # type: ignore[attr-defined]
    app.custom_extensions = plugins.extensions  # type: ignore[attr-defined]
    app.plugins = plugins.instances  # type: ignore[attr-defined]


def _bind_extensions(app: Flask) -> None:
    try:
        open_database(app)
    except ConfigurationError:
        raise
    except Exception as error:
        # The URL is wrong or its driver is missing; it may hold a password.
        raise ConfigurationError(
            f"Setting SQLALCHEMY_DATABASE_URI cannot be used: {type(error).__name__};"
            " it is to be a URL such as postgresql://USER@HOST/DATABASE"
        ) from None
    migrate.init_app(app, sql_db, directory=str(DIRECTORY), render_as_batch=True)
    leave_shipped_migrations_alone(migrate)
    ma.init_app(app)
    jwt.init_app(app)
    allow_origins(app)


def _believe_proxies(app: Flask) -> None:
    count = app.config["TRUSTED_PROXIES"]
    if count:
        counts = dict.fromkeys(("x_for", "x_proto", "x_host", "x_prefix"), count)
        app.wsgi_app = ProxyFix(app.wsgi_app, **counts)  # type: ignore[method-assign]


def _watch(app: Flask, plugins: Plugins, watch: RequestWatch) -> None:
    watch_requests(app, watch)
    note_origins(app)
    app.before_request(go_on)
    _end_in_time(app)
    limit_rate(app)
    if watch.metrics is not None:
        watch.metrics.serve(app, app.config["METRICS_PORT"])
    observers = [trace(app)] if app.config["TRACES"] else []
    stores = StoreWatch(app.config["SLOW_QUERY_MILLISECONDS"] / 1000, observers)
    stores.watch_plugins(plugins)
    with app.app_context():
        stores.watch_sql(sql_db.engine)


def _end_in_time(app: Flask) -> None:
    def begin() -> None:
        spent = time.perf_counter() - g.begun
        deadlines.begin(app.config["REQUEST_TIMEOUT"], spent)

    def lift(response: Response) -> Response:
        # What is sent bit by bit may take as long as there is somebody who reads it.
        deadlines.lift()
        return response

    def end(_error: BaseException | None) -> None:
        deadlines.lift()

    app.before_request(begin)
    app.after_request(lift)
    app.teardown_request(end)


def _register_routes(app: Flask, plugins: Plugins) -> None:
    app.url_map.converters["uri"] = URIConverter
    api = api_docs.API(app)
    blueprints = (
        config.bp,
        dataset.bp,
        user.bp,
        *admin.BLUEPRINTS,
        *rest.BLUEPRINTS,
        notify.bp,
    )
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    app.wsgi_app = hardened(app.wsgi_app)  # type: ignore[assignment,method-assign]
    # The last comes first: an answer is compressed with its ETag on it.
    app.after_request(compress)
    app.after_request(tag_read)
    app.register_blueprint(api_docs.bp)
    app.register_blueprint(pages.bp)
    for blueprint in [*_blueprints_of(plugins.extensions), *plugins.blueprints]:
        if isinstance(blueprint, SmorestBlueprint):
            # It may describe its routes at once, by names that wait to be described.
            api.describe_now()
            api.register_blueprint(blueprint)
        else:
            app.register_blueprint(blueprint)
            api_docs.document(app, api, blueprint)
    # Of two routes the first wins: a plugin may have a /token of its own.
    api.register_blueprint(token.bp)


def _blueprints_of(extensions: list[Any]) -> list[Any]:
    try:
        return [extension.get_blueprint() for extension in extensions]
    except Exception as error:
        raise PluginError(
            f"A plugin's get_blueprint failed: {type(error).__name__}: {error}"
        ) from error
