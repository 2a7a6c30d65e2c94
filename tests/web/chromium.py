"""Where Debian's Chromium is, and how it is started."""

import shutil

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium():
    """Return the path of Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
