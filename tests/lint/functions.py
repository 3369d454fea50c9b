# SPDX-License-Identifier: Apache-2.0
"""Finds the functions of a C++ text by its braces: good enough for text that clang-format has laid out."""
import re
from typing import NamedTuple

from sources import code_only, line_of

_CONTAINER = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")
_NAME = re.compile(r"(operator\s*(?:\(\)|[^\s(]+)|[~\w:]+)\s*\(")
_LEAD = re.compile(r"(?:\s|\b(?:public|private|protected)\s*:)*")
_MEMBER_BRACE = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:).*[\w>]\s*$", re.DOTALL)  # f(int x) : x_{


class Function(NamedTuple):
    name: str
    line: int    # where its signature begins
    lines: int   # from there to the closing brace


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def _without_directives(code):
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", _blank, code, flags=re.MULTILINE)


def _opens_container(head):
    """Whether the text before a brace opens a scope that may hold functions."""
    match = _CONTAINER.search(re.sub(r"<[^<>]*>", "", head))
    return bool(match) and "(" not in head[:match.start()]


def _inside_signature(head):
    """Whether a brace behind `head` only holds a default argument or an initial value of a member."""
    return head.count("(") != head.count(")") or bool(_MEMBER_BRACE.search(head))


def functions(text):
    """The outermost functions; lambdas and local classes count as part of theirs."""
    code = _without_directives(code_only(text))
    found, stack, head_start, body_depth = [], [], 0, None
    for match in re.finditer(r"[{};]", code):
        head = code[head_start:match.start()]
        if match.group() == "{":
            signature = body_depth is None and _inside_signature(head)
            if body_depth is None and not signature and not _opens_container(head) and "(" in head:
                body_depth = len(stack)
            stack.append("signature" if signature else "scope")
            keeps_head = signature or body_depth is not None
        elif match.group() == "}" and stack:
            keeps_head = stack.pop() == "signature" or body_depth is not None
            if len(stack) == body_depth:
                found.append(_function(code, head_start, match.start()))
                body_depth, keeps_head = None, False
        else:
            keeps_head = body_depth is not None or "signature" in stack
        if not keeps_head:
            head_start = match.end()
    return found


def _function(code, head_start, end):
    start = head_start + _LEAD.match(code[head_start:end]).end()
    head = re.sub(r"^template\s*<[^{;]*?>\s*(?=\w)", "", code[start:code.index("{", start)])
    name = _NAME.search(head)
    first, last = line_of(code, start), line_of(code, end)
    return Function(name.group(1) if name else head.strip()[:40], first, last - first + 1)
