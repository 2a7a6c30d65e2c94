"""URIs as a part of a path."""

import re
from urllib.parse import unquote

from werkzeug.routing import PathConverter

# Encoded once more than it was decoded, by a proxy on the way.
_STILL_ENCODED = re.compile(r"[a-z][a-z0-9+.-]*(:|%3a)?%2f", re.IGNORECASE)

# A proxy may also make one slash of two; and the scheme may be the first segment.
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)(?::/(?!/)|(?<!:)/)", re.IGNORECASE)


class URIConverter(PathConverter):
    """A URI in a path, in any of its spellings: s3://bucket/x, encoded, s3/bucket/x."""

    regex = ".+"
    weight = 200
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the URI with its scheme."""
        if _STILL_ENCODED.match(value):
            value = unquote(value)
        return _SCHEME.sub(r"\1://", value, count=1) if _SCHEME.match(value) else value
