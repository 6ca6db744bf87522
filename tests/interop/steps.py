"""Turns a step of a case into a request, sends it, and gives back the reply."""

import io
import json
import subprocess
import urllib.parse
import zipfile

RUN_ARGS = ("is_input", "blocking", "is_static", "cwd", "hidden")
READ_ARGS = ("start", "end", "impl_source", "view_range")
WRITE_ARGS = ("content", "start", "end")
EDIT_ARGS = ("path", "file_text", "old_str", "new_str", "insert_line", "impl_source")


def prepare(step, server):
    """The step with the server's own paths and key in it."""
    def fill(value):
        if isinstance(value, str):
            return value.replace("@DIR@", str(server.dir)).replace("@KEY@", server.key)
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, dict):
            return {name: fill(one) for name, one in value.items()}
        return value
    return fill(step)


def send(step, server):
    """The reply as {"status", "type", "body"}; that of a step `sh` as {"sh"}."""
    if "sh" in step:
        done = subprocess.run(["bash", "-c", step["sh"]], cwd=server.dir, env=server.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return {"sh": done.stdout.decode(errors="surrogateescape")}
    headers = {"X-Session-API-Key": server.key} if server.key else {}
    if "request" in step:
        method, target = step["request"].split(" ", 1)
        body = step.get("body", "").encode()
        if "json" in step:
            body = json.dumps(step["json"]).encode()
            headers["Content-Type"] = "application/json"
        headers |= step.get("headers", {})
    elif "upload" in step:
        method, target, headers["Content-Type"], body = upload(step)
    elif "download" in step:
        method, target, body = "GET", "/download_files?path=" + quoted(step["download"]), b""
    elif "list" in step:
        method, target, body = "POST", "/list_files", json.dumps({"path": step["list"]}).encode()
    else:
        method, target = "POST", "/execute_action"
        headers["Content-Type"] = "application/json"
        body = json.dumps({"action": action(step)}).encode()
    connection = server.connect()
    try:
        connection.request(method, target, body=body or None,
                           headers={name: value for name, value in headers.items() if value})
        reply = connection.getresponse()
        return read_reply(reply, reply.read())
    finally:
        connection.close()


def free(server):
    """Ends what the last case may have left running, so that the next one begins at a prompt."""
    for command, is_input in (("C-c", True), ("C-d", True), ("C-c", True), (f"cd {server.dir}", False)):
        send({"run": command, "is_input": is_input, "timeout": 5}, server)


def action(step):
    if "action" in step:
        return step["action"]
    if "run" in step:
        args = {"command": step["run"], **picked(step, RUN_ARGS)}
        return {"action": "run", "args": args, **picked(step, ("timeout",))}
    if "read" in step:
        return {"action": "read", "args": {"path": step["read"], **picked(step, READ_ARGS)}}
    if "write" in step:
        return {"action": "write", "args": {"path": step["write"], **picked(step, WRITE_ARGS)}}
    return {"action": "edit", "args": {"command": step["edit"], **picked(step, EDIT_ARGS)}}


def picked(step, names):
    return {name: step[name] for name in names if name in step}


def quoted(text):
    return urllib.parse.quote(text, safe="/")


def upload(step):
    content = step.get("content", "").encode()
    if "zip" in step:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for one in step["zip"]:
                archive.writestr(one["name"], one.get("content", ""))
        content = packed.getvalue()
    boundary = "boundary7d1f"
    body = (f"--{boundary}\r\nContent-Disposition: form-data; name=\"{step.get('part', 'file')}\";"
            f" filename=\"{step['upload']}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            ).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    query = urllib.parse.urlencode(picked(step, ("destination", "recursive")))
    return "POST", f"/upload_file?{query}", f"multipart/form-data; boundary={boundary}", body


def read_reply(reply, body):
    seen = {"status": reply.status, "type": reply.getheader("content-type")}
    for name in ("content-disposition", "allow", "location"):
        if reply.getheader(name):
            seen[name] = reply.getheader(name)
    if seen["type"] == "application/json" and body:
        seen["body"] = json.loads(body)
    elif seen["type"] == "application/zip":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            seen["body"] = {one.filename: archive.read(one).decode(errors="surrogateescape")
                            for one in sorted(archive.infolist(), key=lambda one: one.filename)}
    else:
        seen["body"] = body.decode(errors="surrogateescape")
    return seen
