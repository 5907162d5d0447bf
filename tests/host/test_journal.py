"""What the programs say about themselves cannot carry what somebody said."""

import asyncio
import io
import subprocess
import sys

import pytest
from tavs.events import CallId
from tavs.host.journal import Message, failure, say, silence_loop

CANARY = "mit-cpr-er-0711801260"
CALL = CallId("0192f0c1-0000-7000-8000-000000000001")


def test_a_line_holds_the_message_and_its_fields() -> None:
    out = io.StringIO()
    say(Message.CALL_ENDED, out, call=CALL, duration_ms=5, lag_s=0.25)
    assert f"<6>call-ended call={CALL} duration_ms=5 lag_s=0.250\n" == out.getvalue()


@pytest.mark.parametrize("value", [CANARY, b"x", None, ["a"], "0192f0c1-0000-7000-8000-00000000000"])
def test_a_field_that_could_carry_words_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        say(Message.READY, io.StringIO(), call=value)  # type: ignore[arg-type]


def test_a_failure_is_its_type_and_place() -> None:
    try:
        int(CANARY)
    except ValueError as error:
        assert CANARY not in failure(error)
        assert failure(error).startswith("ValueError at ")


@pytest.mark.parametrize(
    "code",
    [
        "int(x)",
        "threading.Thread(target=int, args=(x,)).start()",
        "asyncio.run(task(x))",
        "raise ExceptionGroup(x, [ValueError(x), KeyError(x)])",
    ],
)
def test_an_uncaught_error_prints_nothing_of_its_values(code: str) -> None:
    program = f"""
import asyncio, threading
from tavs.host.journal import silence_loop, silence_tracebacks
silence_tracebacks()
async def task(x):
    silence_loop(asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(int, x)
    failing = asyncio.ensure_future(asyncio.to_thread(int, x))
    await asyncio.sleep(0.05)
x = {CANARY!r}
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert CANARY not in done.stderr + done.stdout
    assert "Error" in done.stderr


def test_the_loop_reports_what_is_no_exception_as_well() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        silence_loop(loop)
        loop.call_exception_handler({"message": CANARY})

    asyncio.run(run())
