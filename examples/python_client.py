#!/usr/bin/env python3
"""Serves the method "py.add" over the agent's TCP port, and asks one question first. No library but Python's own.

    python_client.py [PORT]
"""
import json
import socket
import sys


class Agent:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.text = ""
        self.decoder = json.JSONDecoder()

    def send(self, **message):
        self.sock.sendall(json.dumps(message).encode())

    def receive(self):
        """The next message. They come back to back, and in pieces."""
        while True:
            self.text = self.text.lstrip(" \r\n\0")
            if self.text:
                try:
                    message, end = self.decoder.raw_decode(self.text)
                    self.text = self.text[end:]
                    return message
                except ValueError:
                    pass  # not whole yet
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("the agent closed the connection")
            self.text += data.decode()  # fine here; a general program decodes incrementally


def main():
    agent = Agent(int(sys.argv[1]) if len(sys.argv) > 1 else 54320)
    agent.send(id=1, method="register", key="py.add")
    print("registered:", agent.receive(), flush=True)
    while True:
        command = agent.receive()
        print("command:", command, flush=True)
        if "method" in command and "id" in command:
            agent.send(id=command["id"], result=[sum(command["params"])])


if __name__ == "__main__":
    try:
        main()
    except (EOFError, KeyboardInterrupt, ConnectionError) as e:
        print(e or "bye")
