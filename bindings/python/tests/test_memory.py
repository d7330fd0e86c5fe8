"""Nothing is kept of what went through: references, Python's blocks, the process's memory."""
import gc
import os
import resource
import subprocess
import sys
import textwrap
import threading

import pytest

from hermes_sse import Event, FieldError, LimitError, Parser, encode


def attempt(error, function, *args, **keywords):
    try:
        function(*args, **keywords)
    except error:
        return
    raise AssertionError(f"no {error}")


def everything():
    encode("x", "t", "1", 5, "c")
    encode("下" * 500, comment="\ud800" * 200)
    encode("x" * 500)
    encode(bytearray(5000), event=memoryview(b"t"))
    attempt(FieldError, encode, bytearray(b"x"), id="下" * 200 + "\n")
    attempt(FieldError, encode, "\ud800", retry=-1)
    attempt(TypeError, encode, bytearray(b"x"), comment=5)
    attempt(TypeError, encode, "x", nothing=1)
    attempt(FieldError, Parser, max_id_bytes=0)
    attempt(FieldError, Parser, last_event_id="\ud800\n")
    parser = Parser(comments=True, max_id_bytes=4, max_event_bytes=int("100000"), last_event_id=b"x")
    parser.feed(bytearray(b": c\nevent: a\ndata: \xff\nid: 1\n\nid: 12345\n\n"))
    parser.feed(bytearray(b"data: x\n\n"))
    parser.feed(bytearray(b"data: y\n\n"))
    next(parser)
    hash(next(parser)), repr(parser)
    attempt(LimitError, next, parser)
    next(parser)
    parser.reset()
    next(parser.feed(b"data: " + b"x" * 3000 + b"\n\nda"))
    Event("a", "b").__reduce__()
    attempt(TypeError, Event, "a", 1)
    Event("a", "b") == Event("a", "c")
    attempt(TypeError, parser.feed, "x")
    Parser().feed(bytearray(b"data: left\n\n")).feed(bytearray(b"alone"))


def test_nothing_leaks():
    for _ in range(50):
        everything()
    names = ["data", "event", "id", "retry", "comment", "message", None, True, False, str, bytes, Event, Parser, FieldError]
    gc.collect()
    references, blocks = [sys.getrefcount(name) for name in names], sys.getallocatedblocks()
    for _ in range(1000):
        everything()
    gc.collect()
    grown = [(name, now - then) for name, now, then in zip(names, map(sys.getrefcount, names), references) if now - then > 100]
    assert grown == []
    assert sys.getallocatedblocks() - blocks < 200


@pytest.mark.skipif("HERMES_SSE_SANITIZED" in os.environ, reason="freed memory is kept in quarantine")
def test_the_core_gives_its_memory_back():
    def parse():
        for _ in range(300):
            parser = Parser()
            list(parser.feed(b"id: " + b"i" * 1000 + b"\nevent: " + b"t" * 100_000 + b"\ndata: " + b"x" * 200_000))
            list(parser.feed(b"\ndata: more\n"))

    parse()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parse()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # KiB; 90,000 go through


def test_a_long_text_does_not_keep_its_bytes():
    text = "".join(["下"] * 500)
    before = sys.getsizeof(text)
    encode(text)
    assert sys.getsizeof(text) == before


def test_a_chunk_is_let_go_when_it_is_used_up():
    chunk = b"data: %d\n\n" % 12345
    parser = Parser()
    before = sys.getrefcount(chunk)
    next(parser.feed(chunk))
    assert sys.getrefcount(chunk) == before + 1
    assert list(parser) == []
    assert sys.getrefcount(chunk) == before


def test_threads_with_parsers_of_their_own():
    stream = b"".join(encode(f"data {n}", id=str(n)) for n in range(3000))
    expected = list(Parser().feed(stream))
    results = []

    def work():
        parser, events = Parser(), []
        for at in range(0, len(stream), 100):
            events += parser.feed(stream[at:at + 100])
        results.append(events == expected)

    run_threads(work)
    assert results == [True] * 4


def test_threads_with_one_parser_take_each_others_events_and_no_more():
    parser, taken = Parser(), []

    def work():
        for _ in range(2000):
            for event in parser.feed(b"event: some type\ndata: some data\nid: some id\n\n"):
                taken.append(event)

    run_threads(work)
    taken += parser
    assert len(taken) == 8000
    assert set(taken) == {Event("some type", "some data", "some id")}


def run_threads(work):
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)


SUBINTERPRETERS = """
    import sys
    sys.path[:] = {path!r}
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    from hermes_sse import Event, Parser, encode
    code = '''if True:
        import sys
        sys.path[:] = {path!r}
        from hermes_sse import Event, FieldError, Parser, encode
        assert list(Parser().feed(encode("x", id="1"))) == [Event("message", "x", "1")]
        assert id(Event) != {{}}
        try:
            encode("x", id="\\\\0")
        except FieldError as error:
            assert error.field == "id"
        left = Parser().feed(b"data: left alone")
        '''.format(id(Event))
    for _ in range(10):
        one, other = interpreters.create(), interpreters.create()
        for number in (one, other):
            assert interpreters.run_string(number, code) is None
        interpreters.destroy(one)
        assert interpreters.run_string(other, code) is None
        interpreters.destroy(other)
    assert list(Parser().feed(encode("x"))) == [Event("message", "x")]
    print("fine")
"""


def test_subinterpreters():
    script = textwrap.dedent(SUBINTERPRETERS).format(path=sys.path)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ("fine\n", 0), result.stderr


def test_the_module_can_be_loaded_anew_and_dropped():
    script = """if True:
        import sys, gc, weakref
        sys.path[:] = %r
        def load():
            import hermes_sse._core as core
            seen = weakref.ref(core)
            list(core.Parser().feed(core.encode("x")))
            for name in [n for n in sys.modules if n.startswith("hermes_sse")]:
                del sys.modules[name]
            return seen
        before = sys.getrefcount(str.isascii)
        seen = [load() for _ in range(5)]
        gc.collect()
        assert [ref() for ref in seen] == [None] * 5
        assert [t for t in gc.get_objects() if isinstance(t, type) and t.__module__ == "hermes_sse"] == []
        assert sys.getrefcount(str.isascii) == before
        print("fine")""" % (sys.path,)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (result.stdout, result.returncode) == ("fine\n", 0), result.stderr
