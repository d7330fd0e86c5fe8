import pathlib
import sys

CONFORMANCE = pathlib.Path(__file__).resolve().parents[3] / "tests" / "conformance"
sys.path.insert(0, str(CONFORMANCE))
