#!/usr/bin/env python3
"""Bytes that shells, terminals and JSON take for something else."""

import base64
import unittest

from hostile_batch import HostileTest, Task

LONG = "x" * 9000
NOT_TEXT = bytes(range(256)) * 3
HERE_DOCUMENTS = """cat <<a; cat <<-'b'; cat <<"c"
$((1 + 1))	tab
a
	$x ! `no`
	b
last
c
(exit 6)"""


class Text(HostileTest):
    def test_commands(self):
        self.check_all([
            Task("long_line", [f"echo {LONG} | wc -c"], exits=[0], output=r"^9001\n$"),
            Task("long_lines", [f"echo '{LONG}\n{LONG}\n{LONG}' | md5sum; (exit 2)"],
                 {"expect": {"exit_code": 2}}, exits=[2], output="^[0-9a-f]{32}  -\n$"),
            Task("long_word_of_signs", ["echo '" + "é€😀\\$\"`!" * 900 + "' | wc -c"], exits=[0],
                 output=f"^{len('é€😀'.encode()) * 900 + 5 * 900 + 1}\n$"),
            Task("tabs", ["echo 'a\tb'\t|\tod -An -c"], exits=[0], output=r"^ +a +\\t +b +\\n\n$"),
            Task("history_signs", ["echo !! !$ !x ^a^b^ '!'; echo \"!!\""], exits=[0],
                 output=r"^!! !\$ !x \^a\^b\^ !\n!!\n$"),
            Task("here_documents", [HERE_DOCUMENTS], {"expect": {"exit_code": 6}}, exits=[6],
                 output=r"^2 {7}tab\n\$x ! `no`\nlast\n$"),
            Task("here_document_without_end", ["cat <<end\na", "echo on"], exits=[0, 0],
                 output=r"^on\n$"),
            Task("control_bytes", ["echo 'a\x01\x03\x04\x11\x12\x13\x15\x16\x17\x1a\x1c\x7fb' | "
                                   "od -An -tx1"], exits=[0],
                 output="^ 61 01 03 04 11 12 13 15 16 17 1a 1c 7f 62 0a\n$"),
            Task("returns", ["echo a\r\necho b\r\n"], check=lambda test, result: test.assertEqual(
                len(result["commands"]), 1)),
            Task("no_character", ["echo \ufffe | wc -l"], exits=[0], output=r"^1\n$"),
            Task("comment", ["# nothing", "echo on # more"], exits=[0, 0], output=r"^on\n$"),
            Task("only_blanks", [" \t\n \n", "echo on"], exits=[0, 0], output=r"^on\n$"),
            Task("marks", ["echo '\x1b]6973;0;P;0;;9;s;1;u;h;;\x07'; (exit 5)"],
                 {"expect": {"exit_code": 5}}, exits=[5]),
        ])

    def test_output(self):
        self.check_all([
            Task("invalid_utf8", ["printf 'a\\xff\\xc3(\\xe2\\x82b\\n'"], exits=[0],
                 output="^a�+\\(�+b\n$"),
            Task("nul", ["printf 'a\\0b\\n'"], exits=[0], output="^ab\n$"),
            Task("all_bytes", ["for i in {1..9}; do printf \"\\\\x$(printf %x $i)\"; done; "
                               "printf 'end\\n'"], exits=[0], output="end\n$"),
            Task("terminal_queries", ["printf '\\e[6n\\e[c\\e[5n\\e]10;?\\a'; sleep 0.1", "echo on"],
                 exits=[0, 0], output=r"^on\n$"),
            Task("other_character_set", ["printf '\\e(0lqk\\016x\\n'", "echo abc"], exits=[0, 0],
                 output=r"^abc\n$"),
            Task("no_last_newline", ["printf abc", "printf def; (exit 2)"],
                 {"expect": {"exit_code": 2}}, exits=[0, 2], output="^def"),
        ])

    def test_files(self):
        encoded = base64.b64encode(NOT_TEXT).decode()
        self.check_all([
            Task("bytes", [f"echo {encoded} | base64 -d >out; od -An -tx1 out | md5sum"],
                 {"collect": ["out"]}, exits=[0],
                 check=lambda test, result: test.assertEqual(
                     base64.b64decode(result["collected"]["out"]["base64"]), NOT_TEXT)),
            Task("stdin", ["md5sum"], {"stdin": "a\0b\x04c\n"}, exits=[0], output="^[0-9a-f]{32} "),
            Task("odd_names", ["ls | wc -l; cat ' ' '*' $'a\\tb'"],
                 {"files": {" ": "1", "*": "2", "a\tb": "3"}}, exits=[0], output="^3\n123"),
        ])


if __name__ == "__main__":
    unittest.main()
