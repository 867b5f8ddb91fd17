"""Feature flags and remote configuration, as answers without flags: SDKs ask for them at every start.

No SDK of ours evaluates flags, so the answers are the valid ones of a project that has none.
"""

from collections.abc import Mapping
from time import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from furze.kit import json
from furze.kit.ids import uuid7

#: The path that posthog-js sends events to, once it has read its configuration.
ANALYTICS_ENDPOINT = "/i/v0/e/"

_NO_DEFINITIONS: Mapping[str, Any] = {"flags": [], "group_type_mapping": {}, "cohorts": {}}
_DEFINITIONS_TAG = '"no-flags"'
_CACHE = {"Cache-Control": "public, max-age=300"}


def routes() -> list[Route]:
    """Flags, flag definitions and remote configuration. Paths have no trailing slash."""
    return [
        Route("/flags", _flags, methods=["GET", "POST", "OPTIONS"]),
        Route("/decide", _flags, methods=["GET", "POST", "OPTIONS"]),
        Route("/flags/definitions", _definitions),
        Route("/api/feature_flag/local_evaluation", _definitions),
        Route("/array/{token}/config", _config),
        Route("/array/{token}/config.js", _config_script),
    ]


def remote_config(token: str) -> dict[str, Any]:
    """What a browser library needs to know before it starts."""
    return {
        "token": token,
        "supportedCompression": ["gzip", "gzip-js"],
        "hasFeatureFlags": False,
        "captureDeadClicks": False,
        "capturePerformance": False,
        # A boolean, or autocapture stays off for new visitors.
        "autocapture_opt_out": False,
        "autocaptureExceptions": False,
        "analytics": {"endpoint": ANALYTICS_ENDPOINT},
        "elementsChainAsString": True,
        "errorTracking": {"autocaptureExceptions": False, "suppressionRules": []},
        "logs": {"captureConsoleLogs": False},
        "sessionRecording": False,
        "heatmaps": False,
        "surveys": False,
        "productTours": False,
        "conversations": False,
        "defaultIdentifiedOnly": True,
        "siteApps": [],
        "toolbarParams": {},
        "isAuthenticated": False,
    }


async def _flags(request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": "GET, POST, OPTIONS"})
    common = {"errorsWhileComputingFlags": False, "requestId": str(uuid7())}
    is_decide = request.scope["path"] == "/decide"
    version = request.query_params.get("v", "1")
    if not is_decide and version != "1":
        return JSONResponse({"flags": {}, "evaluatedAt": int(time() * 1000), **common})
    answer: dict[str, Any] = {"featureFlags": [] if version == "1" else {}, "featureFlagPayloads": {}, **common}
    if version == "4":
        answer["flags"] = {}
    return JSONResponse({**remote_config(""), **answer} if is_decide else answer)


async def _definitions(request: Request) -> Response:
    headers = {"ETag": _DEFINITIONS_TAG}
    if request.headers.get("if-none-match") == _DEFINITIONS_TAG:
        return Response(status_code=304, headers=headers)
    return JSONResponse(_NO_DEFINITIONS, headers=headers)


async def _config(request: Request) -> Response:
    return JSONResponse(remote_config(request.path_params["token"]), headers=_CACHE)


async def _config_script(request: Request) -> Response:
    token = request.path_params["token"]
    # `<` is escaped, for the token comes from the URL and a script may be inlined.
    config = json.dumps(remote_config(token)).decode().replace("<", r"\u003c")
    name = json.dumps(token).decode().replace("<", r"\u003c")
    script = (
        "(function(){window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
        f"window._POSTHOG_REMOTE_CONFIG[{name}]={{config:{config},siteApps:[]}}}})();"
    )
    return Response(script, media_type="application/javascript", headers=_CACHE)
