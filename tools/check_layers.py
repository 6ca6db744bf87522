#!/usr/bin/env python3
"""Checks that no file includes a header of a layer above its own, or a banned header.

Reads the #include lines of every C++ file below the repository's root (or below the directory
given) and prints each violation as FILE:LINE: REASON. Exit status 1 when there is one.
"""

import re
import sys
from pathlib import Path

# A layer and the layers it may include beside itself. The longest matching prefix decides.
LAYERS = {
    "runtime/include/sandfleet": set(),
    "runtime/core": {"runtime/include/sandfleet"},
    "runtime/config": {"runtime/core"},
    "runtime/protocol": {"runtime/core"},
    "runtime/transport": {"runtime/core", "runtime/protocol"},
    "runtime/tls": {"runtime/core", "runtime/transport"},
    "runtime/journal": {"runtime/core"},
    "runtime/docker": {"runtime/core", "runtime/protocol", "runtime/transport", "runtime/tls"},
    "runtime/providers": {"runtime/core", "runtime/protocol", "runtime/transport", "runtime/tls",
                          "runtime/docker"},
    "actors": {"runtime/core", "runtime/transport", "runtime/journal", "runtime/providers"},
    "runtime/engine": {"runtime/core", "runtime/config", "runtime/protocol", "runtime/transport",
                       "runtime/journal", "runtime/providers", "actors"},
    "runtime/service": {"runtime/core", "runtime/config", "runtime/protocol", "runtime/transport",
                        "runtime/tls", "runtime/docker", "runtime/journal", "runtime/engine",
                        "actors"},
    "sandbox_agent": {"runtime/core", "runtime/protocol", "runtime/transport"},
    "tools": {"runtime/core", "runtime/config", "runtime/protocol", "runtime/transport",
              "runtime/tls", "runtime/docker", "runtime/engine", "runtime/service"},
    "bench": {"runtime/core", "runtime/protocol", "runtime/transport", "runtime/engine",
              "sandbox_agent"},
    "runtime/examples": set(),
    "tests": None,  # tests may see everything
}
PUBLIC = "runtime/include/sandfleet"

# Third parties by the layers that may include them; a layer that is not named here may not.
THIRD_PARTIES = {
    "caf/": {"actors/caf.hpp", "tests"},
    "spdlog/": {"actors", "runtime/engine", "tools", "tests"},
    "simdjson": {"runtime/docker", "runtime/providers", "runtime/engine", "tools", "tests"},
    "toml++/": {"runtime/config"},
    "CLI/": {"tools"},
    "sqlite3.h": {"runtime/journal", "tests"},
    "vterm.h": {"sandbox_agent/bash"},
    "archive": {"sandbox_agent/files", "runtime/docker"},
    "openssl/": {"runtime/journal", "runtime/service", "runtime/tls", "tests"},
    "boost/": {PUBLIC, "runtime/protocol", "runtime/transport", "runtime/tls", "runtime/docker",
               "runtime/providers", "actors", "runtime/engine", "runtime/service", "sandbox_agent", "tools", "bench", "runtime/examples", "tests"},
}
# In actors/, Boost stays behind the bridge.
ACTOR_BOOST = re.compile(r"actors/(bridge|control_plane|gateway|.*_port)[^/]*$")
# Public headers show Asio's awaitable and executor and nothing else of Boost.
PUBLIC_BOOST = {"boost/asio/awaitable.hpp", "boost/asio/any_io_executor.hpp"}
BANNED = {"caf/all.hpp", "boost/asio.hpp", "boost/beast.hpp", "boost/beast/http.hpp",
          "boost/beast/core.hpp", "boost/json.hpp", "boost/process/v2.hpp", "bits/stdc++.h"}
MAX_LINES = 500

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    """The layer that a path from the root belongs to, or None."""
    fitting = [name for name in LAYERS if path == name or path.startswith(name + "/")]
    return max(fitting, key=len, default=None)


def allowed_in(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def target_path(bracket, name):
    """The path from the root of an included header of ours, or None for others."""
    if name.startswith("sandfleet/"):
        return "runtime/include/" + name
    return name if bracket == '"' else None


def check_include(path, bracket, name):
    """Yields what is wrong with one include line."""
    if name in BANNED:
        yield f"<{name}> is an umbrella header: include what is used"
    target = target_path(bracket, name)
    layer = layer_of(path)
    if target is not None:
        other = layer_of(target)
        if other is None:
            yield f'"{name}" is not written from the root of the repository'
        elif LAYERS[layer] is not None and other not in LAYERS[layer] | {layer, PUBLIC}:
            yield f"{layer} must not include {other} (\"{name}\")"
        return
    for prefix, places in THIRD_PARTIES.items():
        if name.startswith(prefix) and not allowed_in(path, places):
            yield f"<{name}> is not for {layer}"
    if name.startswith("boost/"):
        if layer == "actors" and not ACTOR_BOOST.match(path):
            yield f"<{name}>: in actors/ only the bridge, ports and the control plane see Boost"
        if layer == PUBLIC and name not in PUBLIC_BOOST:
            yield f"<{name}> must not show in a public header"


def violations(root):
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        if file.suffix not in {".hpp", ".cpp", ".h", ".c"} or path.startswith("build/"):
            continue
        if layer_of(path) is None:
            yield f"{path}:1: belongs to no layer"
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_LINES:
            yield f"{path}:{len(lines)}: longer than {MAX_LINES} lines"
        for number, line in enumerate(lines, 1):
            if found := INCLUDE.match(line):
                for reason in check_include(path, *found.groups()):
                    yield f"{path}:{number}: {reason}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = list(violations(root))
    print("\n".join(found) if found else "layers: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
