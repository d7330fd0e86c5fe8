import importlib.metadata
import pathlib
import re
import subprocess

import pytest

import hermes_sse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# behind macros of the stable ABI
PUBLIC_AFTER_ALL = {"_Py_Dealloc", "_Py_NoneStruct", "_Py_TrueStruct", "_Py_NotImplementedStruct", "_PyObject_New", "_PyObject_GC_New"}


def test_the_version_is_the_librarys():
    versions = [re.search(r"version: '([^']+)'", (folder / "meson.build").read_text())[1] for folder in (ROOT, HERE.parent)]
    assert versions == [hermes_sse.__version__] * 2


@pytest.fixture
def distribution():
    try:
        return importlib.metadata.distribution("hermes-sse")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not from a wheel")


def test_the_wheel(distribution):
    assert distribution.version == hermes_sse.__version__
    assert "Tag: cp311-abi3-linux" in distribution.read_text("WHEEL")
    assert "MIT License" in distribution.read_text("LICENSE")
    names = {str(name) for name in distribution.files if name.suffix != ".pyc" and "dist-info" not in str(name)}
    assert names == {f"hermes_sse/{name}" for name in ("__init__.py", "_core.abi3.so", "_core.pyi", "py.typed")}


def test_it_stands_alone_and_shows_nothing(distribution):
    """The library is inside, so that another copy of it in the process is neither used nor changed."""
    [extension] = pathlib.Path(hermes_sse.__file__).parent.glob("_core*.so")
    assert extension.name == "_core.abi3.so"
    needed = subprocess.run(["readelf", "-d", extension], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"NEEDED.*\[(.*)\]", needed) == ["libc.so.6"]
    shown = subprocess.run(["nm", "-D", "--defined-only", extension], capture_output=True, text=True, check=True).stdout
    assert shown.split()[2::3] == ["PyInit__core"]


def test_only_the_stable_abi_of_3_11_is_used():
    """No name that the interpreter keeps to itself; what the headers hide, the compiler has refused."""
    [extension] = pathlib.Path(hermes_sse.__file__).parent.glob("_core*.so")
    wanted = subprocess.run(["nm", "-D", "--undefined-only", extension], capture_output=True, text=True, check=True).stdout
    private = [name for name in wanted.split() if name.startswith("_Py") and name not in PUBLIC_AFTER_ALL]
    assert private == []


def test_the_readmes_say_what_encode_returns():
    examples = [example for readme in (ROOT / "README.md", HERE.parent / "README.md")
                for example in re.findall(r'^(encode\(.*\)) +# (b".*?[^\\]")', readme.read_text(), re.M)]
    assert len(examples) == 5
    for call, encoded in examples:
        assert eval(call, {"encode": hermes_sse.encode}) == eval(encoded)
