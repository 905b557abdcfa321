# SPDX-License-Identifier: MIT
"""
agent: an application's connection to miio_agent, in one file without dependencies. Copy it beside your program.

It subscribes to the methods that the application serves and gets just those commands, answers them, reports properties and events, and
asks the daemons questions. It connects again by itself when the agent was restarted, and registers everything again.

With asyncio:

    async def main():
        async with Agent() as agent:
            await agent.subscribe("set_power", set_power)      # def or async def set_power(params, command): return ["ok"]
            await agent.report("props", {"power": "on"})
            print(await agent.call("local.query_time"))
            await agent.closed()

Without:

    agent = BlockingAgent()
    agent.subscribe("set_power", set_power)
    agent.run()                                                # or agent.call(...): commands are served while it waits

What a handler returns is the result; AgentError answers an error; anything else that it raises is answered as -5001 "failed".
"""
import asyncio
import codecs
import inspect
import json
import logging
import os
import random

__all__ = ["Agent", "BlockingAgent", "AgentError", "Lost", "Timeout"]

UNIX_PATH = "/run/miio/agent.sock"
TCP_PORT = 54320
CALL_TIMEOUT = 30.0           # seconds
RECONNECT = (0.1, 5.0)        # seconds: the first pause and the longest one; each doubles the last, with jitter
OLD_AGENT = 0.2               # seconds: one that does not answer to register in this time never does
TEXT_MAX = 1 << 20            # bytes: the agent takes no longer text
ID_MAX = 2**31 - 1            # ids stay within a C int, as other programs keep them in one
INVALID_PARAMS = -32602
FAILED = -5001                # a maker's own codes are -5000 to -9999

log = logging.getLogger("agent")


class AgentError(Exception):
    """An error object of JSON-RPC: raise it in a handler, catch it around a call."""

    def __init__(self, code, message="error", data=None):
        super().__init__(code, message)
        self.code, self.message, self.data = code, message, data

    def __str__(self):
        return f"{self.message} ({self.code})"


class Lost(ConnectionError):
    """The connection ended before the answer came."""


class Timeout(TimeoutError):
    """No answer in time."""


# ---- the protocol, without input and output ----

class Texts:
    """JSON texts back to back, cut anywhere."""

    def __init__(self):
        self._decoder, self._utf8, self._text = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")(), ""

    def feed(self, data):
        """The messages that are whole now. ValueError: the bytes are not the protocol."""
        self._text += self._utf8.decode(data)
        messages, at = [], 0
        while True:
            while at < len(self._text) and self._text[at] in " \t\r\n\0":
                at += 1
            if at == len(self._text):
                break
            if self._text[at] != "{":
                raise ValueError("not an object")
            try:
                message, at = self._decoder.raw_decode(self._text, at)
            except ValueError:
                if len(self._text) - at > TEXT_MAX:
                    raise
                break
            messages.append(message)
        self._text = self._text[at:]
        return messages


def encode(message):
    data = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    if len(data) > TEXT_MAX:
        raise ValueError(f"a text of {len(data)} bytes, {TEXT_MAX} are possible")
    return data


def addresses(address=None):
    """What to connect to, in turn: ("unix", path) or ("tcp", host, port). The same forms as the C library's."""
    address = address or os.environ.get("MIIO_AGENT")
    if not address:
        return [("unix", UNIX_PATH), ("tcp", "127.0.0.1", TCP_PORT)]
    kind, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    if kind == "unix" and rest:
        return [("unix", rest)]
    if kind == "tcp" and host and port.isdigit() and 0 < int(port) < 65536:
        return [("tcp", host.strip("[]"), int(port))]
    raise ValueError(f"{address!r} is neither unix:PATH nor tcp:HOST:PORT")


# ---- asyncio ----

class Agent:
    """A connection. All methods belong to the event loop that runs it."""

    def __init__(self, address=None, on_state=None):
        """on_state(connected) is called on every change."""
        self._addresses, self._on_state = addresses(address), on_state
        self._handlers = {}           # key -> (handler, mode)
        self._calls = {}              # id -> future
        self._next_id = random.randrange(1, ID_MAX)
        self._writer, self._task, self._tasks = None, None, set()
        self._ready = asyncio.Event()

    async def __aenter__(self):
        self.open()
        return self

    async def __aexit__(self, *_):
        await self.close()

    def open(self):
        """Begins to connect; returns at once."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    async def close(self):
        """Gives up what is under way and closes; what was written still goes out."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.gather(task, *self._tasks, return_exceptions=True)

    async def closed(self):
        """Waits until somebody closes."""
        while self._task:
            await asyncio.wait([self._task])

    @property
    def connected(self):
        return self._writer is not None

    # -- commands --

    async def subscribe(self, key, handler, mode=None):
        """
        Commands of this method, or with a key that ends in '*' of all with that prefix, go to handler(params, command). mode: None,
        "exclusive" (AgentError when the key has an owner) or "standby". Waits for the agent's answer while there is a connection;
        otherwise the next connection begins with it.
        """
        if key in self._handlers:
            raise ValueError(f"{key} is subscribed already")
        self._handlers[key] = (handler, mode)
        if self.connected:
            try:
                await self._register(key, mode)
            except AgentError:
                del self._handlers[key]
                raise

    async def unsubscribe(self, key):
        if self._handlers.pop(key, None) and self.connected:
            self._send({"method": "unregister", "key": key})

    # -- requests and reports --

    async def call(self, method, params=None, timeout=CALL_TIMEOUT):
        """The result of a request to the daemons above. AgentError: theirs; Lost; Timeout."""
        return await self._within(self._call({"method": method, "params": [] if params is None else params}), timeout, method)

    async def report(self, method, params, ack=False, timeout=CALL_TIMEOUT):
        """A report ("props", "prop.x", "event.x", "properties_changed"); with ack its acknowledgement is waited for."""
        if ack:
            return await self.call(method, params, timeout)
        await self._within(self._ready.wait(), timeout, method)
        self._send({"method": method, "params": params})
        return None

    # -- inside --

    async def _within(self, what, timeout, method):
        try:
            return await asyncio.wait_for(what, timeout)
        except asyncio.TimeoutError:
            raise Timeout(f"{method}: no answer within {timeout} s") from None

    async def _call(self, message):
        await self._ready.wait()
        return await self._ask(message)

    async def _ask(self, message):
        self._next_id = self._next_id % ID_MAX + 1
        number, future = self._next_id, asyncio.get_running_loop().create_future()
        self._calls[number] = future
        try:
            self._send({"id": number, **message})
            return await future
        finally:
            self._calls.pop(number, None)

    def _send(self, message):
        if self._writer is None:
            raise Lost("not connected")
        self._writer.write(encode(message))

    async def _register(self, key, mode):
        message = {"method": "register", "key": key, **({"mode": mode} if mode else {})}
        try:
            await asyncio.wait_for(self._ask(message), OLD_AGENT)
        except asyncio.TimeoutError:
            log.debug("%s: no answer to register, taken for granted", key)

    async def _connect(self):
        for kind, *where in self._addresses:
            try:
                if kind == "unix":
                    return await asyncio.open_unix_connection(*where)
                return await asyncio.open_connection(*where)
            except OSError as e:
                log.debug("%s: %s", where, e)
        return None, None

    async def _run(self):
        pause, told = RECONNECT[0], False
        while True:
            reader, writer = await self._connect()
            if writer is None:
                if not told:
                    log.warning("no agent at %s yet", self._addresses)
                told = True
            else:
                try:
                    if await self._session(reader, writer):
                        pause, told = RECONNECT[0], False
                finally:
                    self._lost(writer)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(pause * 2, RECONNECT[1])

    async def _session(self, reader, writer):
        """True: it lasted, so the next try need not wait long."""
        texts, lasted = Texts(), False
        self._writer = writer
        self._spawn(self._register_all())
        try:
            while data := await reader.read(65536):
                for message in texts.feed(data):
                    self._take(message)
                lasted = True
                await writer.drain()
        except (OSError, ValueError) as e:
            log.warning("connection given up: %s", e)
        return lasted

    async def _register_all(self):
        results = await asyncio.gather(*(self._register(k, m) for k, (_, m) in list(self._handlers.items())), return_exceptions=True)
        for key, result in zip(list(self._handlers), results):
            if isinstance(result, AgentError):
                log.error("%s: %s", key, result)
        if self.connected:
            self._ready.set()
            if self._on_state:
                self._on_state(True)

    def _lost(self, writer):
        was_ready = self._ready.is_set()
        self._ready.clear()
        self._writer = None
        writer.close()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(Lost("the connection ended"))
        if was_ready and self._on_state:
            self._on_state(False)

    def _take(self, message):
        number, future = message.get("id"), None
        if isinstance(number, int):
            future = self._calls.get(number)
        is_answer = "method" not in message or (future is not None and str(message["method"]).startswith("local."))
        if not is_answer:
            self._spawn(self._serve(message))
        elif future is not None and not future.done():
            error = message.get("error")
            if isinstance(error, dict):
                future.set_exception(AgentError(error.get("code", 0), error.get("message", "error"), error.get("data")))
            else:
                future.set_result(message["result"] if "result" in message else message.get("params"))
        elif "error" in message and number is None:
            log.error("the agent says %s", message["error"])

    def _handler(self, method):
        if method in self._handlers:
            return self._handlers[method][0]
        fitting = [k for k in self._handlers if k.endswith("*") and method.startswith(k[:-1])]
        return self._handlers[max(fitting, key=len)][0] if fitting else None

    async def _serve(self, command):
        handler, answer = self._handler(str(command["method"])), {}
        if handler is None:
            return
        try:
            result = handler(command.get("params", []), command)
            answer["result"] = await result if inspect.isawaitable(result) else result
            if answer["result"] is None:
                answer["result"] = ["ok"]
        except AgentError as e:
            answer["error"] = {"code": e.code, "message": e.message, **({"data": e.data} if e.data is not None else {})}
        except Exception:  # the application's fault must not silence the connection
            log.exception("%s", command["method"])
            answer["error"] = {"code": FAILED, "message": "failed"}
        if "id" in command and self.connected:
            self._send({"id": command["id"], **answer})

    def _spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task):
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() and not isinstance(task.exception(), Lost):
            log.error("%r", task.exception())


# ---- without asyncio ----

class BlockingAgent:
    """The same for programs without an event loop. Commands are served while one of its methods waits; one thread only."""

    def __init__(self, address=None, on_state=None):
        self._loop = asyncio.new_event_loop()
        self._agent = self._wait(self._make(address, on_state))

    @staticmethod
    async def _make(address, on_state):
        agent = Agent(address, on_state)
        agent.open()
        return agent

    def _wait(self, what):
        return self._loop.run_until_complete(what)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def subscribe(self, key, handler, mode=None):
        self._wait(self._agent.subscribe(key, handler, mode))

    def unsubscribe(self, key):
        self._wait(self._agent.unsubscribe(key))

    def call(self, method, params=None, timeout=CALL_TIMEOUT):
        return self._wait(self._agent.call(method, params, timeout))

    def report(self, method, params, ack=False, timeout=CALL_TIMEOUT):
        return self._wait(self._agent.report(method, params, ack, timeout))

    def run(self, seconds=None):
        """Serves commands for so long; None: until an exception (KeyboardInterrupt, say)."""
        self._wait(asyncio.sleep(seconds) if seconds is not None else self._agent.closed())

    def close(self):
        self._wait(self._agent.close())
        self._loop.close()
