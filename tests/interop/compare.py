"""Makes two replies comparable: flat, and without what must differ."""

import hashlib
import re

LONGEST_BRIEF = 1500

ADVICE = ("You may wait longer to see additional output by sending empty command '', send other"
          " commands to interact with the current process, send keys (\"C-c\", \"C-z\", \"C-d\") to"
          " interrupt/kill the previous command before sending your new command, or use the timeout"
          " parameter in execute_bash for future commands.")


def normal(reply, server, step):
    """The reply as {field: value}, where a field is a path such as `body.extras.path`."""
    flat = {}
    flatten("", reply, flat)
    for field, value in flat.items():
        if isinstance(value, str):
            value = value.replace(str(server.dir), "<DIR>").replace(ADVICE, "<ADVICE>")
            value = value.replace(f"127.0.0.1:{server.port}", "<SERVER>")
            for pattern in step.get("mask", []):
                value = re.sub(pattern, "<MASKED>", value)
            flat[field] = value
        if field.endswith("metadata.pid") and value != -1 and "pid" not in step:
            flat[field] = "<PID>"
        if step.get("shape") and not isinstance(value, str):
            flat[field] = "number" if isinstance(value, int | float) else type(value).__name__
    for field in step.get("ignore", []):
        flat.pop(field, None)
    return flat


def brief(reply):
    """One text that holds what a person would look at."""
    text = re.sub("\n{2,}", "\n\n", whole(reply))
    if len(text) <= LONGEST_BRIEF:
        return text
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]
    return f"{text[:200]} [... {len(text)} characters, {digest} ...] {text[-200:]}"


def whole(reply):
    if "sh" in reply:
        return reply["sh"]
    get = reply.get
    if get("body.observation") == "run":
        facts = "body.extras.metadata."
        return (f"{get(facts + 'prefix')}{get('body.content')}{get(facts + 'suffix')}"
                f" ({get(facts + 'exit_code')} in {get(facts + 'working_dir')})")
    for field in ("body.detail", "body.content", "body"):
        if field in reply:
            more = get("body.errors") or get("body.extras.diff")
            return f"{get('status')}: {reply[field]}" + (f"\n{more}" if more else "")
    return f"{get('status')}: " + ", ".join(
        f"{field}={value}" for field, value in reply.items() if "{}" not in field)


def unlike(first, second):
    return [(field, first.get(field), second.get(field))
            for field in sorted(first.keys() | second.keys())
            if first.get(field) != second.get(field)]


def flatten(prefix, value, into):
    if isinstance(value, dict) and value:
        into[prefix + "{}"] = " ".join(value)  # the members' order
        for name, one in value.items():
            flatten(f"{prefix}.{name}" if prefix else name, one, into)
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            flatten(f"{prefix}[{number}]", one, into)
    else:
        into[prefix] = value
