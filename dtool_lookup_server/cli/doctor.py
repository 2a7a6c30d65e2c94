"""doctor: what is wrong with an installation, and what to do about it."""

import click
from flask.cli import ScriptInfo

from ..services import diagnosis
from ..services.diagnosis import Finding
from .base import Command, fail


@click.command("doctor", cls=Command)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Check the installation; say what is wrong, and what to do about it.

    Looks at settings, keys, passwords, disk, plugins, stores, database, migrations,
    full text and clock. The exit status is 0 if all is well.
    """
    try:
        app = context.ensure_object(ScriptInfo).load_app()
    except click.ClickException as error:
        _print(Finding("settings", "cannot be used", error.format_message()))
        fail("1 problem")
    with app.app_context():
        findings = []
        for finding in diagnosis.examine():
            findings.append(finding)
            _print(finding)
    problems = sum(bool(finding.remedy) for finding in findings)
    if problems:
        fail("1 problem" if problems == 1 else f"{problems} problems")


def _print(finding: Finding) -> None:
    mark = click.style("!! ", fg="red") if finding.remedy else "ok "
    remedy = f": {finding.remedy}" if finding.remedy else ""
    click.echo(f"{mark} {finding.subject:<20} {finding.state}{remedy}")
