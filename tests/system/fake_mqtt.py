# SPDX-License-Identifier: MIT
"""An MQTT server that behaves as badly as a test wants: it accepts every login, and then does as it is told."""
import socket
import struct
import threading


def packet(head, body):
    n, length = len(body), b""
    while True:
        length += bytes([(n & 127) | (128 if n > 127 else 0)])
        n >>= 7
        if n == 0:
            return bytes([head]) + length + body


def publish(topic, payload, qos=0, mid=1, retain=False):
    body = struct.pack(">H", len(topic)) + topic.encode()
    return packet(0x30 | qos << 1 | retain, body + (struct.pack(">H", mid) if qos else b"") + payload)


class FakeServer:
    """suback: the code that each subscription gets, None: silence, "close": the connection ends.
    after_connack: "close" ends each session at once, or with subscriptions_first behind its third one. mine(topic, payload): called for what the client publishes."""

    def __init__(self, suback=None, after_connack=None, subscriptions_first=False, mine=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.suback, self.after_connack, self.mine = suback or (lambda topic, qos: qos), after_connack, mine
        self.subscriptions_first = subscriptions_first
        self.connects, self.subscribed, self.published = 0, [], []
        self.client = None
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def send(self, data):
        """All of it in one go, while the client's answers are read by the other thread."""
        with self._lock:
            self.client.sendall(data)

    def _serve(self, client):
        try:
            stream = client.makefile("rb")
            while self._packet(client, stream):
                pass
        except (OSError, EOFError, struct.error):
            pass
        client.close()

    def _packet(self, client, stream):
        head = stream.read(1)
        if not head:
            return False
        length, shift = 0, 0
        while True:
            byte = stream.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return self._take(client, head[0], stream.read(length))

    def _take(self, client, head, body):
        kind = head >> 4
        if kind == 1:
            self.connects += 1
            client.sendall(b"\x20\x02\0\0")
            self.client = client
            return self.subscriptions_first or self.after_connack != "close"
        if kind == 3:
            return self._publish(client, head, body)
        if kind == 6:
            self._answer(client, b"\x70\x02" + body[:2])
        elif kind == 8:
            return self._subscribe(client, body)
        elif kind == 10:
            self._answer(client, b"\xb0\x02" + body[:2])
        elif kind == 12:
            self._answer(client, b"\xd0\0")
        return kind != 14

    def _answer(self, client, data):
        with self._lock:
            client.sendall(data)

    def _publish(self, client, head, body):
        n = struct.unpack(">H", body[:2])[0]
        topic, rest, qos = body[2:2 + n].decode(), body[2 + n:], head >> 1 & 3
        if qos:
            self._answer(client, (b"\x40\x02" if qos == 1 else b"\x50\x02") + rest[:2])
            rest = rest[2:]
        self.published.append((topic, rest))
        if self.mine:
            self.mine(topic, rest)
        return True

    def _subscribe(self, client, body):
        n = struct.unpack(">H", body[2:4])[0]
        topic, qos = body[4:4 + n].decode(), body[4 + n]
        self.subscribed.append((topic, qos))
        code = self.suback(topic, qos)
        if code == "close":
            return False
        if code is not None:
            self._answer(client, b"\x90\x03" + body[:2] + bytes([code]))
        return not (self.subscriptions_first and self.after_connack == "close" and len(self.subscribed) % 3 == 0)

    def close(self):
        self.socket.close()
        if self.client:
            self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
