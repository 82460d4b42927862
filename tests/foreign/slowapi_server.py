"""A web service with slowapi's limiters: `slowapi_server.py PORT`, each /STRATEGY/NAME counted for itself."""

from __future__ import annotations

import sys

import uvicorn
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

LIMIT = "10 per 2 second"
NAMES = ("named", "kept", "half", "twice", "headers")


def by_path(request: Request) -> str:
    return str(request.path_params["name"])


def limited(strategy: str, *, headers: bool = True) -> Starlette:
    limiter = Limiter(key_func=by_path, strategy=strategy, headers_enabled=headers)

    @limiter.limit(LIMIT)
    async def chat(request: Request) -> PlainTextResponse:
        known = request.path_params["name"] in NAMES
        return PlainTextResponse("ok" if known else "no", status_code=200 if known else 404)

    app = Starlette(routes=[Route("/{name}", chat)])
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    return app


WAYS = {
    "fixed": limited("fixed-window"),
    "moving": limited("moving-window"),
    "counter": limited("sliding-window-counter"),
    "silent": limited("fixed-window", headers=False),
}

if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Mount(f"/{way}", app) for way, app in WAYS.items()]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
    )
