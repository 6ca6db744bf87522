"""HTTP/1.1 over one connection that is kept, for tests with thousands of them."""

import asyncio
import json


class Gone(Exception):
    """The connection ended, or was never made."""


class Connection:
    def __init__(self, port, host="127.0.0.1"):
        self.host, self.port = host, port
        self.reader = self.writer = None

    async def open(self):
        try:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        except OSError as why:
            raise Gone(str(why)) from why

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def ask(self, method, target, body=None, headers=()):
        """Status and body; opens the connection where there is none."""
        if self.writer is None:
            await self.open()
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}:{self.port}",
                 *(f"{name}: {value}" for name, value in headers)]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        try:
            return await self.exchange("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as why:
            self.close()
            raise Gone(repr(why)) from why
        except asyncio.CancelledError:
            self.close()
            raise

    async def exchange(self, request):
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if line)
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            return status, await self.chunks()
        return status, await self.reader.readexactly(int(fields.get(b"content-length", b"0")))

    async def chunks(self):
        whole = b""
        while size := int(await self.reader.readline(), 16):
            whole += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()
        return whole


class Api:
    """The Remote Runtime API of a service, as the holder of a key."""

    def __init__(self, port, key):
        self.connection = Connection(port)
        self.headers = [("X-API-Key", key)]

    async def ask(self, method, target, body=None):
        status, text = await self.connection.ask(method, target, body, self.headers)
        return status, json.loads(text)

    async def wanted(self, method, target, body=None):
        status, told = await self.ask(method, target, body)
        if status != 200:
            raise RuntimeError(f"{method} {target}: {status} {told}")
        return told

    async def sandboxes(self):
        return (await self.wanted("GET", "/list"))["runtimes"]

    def close(self):
        self.connection.close()
