"""TLS of one connection, verified, without a socket of its own: bytes of the network in and out by memory."""

from __future__ import annotations

import ssl

_RECORD = 16_384  # no record of TLS holds more


class TlsLost(Exception):
    """Why TLS ended, in a few words."""


class Tls:
    """A client's side of it. What has to go to the network after any call is in `outgoing`."""

    __slots__ = ("_in", "_out", "_tls", "ended")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self.ended = False  # the server said that it sends nothing more

    def handshake(self, data: bytes | None) -> bool:
        """True once it stands. `data` came from the network, empty is its end, None is nothing. May raise TlsLost."""
        if data:
            self._in.write(data)
        elif data is not None:
            self._in.write_eof()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise TlsLost(f"TLS: {error.verify_message.rstrip('.')}") from None
        except ssl.SSLError as error:
            raise TlsLost(f"TLS: {error.reason or error.strerror or type(error).__name__}") from None
        return True

    def encrypt(self, plain: bytes) -> bytes:
        """Bytes for the network. May raise TlsLost."""
        try:
            self._tls.write(plain)
        except ssl.SSLError as error:
            raise TlsLost(f"TLS: {error.reason or type(error).__name__}") from None
        return self._out.read()

    def decrypt(self, data: bytes) -> bytes:
        """Whatever is complete of what came from the network; maybe nothing. May raise TlsLost."""
        self._in.write(data)
        found = b""
        try:
            while True:
                plain = self._tls.read(_RECORD)
                if not plain:
                    self.ended = True
                    return found
                found = found + plain if found else plain
                if not self._in.pending:  # a whole record was read, so that nothing of it is left
                    return found
        except ssl.SSLWantReadError:
            return found
        except ssl.SSLError as error:
            if found:
                self.ended = True
                return found
            raise TlsLost(f"TLS: {error.reason or type(error).__name__}") from None

    @property
    def outgoing(self) -> bytes:
        """Bytes for the network that nobody asked for by `encrypt`: a handshake, the answer to a key update."""
        return self._out.read() if self._out.pending else b""
