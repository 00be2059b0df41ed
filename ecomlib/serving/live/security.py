"""Decides who may ask: by the name the service is called by, the page that asks, and a key (lesson 08, section 2).

A browser sends what any page tells it to. A page of another site may point its own name at this machine and then read
and write here (DNS rebinding), so the name in ``Host`` must be one of this service's, and a page that writes must be
its own.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, HTTPException

from ecomlib.serving.live.audit import say
from ecomlib.serving.live.configuration import ServeSettings

BODY_SECONDS = 10.0  # in which a request's body must have come
# Sent by POST, but nothing of the shop is written: a question, and the game beside it (``play.py``).
_ASKS = frozenset({"/whatif", "/offer", "/play/begin", "/play/suggest", "/play/week"})
_OPEN = frozenset({"/health"})  # needs no key
_ID = re.compile(r"[\w.:+/=@-]{1,100}", re.ASCII)


class Guard:
    """Refuses requests by Host, Origin and key, ends slow ones, and answers HEAD like GET (ASGI).

    Each refused write is logged with the caller's address and the request's id, which the answer holds too.
    """

    def __init__(self, app: Any, settings: ServeSettings, admits: Any = None) -> None:
        self.app, self.settings, self.admits = app, settings, admits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        writes = inner["method"] not in ("GET", "OPTIONS")
        takes = writes and scope["path"] not in _ASKS
        call = _Call(send, scope, headers)
        try:
            refused = self._refusal(inner, headers, writes)
            if (
                not refused
                and writes
                and scope["path"] not in _ASKS
                and self.admits is not None
                and await self.admits()
            ):
                refused = (503, "the database does not answer: send again later", ("header", ""))
            if refused:
                await call.refuse(*refused)
            else:
                await self.app(inner, _in_time(receive) if writes else receive, call.send)
        except asyncio.CancelledError:  # the server ends and waits no longer: an answer in place of a traceback
            if not call.begun:
                await call.refuse(503, "the service ends: send again later", ("header", ""))
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]  # is counted by its name
            if takes and call.status >= 400:
                call.log()

    def _refusal(self, scope: Any, headers: Mapping[str, str], writes: bool) -> tuple[int, str, tuple[str, str]] | None:
        host = headers.get("host", "")
        if not known_host(host, self.settings):
            return 400, "this service is not known by that name: --allowed-host adds one", ("header", "host")
        if writes and not own_page(headers, host, self.settings):
            return 403, "a page of another site may not write here", ("header", "origin")
        given, path = headers.get("authorization", ""), scope["path"]
        if scope["method"] == "OPTIONS" or path in _OPEN:
            return None
        if writes and path not in _ASKS:
            if self.settings.write_key and not _bears(given, self.settings.write_key):
                return 401, "the write key is missing or wrong", ("header", "authorization")
        elif self.settings.read_key and not any(
            key and (_bears(given, key) or _types(given, key))
            for key in (self.settings.read_key, self.settings.write_key)
        ):
            return 401, "the read key is missing or wrong", ("header", "authorization")
        return None


class _Call:
    """Sends one answer, and remembers what is needed for the log."""

    def __init__(self, send: Any, scope: Any, headers: Mapping[str, str]) -> None:
        self._send, self._scope = send, scope
        given = headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        self.begun, self.status, self.why = False, 0, ""

    async def send(self, message: Any) -> None:
        """Send on; without a body where the question was HEAD."""
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            if self._scope["method"] not in ("GET", "HEAD"):
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id.encode())]
        elif message["type"] == "http.response.body":
            if self.status >= 400 and not self.why:
                self.why = message.get("body", b"")[:300].decode("utf-8", "replace")
            if self._scope["method"] == "HEAD":
                message = {**message, "body": b""}
        await self._send(message)

    async def refuse(self, status: int, message: str, loc: tuple[str, str]) -> None:
        """Answer that the request is refused, in the shape of every refusal."""
        detail: Any = [{"loc": list(loc), "msg": message, "type": "refused"}] if status < 500 else message
        body = json.dumps({"detail": detail}, separators=(",", ":")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 401:
            reads = b'Bearer, Basic realm="ecomlib", charset="UTF-8"' if "read" in message else b"Bearer"
            headers.append((b"www-authenticate", reads))
        if status == 503:
            headers += [(b"retry-after", b"1"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    def log(self) -> None:
        """Log a write that was refused: who, what, why; never what it bore."""
        say(
            "refused write",
            status=self.status,
            method=self._scope["method"],
            path=self._scope["path"],
            client=":".join(map(str, self._scope.get("client") or ("?",))),
            request_id=self.id,
            why=self.why,
        )


def known_host(host: str, settings: ServeSettings) -> bool:
    """Check the name by which a caller reached the service: of loopback, its own, or one that is allowed."""
    if "*" in settings.allowed_hosts:
        return True
    name = _name(host)
    if not name:
        return False
    if name in ("localhost", settings.host.lower(), *settings.allowed_hosts):
        return True
    try:
        address = ipaddress.ip_address(name)
        listens = ipaddress.ip_address(settings.host)
    except ValueError:
        return _loopback(name)
    # No page can point an address elsewhere, so where all are listened on, any is this machine's.
    return address.is_loopback or listens.is_unspecified


def own_page(headers: Mapping[str, str], host: str, settings: ServeSettings) -> bool:
    """Check that a request which writes comes from no page, from the service's own, or from one of an allowed name."""
    if headers.get("sec-fetch-site", "").lower() == "cross-site":
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        place = urlsplit(origin)
        name = place.hostname or ""
    except ValueError:
        return False
    return bool(name) and (place.netloc.lower() == host.lower() or name in settings.allowed_hosts)


def describe_keys(app: FastAPI, settings: ServeSettings) -> None:
    """Say in the OpenAPI description which requests must bear which key; nothing where none is asked for."""
    keys = {"write_key": settings.write_key, "read_key": settings.read_key}
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = plain()
            parts = made.setdefault("components", {})
            parts["securitySchemes"] = {name: {"type": "http", "scheme": "bearer"} for name, key in keys.items() if key}
            for path, methods in made["paths"].items():
                for method, route in methods.items():
                    name = "read_key" if method in ("get", "head") or path in _ASKS else "write_key"
                    if keys[name] and path not in _OPEN:
                        route["security"] = [{name: []}]
                        route["responses"].setdefault("401", {"description": "the key is missing or wrong"})
        return app.openapi_schema or {}

    if any(keys.values()):
        app.openapi = described  # type: ignore[method-assign]


def _name(host: str) -> str:
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - it raises where it is no number
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if parts.netloc == host and "@" not in host else ""


def _loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _bears(given: str, key: str) -> bool:
    """Compare in constant time; the word before the key may be written in any case."""
    word, _, held = given.partition(" ")
    return hmac.compare_digest(held.strip().encode("latin-1", "replace"), key.encode()) and word.lower() == "bearer"


def _types(given: str, key: str) -> bool:
    """The same for a key typed as a password into a browser: it reads the control room so."""
    word, _, held = given.partition(" ")
    try:
        password = base64.b64decode(held.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(password, key.encode()) and word.lower() == "basic"


def _in_time(receive: Any) -> Any:
    """Receive a body as long as it comes in time; 408 after that."""
    end, whole = time.monotonic() + BODY_SECONDS, False

    async def part() -> Any:
        nonlocal whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.001))
        except TimeoutError:
            raise HTTPException(408, "the body did not come in time", {"Connection": "close"}) from None
        whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return part
