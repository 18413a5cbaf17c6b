"""A visitor of the public map: one connection, requests one after the other."""

import asyncio


class Visitor:
    """One connection, as a proxy opens it for a visitor; requests one after the other."""

    def __init__(self, port: int, sender: int = 0) -> None:
        self.port = port
        self.address = f"10.{sender >> 16 & 255}.{sender >> 8 & 255}.{sender & 255}"

    async def __aenter__(self) -> "Visitor":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def ask(
        self, method: str, path: str, *, body: bytes = b"", media: str = "", encoding: str = "gzip"
    ) -> tuple[int, bytes]:
        head = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "X-Forwarded-Proto: https",
            f"X-Forwarded-For: {self.address}",
            f"Accept-Encoding: {encoding}",
            "Accept-Language: uk,en;q=0.5",
        ]
        if body:
            head += [f"Content-Type: {media}", f"Content-Length: {len(body)}"]
        self.writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await self.writer.drain()
        told = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(told[0].split()[1])
        fields = {name.lower(): value for name, _colon, value in (line.partition(": ") for line in told[1:])}
        if "content-length" in fields:
            return status, await self.reader.readexactly(int(fields["content-length"]))
        if fields.get("transfer-encoding") == "chunked":
            parts = []
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                parts.append((await self.reader.readexactly(size + 2))[:-2])
            await self.reader.readexactly(2)
            return status, b"".join(parts)
        return status, await self.reader.read()
