"""Flask's sessions, which only a plugin would use: none is read where there is none."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface


class UnopenedSessions(SecureCookieSessionInterface):
    """Sessions in a signed cookie, as Flask's.

    To get ready to read one takes as long as to find a user in the database.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session that a request has brought, or an empty one."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)
