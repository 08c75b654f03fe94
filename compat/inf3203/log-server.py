#!/usr/bin/env python3
"""
The log server of the INF-3203 course, served by Cairn. Called as the course calls its own:

    python3 log-server.py <output_id> <host:port> <node1> ... <nodeN>     (the list includes the server itself)

This file only starts the broker: it becomes it (exec), with the same arguments, in the same working directory (the log goes to
./output there). The process keeps the name "python3 log-server.py", for the course's scripts look for that in `ps`.

Leave it where it is, or link to it: it finds Cairn by its own place. It restates bin/launch.mjs in three steps: the Node that npm
installed beside us, two environment variables, and dist/ unless src/ is newer.
"""
import os
import sys

NODE_MAJOR_MIN = 24
ENTRY = "daemon", "inf3203"


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    if len(sys.argv) < 4:
        fail("Usage: python3 log-server.py <output_id> <host:port> <node1> ... <nodeN>", 2)
    entry = find_entry(root)
    if entry is None:
        fail("Cannot start the log server: Cairn is not at " + root + "; leave log-server.py in its compat/inf3203, or link to it")
    node = find_node(root)
    if node is None:
        fail("Cannot start the log server: there is no Node.js 24: in a checkout `npm ci` brings it, else it is at https://nodejs.org")
    environment = dict(os.environ)
    environment.setdefault("UV_THREADPOOL_SIZE", "16")
    environment.setdefault("NODE_COMPILE_CACHE", os.path.join(root, "node_modules", ".cache", "cairn-compile"))
    os.execve(node, ["python3 log-server.py", entry] + sys.argv[1:], environment)


def find_entry(root):
    built = os.path.join(root, "dist", *ENTRY) + ".js"
    source = os.path.join(root, "src", *ENTRY) + ".ts"
    if os.path.exists(built) and not is_newer(os.path.join(root, "src"), modified_at(os.path.join(root, "dist", ".built"))):
        return built
    if os.path.exists(source):
        return source
    return None


def is_newer(folder, than):
    """Whether the folder or anything below it changed after that time; folders count, for a file may have gone."""
    for path, _, files in os.walk(folder):
        if modified_at(path) > than or any(modified_at(os.path.join(path, name)) > than for name in files):
            return True
    return False


def modified_at(path):
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0


def find_node(root):
    """The package node-linux-<arch> in the node_modules of this folder, of one above it, or of the user's for cairn; else on PATH."""
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(os.uname().machine, os.uname().machine)
    name = "node-" + sys.platform + "-" + machine
    folder = root
    while True:
        binary = os.path.join(folder, "node_modules", name, "bin", "node")
        if os.path.exists(binary):
            return binary
        if folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    binary = os.path.join(data, "cairn", "node_modules", name, "bin", "node")
    if os.path.exists(binary):
        return binary
    for directory in os.environ.get("PATH", "").split(os.pathsep):
        binary = os.path.join(directory, "node")
        if os.access(binary, os.X_OK) and major_of(binary) >= NODE_MAJOR_MIN:
            return binary
    return None


def major_of(node):
    import subprocess  # Only where it is needed: eight servers that start at once share few cores.

    try:
        version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10).stdout
        return int(version.decode().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def fail(sentence, code=1):
    sys.stderr.write(sentence + "\n")
    sys.exit(code)


main()
