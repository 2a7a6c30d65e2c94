"""What can go wrong, in the words of the domain.

These exceptions know nothing of HTTP: http_errors.py gives each its status, and
the command line prints each as one red line. The first five carry the names, and
the built-in parents, that plugins written for 0.18 raise and catch.
"""


class DtoolLookupServerError(Exception):
    """Anything this server refuses or cannot do; str() says what to do about it."""

    def __str__(self) -> str:
        # KeyError, a parent of the two Unknown... errors, would show its repr.
        return str(self.args[0]) if self.args else ""


class ValidationError(DtoolLookupServerError, ValueError):
    """What was sent breaks a rule of datasets, users or base URIs."""


class InvalidFieldError(ValidationError):
    """A single field holds a value that can never be right.

    :param field: name of the field, as the client wrote it
    :param message: what is wrong with it
    """

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}")
        self.errors = {field: [message]}


class AuthenticationError(DtoolLookupServerError, ValueError):
    """The acting user is not registered here."""


class AuthorizationError(DtoolLookupServerError, ValueError):
    """The acting user is registered and may not do this."""


class UnknownBaseURIError(DtoolLookupServerError, KeyError):
    """No such base URI is registered."""


class UnknownURIError(DtoolLookupServerError, KeyError):
    """No dataset with this URI is registered."""


class UnknownUserError(DtoolLookupServerError, KeyError):
    """No such user is registered."""


class AlreadyExistsError(DtoolLookupServerError):
    """What should be added is there already."""


class RevokedTokenError(DtoolLookupServerError):
    """A token was good once, and is worthless now."""


class TokensOffError(DtoolLookupServerError):
    """This server issues no tokens for passwords."""


class NotificationsOffError(DtoolLookupServerError):
    """This server takes no events of storages."""


class TooManyAttemptsError(DtoolLookupServerError):
    """Somebody tries passwords faster than people do."""


class InUseError(DtoolLookupServerError):
    """What should be removed is still needed by something else."""


class EditsOffError(DtoolLookupServerError):
    """This server leaves datasets as they are."""


class StoreUnavailableError(DtoolLookupServerError):
    """A database or a plugin's store does not answer; trying again later may help."""


class NothingThereError(StoreUnavailableError):
    """A storage answers, but as if all that was there had gone at once."""


class TookTooLongError(StoreUnavailableError):
    """A request took longer than it may."""


class TooManyRequestsError(DtoolLookupServerError):
    """Somebody sends more requests than they may."""


class StoreFullError(StoreUnavailableError):
    """A store has no room; what needs none is still answered."""


class ConfigurationError(DtoolLookupServerError, RuntimeError):
    """A setting is missing or wrong; the message names it."""


class PluginError(ConfigurationError):
    """A plugin is missing, ambiguous or cannot be loaded; the message names it."""
