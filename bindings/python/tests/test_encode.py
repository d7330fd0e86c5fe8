import array
import inspect
import mmap
import pickle

import pytest

import hermes_sse
from hermes_sse import FieldError, Parser, encode


def test_lines_are_in_this_order():
    assert encode("a\nb", "type", "7", 1500, "first\nsecond") == b": first\n: second\nevent: type\nretry: 1500\ndata: a\ndata: b\nid: 7\n\n"


@pytest.mark.parametrize("fields, encoded", [
    ({}, b""),
    ({"event": "", "comment": ""}, b""),
    ({"id": ""}, b"id\n\n"),
    ({"id": b""}, b"id\n\n"),
    ({"retry": 0}, b"retry: 0\n\n"),
    ({"retry": 2**63 - 1}, b"retry: 9223372036854775807\n\n"),
    ({"comment": "\n"}, b": \n: \n\n"),
])
def test_without_data(fields, encoded):
    assert encode(None, **fields) == encoded
    assert encode(data=None, **fields) == encoded


def test_empty_data_is_sent():
    assert encode("") == encode(b"") == encode(bytearray()) == b"data: \n\n"


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 1000, 1017, 1018, 1019, 1024, 5000, 100_000])
@pytest.mark.parametrize("character", ["x", "é", "下", "\ud800", "\n"])
def test_sizes(size, character):
    data = character * size
    expected = "data: " + data.replace("\n", "\ndata: ").replace("\ud800", "\ufffd") + "\n\n"
    assert encode(data) == encode(data.replace("\ud800", "\ufffd").encode()) == expected.encode()


def test_surrogates_among_their_neighbours():
    assert encode("a\ud7ff\ud800\udfff\ue000z\ud83d") == "data: a\ud7ff\ufffd\ufffd\ue000z\ufffd\n\n".encode()


@pytest.mark.parametrize("data", [memoryview(b"xabcx")[1:4], bytearray(b"abc"), array.array("B", b"abc"), type("B", (bytes,), {})(b"abc"), type("S", (str,), {})("abc")])
def test_what_is_bytes_like_or_a_str(data):
    assert encode(data, comment=data, event=data, id=data) == b": abc\nevent: abc\ndata: abc\nid: abc\n\n"


def test_mapped_memory():
    with mmap.mmap(-1, 4096) as memory:
        memory[:3] = b"abc"
        assert encode(memory) == b"data: abc" + bytes(4093) + b"\n\n"


def test_a_buffer_is_given_back():
    data = bytearray(b"abc")
    encode(data, data, data, None, data)
    with pytest.raises(FieldError):
        encode(data, event=data, id="\0")
    with pytest.raises(TypeError):
        encode(data, comment=1)
    data.append(1)  # BufferError while somebody views it


@pytest.mark.parametrize("name", ["event", "id"])
@pytest.mark.parametrize("value", ["\r", "a\n", "\0", "a\0b", b"\r\n", "x" * 2000 + "\n", "下" * 200 + "\n", "\ud800\n"])
def test_a_field_that_would_be_broken_out_of_is_named(name, value):
    with pytest.raises(FieldError, match=f"^{name} must not contain CR, LF or NUL$") as caught:
        encode("x", **{name: value})
    assert caught.value.field == name
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("retry", [-1, 2**63, -2**63, -2**70, 2**200])
def test_a_retry_out_of_range(retry):
    with pytest.raises(FieldError, match="^retry must be 0 to 2\\*\\*63 - 1 milliseconds$") as caught:
        encode("x", retry=retry)
    assert caught.value.field == "retry"


def test_a_retry_that_is_like_an_int():
    class Like:
        def __index__(self):
            return 7

    class Fails:
        def __index__(self):
            raise KeyError("mine")

    assert encode(None, retry=Like()) == b"retry: 7\n\n"
    with pytest.raises(KeyError, match="mine"):
        encode(bytearray(b"x"), retry=Fails())


@pytest.mark.parametrize("name", ["data", "event", "id", "comment"])
@pytest.mark.parametrize("value", [5, 1.5, [], object()])
def test_a_wrong_type_is_named(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be str, bytes-like or None, not {type(value).__name__}$"):
        encode(**{"data": "x", name: value})


def test_more_wrong_types():
    with pytest.raises(TypeError, match="^retry must be int or None, not float$"):
        encode("x", retry=1.5)
    with pytest.raises(TypeError, match="^retry must be int or None, not str$"):
        encode("x", retry="1")
    with pytest.raises(BufferError):
        encode(memoryview(b"abcdef")[::2])


def test_arguments():
    with pytest.raises(TypeError, match="needs an argument 'data'"):
        encode()
    with pytest.raises(TypeError, match="needs an argument 'data'"):
        encode(id="1")
    with pytest.raises(TypeError, match=r"at most 5 arguments \(6 given\)"):
        encode(1, 2, 3, 4, 5, 6)
    with pytest.raises(TypeError, match="unexpected keyword argument 'Data'"):
        encode("x", Data="y")
    with pytest.raises(TypeError, match="multiple values for argument 'data'"):
        encode("x", data="y")
    assert encode("x", **{"".join(["i", "d"]): "1"}) == b"data: x\nid: 1\n\n"


def test_help_has_the_signature():
    assert str(inspect.signature(encode)) == "(data, event=None, id=None, retry=None, comment=None)"
    assert list(inspect.signature(Parser).parameters) == ["max_event_bytes", "max_line_bytes", "max_id_bytes", "last_event_id", "comments"]


def test_errors_can_be_sent_elsewhere():
    with pytest.raises(FieldError) as caught:
        encode("x", id="\n")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.field) == (FieldError, str(caught.value), "id")


def test_everything_public_is_documented():
    for name in hermes_sse.__all__:
        if name not in ("UNLIMITED", "__version__"):
            assert len(getattr(hermes_sse, name).__doc__) > 20, name
