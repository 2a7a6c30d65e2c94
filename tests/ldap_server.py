"""An LDAP server with one user, as a program: it prints the ports that it listens on.

Two ports: one plain, one with TLS. It ends with the program that started it.
"""

import sys
import warnings
from io import BytesIO

warnings.simplefilter("ignore")  # of what ldaptor needs

from ldaptor.inmemory import fromLDIFFile  # noqa: E402
from ldaptor.interfaces import IConnectedLDAPEntry  # noqa: E402
from ldaptor.protocols.ldap.ldapserver import LDAPServer  # noqa: E402
from twisted.internet import endpoints, protocol, reactor, stdio  # noqa: E402
from twisted.python.components import registerAdapter  # noqa: E402

DIRECTORY = """\
dn: dc=example,dc=org
dc: example
objectClass: dcObject

dn: ou=people,dc=example,dc=org
ou: people
objectClass: organizationalUnit

dn: uid=grumpy,ou=people,dc=example,dc=org
uid: grumpy
objectClass: person
userPassword: {password}

"""


class Factory(protocol.ServerFactory):
    """What each connection asks for the directory."""

    protocol = LDAPServer
    debug = False

    def __init__(self, root):
        self.root = root


class Parent(protocol.Protocol):
    """Whoever started this program."""

    def connectionLost(self, reason=protocol.connectionDone):  # noqa: N802
        """End when it does."""
        reactor.stop()


def serve(root, certificate):
    """Listen on both ports, and print them."""
    ports = []

    def show(port):
        ports.append(port.getHost().port)
        if len(ports) == 2:
            print(*ports, flush=True)

    tls = f"ssl:0:interface=127.0.0.1:privateKey={certificate}:certKey={certificate}"
    plain = endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    plain.listen(Factory(root)).addCallback(show).addCallback(
        lambda _: (
            endpoints.serverFromString(reactor, tls)
            .listen(Factory(root))
            .addCallback(show)
        )
    )


if __name__ == "__main__":
    registerAdapter(lambda factory: factory.root, Factory, IConnectedLDAPEntry)
    _, password, certificate = sys.argv
    text = DIRECTORY.format(password=password).encode()
    fromLDIFFile(BytesIO(text)).addCallback(serve, certificate)
    stdio.StandardIO(Parent())
    reactor.run()
