import codecs
import copy
import gc
import pickle
import weakref

import pytest

from hermes_sse import UNLIMITED, Comment, Event, FieldError, LimitError, Parser


def test_events():
    parser = Parser()
    assert list(parser.feed(b"data: one\n\nevent: t\ndata: a\ndata: b\nid: 5\n\ndata: two\n\ndata: incomplete")) == [
        Event("message", "one", ""), Event("t", "a\nb", "5"), Event("message", "two", "5")]
    assert list(parser.feed(b"\n\n")) == [Event("message", "incomplete", "5")]


def test_feed_returns_the_parser_which_is_its_own_iterator():
    parser = Parser()
    assert parser.feed(b"data\n\n") is parser
    assert iter(parser) is parser
    assert next(parser) == Event("message", "")
    assert list(parser) == []
    assert next(parser, None) is None


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: memoryview(bytearray(b)), type("B", (bytes,), {})])
def test_what_can_be_fed(make):
    assert list(Parser().feed(make(b"data: x\n\n"))) == [Event("message", "x")]


@pytest.mark.parametrize("wrong", ["data: x\n\n", None, 5, []])
def test_what_cannot_be_fed(wrong):
    parser = Parser()
    with pytest.raises(TypeError, match="bytes-like"):
        parser.feed(wrong)
    with pytest.raises(BufferError):
        parser.feed(memoryview(b"abcd")[::2])
    assert list(parser.feed(b"data: x\n\n")) == [Event("message", "x")]


def test_a_buffer_may_change_and_grow_after_it_was_fed():
    buffer = bytearray(b"data: a\n\ndata: b\n\n")
    parser = Parser().feed(buffer)
    assert next(parser) == Event("message", "a")
    buffer[:] = b"x" * len(buffer)
    buffer += b"more"
    assert list(parser) == [Event("message", "b")]


def test_bytes_left_are_read_first():
    parser = Parser()
    for number in range(5):
        parser.feed(b"data: %d\n\ndata: %d" % (number, number))
        parser.feed(b"\n\n")
    expected = [Event("message", str(number // 2)) for number in range(10)]
    assert next(parser) == expected[0]
    parser.feed(b"data: last\n\n")
    assert list(parser) == expected[1:] + [Event("message", "last")]
    assert list(parser.feed(b"")) == []


def test_leaving_a_loop_early_loses_nothing():
    parser = Parser()
    for event in parser.feed(b"data: 1\n\ndata: 2\n\n"):
        break
    assert list(parser.feed(b"data: 3\n\n")) == [Event("message", "2"), Event("message", "3")]


def test_comments_if_wanted():
    stream = b": a\n:b\ndata: x\n:\n\n"
    assert list(Parser().feed(stream)) == [Event("message", "x")]
    assert list(Parser(comments=True).feed(stream)) == [Comment("a"), Comment("b"), Comment(""), Event("message", "x")]


def test_retry_and_last_event_id():
    parser = Parser(last_event_id="3")
    assert (parser.retry, parser.last_event_id) == (None, "3")
    assert list(parser.feed(b"retry: 1500\nid: 4\n")) == []
    assert (parser.retry, parser.last_event_id) == (1500, "3")
    list(parser.feed(b"\nretry: 99999999999999999999\nid: \xff\n\n"))
    assert (parser.retry, parser.last_event_id) == (2**63 - 1, "\ufffd")
    for name in ("retry", "last_event_id"):
        with pytest.raises(AttributeError):
            setattr(parser, name, 1)


def test_reset_keeps_id_and_retry_and_drops_the_rest():
    parser = Parser()
    assert next(parser.feed(b"\xef\xbb\xbfid: 1\nretry: 7\ndata: a\n\ndata: b\n\ndata: c")) == Event("message", "a", "1")
    parser.feed(b"data: waiting\n\n")
    assert parser.reset() is None
    assert list(parser) == []
    assert list(parser.feed(b"\xef\xbb\xbfdata: d\n\n")) == [Event("message", "d", "1")]
    assert parser.retry == 7


LIMITS = [
    ("line", {"max_line_bytes": 12}, b"data: 1234567\n\n"),
    ("event", {"max_event_bytes": 6}, b"data: 1234567\n\n"),
    ("id", {"max_id_bytes": 3}, b"id: 1234\ndata: x\n\n"),
]


@pytest.mark.parametrize("name, limits, lost", LIMITS)
def test_beyond_a_limit_one_event_is_lost_and_said_and_the_parser_goes_on(name, limits, lost):
    parser = Parser(**limits)
    found = []
    with pytest.raises(LimitError, match=f"an event was lost: .*{list(limits)[0]}") as caught:
        for event in parser.feed(b"data: before\n\n"[6:] + b"data: a\n\n" + lost + b"data: b\n\n"):
            found.append(event.data)
    assert (caught.value.limit, found) == (name, ["a"])
    assert not isinstance(caught.value, ValueError)  # a loop that catches those of its own work must see it
    parser.feed(b"data: c\n\n")
    assert [event.data for event in parser] == ["b", "c"]
    fits = lost.replace(b"4567", b"456") if name != "id" else lost.replace(b"1234", b"123")
    assert len(list(parser.feed(fits))) == 1


def test_default_limits():
    assert len(list(Parser().feed(b"data: " + b"x" * 2**20 + b"\n\n"))) == 1
    for stream, limit in [(b"data: " + b"x" * (2**20 + 1) + b"\n\n", "event"), (b"id: " + b"x" * 1025 + b"\n", "id"), (b":" + b"x" * (2**20 + 64), "line")]:
        with pytest.raises(LimitError) as caught:
            list(Parser().feed(stream))
        assert caught.value.limit == limit
    assert len(list(Parser(max_event_bytes=UNLIMITED).feed(b"data: " + b"x" * 2**22 + b"\n\n"))) == 1


@pytest.mark.parametrize("name", ["max_event_bytes", "max_line_bytes", "max_id_bytes"])
def test_limits_that_are_refused(name):
    for wrong in (0, -1, 2**64, -2**80):
        with pytest.raises(FieldError, match=f"^{name} must be an int from 1, UNLIMITED or None$") as caught:
            Parser(**{name: wrong})
        assert caught.value.field == name
    for wrong in ("1", 1.5):
        with pytest.raises(TypeError, match=f"^{name} must be an int"):
            Parser(**{name: wrong})
    Parser(**{name: None})


def test_a_last_event_id_that_is_refused():
    for wrong in ("a\n", b"\r", "\0", "x" * 1025):
        with pytest.raises(FieldError) as caught:
            Parser(last_event_id=wrong)
        assert caught.value.field == "last_event_id"
    with pytest.raises(TypeError, match="^last_event_id must be str"):
        Parser(last_event_id=5)
    assert Parser(last_event_id="x" * 1025, max_id_bytes=1025).last_event_id == "x" * 1025
    with pytest.raises(TypeError):
        Parser(5)


def test_events_do_not_change():
    event, comment = Event("t", "d", "i"), Comment("c")
    for thing, name in ((event, "type"), (event, "data"), (event, "id"), (event, "new"), (comment, "text"), (Event, "new"), (Parser, "new")):
        with pytest.raises((AttributeError, TypeError)):
            setattr(thing, name, "x")
    for final in (Event, Comment, Parser):
        with pytest.raises(TypeError):
            type("Sub", (final,), {})


def test_events_are_values():
    event, comment = Event(type="t", data="d", id="i"), Comment(text="c")
    assert repr(event) == "Event(type='t', data='d', id='i')"
    assert repr(comment) == "Comment(text='c')"
    assert event == Event("t", "d", "i") and not event != Event("t", "d", "i")
    assert hash(event) == hash(Event("t", "d", "i")) and len({event, Event("t", "d", "i")}) == 1
    for other in (Event("t", "d"), Event("x", "d", "i"), Event("t", "x", "i"), comment, ("t", "d", "i"), None):
        assert event != other and not event == other
    assert comment != Comment("d") and hash(comment) == hash(Comment("c"))
    for value in (event, comment):
        assert copy.copy(value) == copy.deepcopy(value) == value
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(value, protocol)) == value
    with pytest.raises(TypeError):
        event < event
    with pytest.raises(TypeError):
        Event("t", 5)
    match event:
        case Event(type="t", data=data):
            assert data == "d"


def test_an_event_holds_exactly_str():
    class Text(str):
        pass

    event = Event(Text("t"), Text("d"), Text("i"))
    assert [type(text) for text in (event.type, event.data, event.id, Comment(Text("c")).text)] == [str] * 4


def test_a_parser_is_generic():
    assert Parser[Event].__origin__ is Parser


def test_no_handler_is_called_between_the_core_and_its_slices():
    called = []

    def handler(error):
        called.append(error)
        parser.feed(b"data: nested\n\n")
        return "?", error.end

    parser, before = Parser(), codecs.lookup_error("replace")
    codecs.register_error("replace", handler)
    try:
        assert list(parser.feed(b"event: \xff\ndata: \xff\xfe\nid: \xff\n\n")) == [Event("\ufffd", "\ufffd\ufffd", "\ufffd")]
    finally:
        codecs.register_error("replace", before)
    assert called == []


def test_the_collector_sees_through_a_parser():
    assert gc.is_tracked(Parser())
    assert type(Parser()) in gc.get_referents(Parser())
    assert not gc.is_tracked(Event("t", "d"))
    with pytest.raises(TypeError):
        weakref.ref(Event("t", "d"))
