"""The Flask extensions, made once and bound to each application by create_app."""

from flask_marshmallow import Marshmallow
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from .tokens import RememberingJWTManager

sql_db = SQLAlchemy()
migrate = Migrate()
jwt = RememberingJWTManager()
ma = Marshmallow()
