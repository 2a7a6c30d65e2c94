"""The console script: the commands of `flask`, without FLASK_APP."""

from flask.cli import FlaskGroup

from .app import create_app

main = FlaskGroup(
    name="dtool-lookup-server",
    create_app=create_app,
    help="The central index over the base URIs of dtool datasets.",
)

if __name__ == "__main__":
    main()
