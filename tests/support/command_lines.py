"""Tells whether programs understand command lines, without doing what they say: a program, as it imports all of them.

Reads a JSON list of `[module, arguments]` and writes a JSON list with what is wrong with each, null for nothing. The
module `airflow` stands for the command of that name; an import statement as the only argument of `python` is executed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import runpy
import sys
from collections.abc import Sequence


class _Understood(Exception):
    pass


_parse = argparse.ArgumentParser.parse_args


def _parse_only(parser, args=None, namespace=None):
    _parse(parser, args, namespace)
    raise _Understood


def wrong_with(module: str, arguments: Sequence[str]) -> str | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            if module == "airflow":
                from airflow.cli.cli_parser import get_parser  # noqa: PLC0415 - slow, and not always needed

                get_parser().parse_args(list(arguments))
            elif module == "python":
                exec(arguments[0], {})
            else:
                sys.argv = [module, *arguments]
                runpy.run_module(module, run_name="__main__", alter_sys=True)
    except _Understood:
        return None
    except SystemExit as end:
        return None if end.code in (0, None) else f"{end.code}: {said.getvalue()[-400:]}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if module == "python" else "it does not parse its arguments"


if __name__ == "__main__":
    argparse.ArgumentParser.parse_args = _parse_only
    asked = json.load(sys.stdin)
    out, sys.stdout = sys.stdout, sys.stderr
    json.dump([wrong_with(*line) for line in asked], out)
