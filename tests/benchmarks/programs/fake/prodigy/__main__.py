"""Binds the port it was given and answers each request with the same few bytes."""

import os
import socket

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

with socket.socket() as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(os.environ["PRODIGY_PORT"])))
    listener.listen(16)
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(4096):
                connection.sendall(REPLY)
