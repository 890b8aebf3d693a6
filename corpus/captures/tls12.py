#!/usr/bin/env python3
"""Speak TLS 1.2 to a server for clients that speak plainly.

    tls12.py HOST:PORT KEYLOG

The reference's client always takes TLS 1.3 when it is offered.  This stands
before it: prints `listen HOST:PORT`, and for every connection there opens one
to the server, in TLS 1.2 and whatever its certificate, and leaves the secrets
in KEYLOG.
"""
import socket
import ssl
import sys
import threading


def context(keylog):
    ctx = ssl.create_default_context()
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.keylog_filename = keylog
    return ctx


def relay(client, server):
    """Both ways in one thread: a TLS object is not for two."""
    server.settimeout(0.002)
    client.settimeout(0.002)
    ways = ((client, server), (server, client))
    while True:
        for source, to in ways:
            try:
                data = source.recv(16384)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data:
                client.close()
                server.close()
                return
            to.settimeout(5)
            to.sendall(data)
            to.settimeout(0.002)


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    ctx = context(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listen %s:%d" % listener.getsockname(), flush=True)
        while True:
            client, _ = listener.accept()
            plain = socket.create_connection((host, int(port)))
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = ctx.wrap_socket(plain)
            threading.Thread(target=relay, args=(client, server),
                             daemon=True).start()


main()
