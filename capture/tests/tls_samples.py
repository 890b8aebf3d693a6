#!/usr/bin/env python3
"""Make the TLS captures of test_lua.sh: tls12-upgrade.pcapng and so on.

    python3 capture/tests/tls_samples.py

Python talks DERP to itself over the loopback interface; tcpdump records it and
editcap puts the session's secrets into the file.  Needs openssl, tcpdump,
editcap and the right to capture.
"""
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 45931
KEY = bytes(range(32))
UPGRADE = b"Upgrade: DERP\r\nConnection: Upgrade\r\n"


def frame(kind, payload):
    return bytes([kind]) + struct.pack(">I", len(payload)) + payload


SERVER = [
    frame(0x01, b"DERP\xf0\x9f\x94\x91" + KEY),
    frame(0x03, b"n" * 24 + b"b" * 29),
    frame(0x05, KEY),
    frame(0x05, KEY + bytes(100)),
    frame(0x05, KEY + bytes(5000)),
    frame(0x06, b""),
    frame(0x13, b"12345678"),
]
CLIENT = [
    frame(0x02, KEY + b"n" * 24 + b"b" * 48),
    frame(0x07, b"\1"),
    frame(0x04, KEY),
    frame(0x04, KEY + bytes(100)),
    frame(0x04, KEY + bytes(5000)),
    frame(0x12, b"12345678"),
]


def read_head(conn):
    got = b""
    while b"\r\n\r\n" not in got:
        got += conn.recv(4096)
    return got.split(b"\r\n\r\n", 1)[1]


def serve(listener, context, fast):
    conn = context.wrap_socket(listener.accept()[0], server_side=True)
    got = len(read_head(conn))
    if not fast:
        conn.sendall(b"HTTP/1.1 101 Switching Protocols\r\n" + UPGRADE + b"\r\n")
    conn.sendall(SERVER[0])
    while got < len(CLIENT[0]):
        got += len(conn.recv(65536))
    # A frame in two records, two frames in one.
    conn.sendall(SERVER[1])
    conn.sendall(SERVER[2] + SERVER[3])
    conn.sendall(SERVER[4][:3])
    time.sleep(0.01)
    conn.sendall(SERVER[4][3:4096])
    conn.sendall(SERVER[4][4096:] + SERVER[5])
    conn.sendall(SERVER[6])
    while got < sum(map(len, CLIENT)):
        got += len(conn.recv(65536))
    conn.close()


def talk(server, client, fast):
    listener = socket.create_server(("127.0.0.1", PORT))
    thread = threading.Thread(target=serve, args=(listener, server, fast))
    thread.start()
    conn = client.wrap_socket(socket.create_connection(("127.0.0.1", PORT)))
    ask = b"GET /derp HTTP/1.1\r\nHost: x\r\n" + UPGRADE
    if fast:
        conn.sendall(ask + b"Derp-Fast-Start: 1\r\n\r\n" + CLIENT[0])
    else:
        conn.sendall(ask + b"\r\n")
        read_head(conn)
        conn.sendall(CLIENT[0])
    for data in CLIENT[1:]:
        conn.sendall(data)
    while conn.recv(65536):
        pass
    thread.join()
    listener.close()


def sample(name, version, fast, tmp):
    cert, key = tmp + "/cert.pem", tmp + "/key.pem"
    if not os.path.exists(cert):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
             "-out", cert, "-subj", "/CN=localhost"],
            check=True, stderr=subprocess.DEVNULL)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    server.maximum_version = version
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.keylog_filename = tmp + "/" + name
    pcap = tmp + "/" + name + ".pcap"
    dump = subprocess.Popen(
        ["tcpdump", "-i", "lo", "-U", "-Z", "root", "-w", pcap, "port", str(PORT)],
        stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        talk(server, client, fast)
        time.sleep(2)
    finally:
        dump.terminate()
        dump.wait()
    subprocess.run(
        ["editcap", "--inject-secrets", "tls," + tmp + "/" + name, pcap,
         HERE + "/" + name + ".pcapng"], check=True)


with tempfile.TemporaryDirectory() as folder:
    sample("tls12-upgrade", ssl.TLSVersion.TLSv1_2, False, folder)
    sample("tls13-upgrade", ssl.TLSVersion.TLSv1_3, False, folder)
    sample("tls13-faststart", ssl.TLSVersion.TLSv1_3, True, folder)
