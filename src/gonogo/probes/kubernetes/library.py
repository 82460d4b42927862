"""The two classes of the official client that are used, without the rest of its package; import it at the first look.

`import kubernetes` brings Google's credentials, a validator of schemas and websockets along: 0.3 s, of which the client
itself is a tenth. So the client is imported below a package that is not run, and that is forgotten afterwards: whoever
needs the whole package gets it as ever.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec

_spec = None if "kubernetes" in sys.modules else find_spec("kubernetes")
_bare = None if _spec is None else module_from_spec(_spec)
if _bare is not None:
    sys.modules["kubernetes"] = _bare
try:
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration
finally:
    if _bare is not None and sys.modules.get("kubernetes") is _bare:
        del sys.modules["kubernetes"]

__all__ = ["ApiClient", "Configuration"]
