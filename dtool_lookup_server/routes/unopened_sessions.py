"""Flask's sessions, which only a plugin would use: none is read where there is none."""

from flask import Flask, Request, Response
from flask.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
)


class UnopenedSessions(SecureCookieSessionInterface):
    """Sessions in a signed cookie, as Flask's.

    To get ready to read or to write one takes as long as to find a user in the
    database.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session that a request has brought, or an empty one."""
        if app.secret_key and "HTTP_COOKIE" not in request.environ:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(
        self, app: Flask, session: SessionMixin, response: Response
    ) -> None:
        """Write the session that an answer is to bring, if anybody has used one."""
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)
