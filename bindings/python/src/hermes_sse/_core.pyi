from types import GenericAlias
from typing import Any, Generic, Literal, SupportsIndex, TypeVar, final, overload

from _typeshed import ReadableBuffer

_Found_co = TypeVar("_Found_co", bound=Event | Comment, covariant=True)

UNLIMITED: int
__version__: str

def encode(
    data: str | ReadableBuffer | None,
    event: str | ReadableBuffer | None = None,
    id: str | ReadableBuffer | None = None,
    retry: SupportsIndex | None = None,
    comment: str | ReadableBuffer | None = None,
) -> bytes: ...

@final
class Event:
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def id(self) -> str: ...
    def __new__(cls, type: str, data: str, id: str = "") -> Event: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Comment:
    @property
    def text(self) -> str: ...
    def __new__(cls, text: str) -> Comment: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Parser(Generic[_Found_co]):
    @overload
    def __new__(
        cls,
        *,
        max_event_bytes: SupportsIndex | None = None,
        max_line_bytes: SupportsIndex | None = None,
        max_id_bytes: SupportsIndex | None = None,
        last_event_id: str | ReadableBuffer | None = None,
        comments: Literal[False] = False,
    ) -> Parser[Event]: ...
    @overload
    def __new__(
        cls,
        *,
        max_event_bytes: SupportsIndex | None = None,
        max_line_bytes: SupportsIndex | None = None,
        max_id_bytes: SupportsIndex | None = None,
        last_event_id: str | ReadableBuffer | None = None,
        comments: bool,
    ) -> Parser[Event | Comment]: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def feed(self, chunk: ReadableBuffer, /) -> Parser[_Found_co]: ...
    def __iter__(self) -> Parser[_Found_co]: ...
    def __next__(self) -> _Found_co: ...
    def reset(self) -> None: ...
    @property
    def last_event_id(self) -> str: ...
    @property
    def retry(self) -> int | None: ...

class FieldError(ValueError):
    field: str

class LimitError(Exception):
    limit: str
