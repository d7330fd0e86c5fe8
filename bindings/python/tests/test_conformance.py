"""Every vector of tests/conformance, but those of a client that connects, which this package is not yet."""
import random
import sys

import check
import models
import pytest

SEED = random.randrange(1 << 32)


@pytest.mark.parametrize("kind", ["decoder", "encoder", "injection"])
def test_vectors(kind):
    among = [(k, vector) for k, vector in check.all_vectors() if k == kind]
    assert len(among) > 20
    print(f"seed {SEED}")
    assert list(check.failures(sys.modules["models"], SEED, among)) == []


def test_a_wrong_parser_is_noticed(monkeypatch):
    monkeypatch.setattr(models.Model, "feed", lambda self, chunk: models.read(self.parser.feed(chunk.replace(b"\r", b"\n")), self))
    assert list(check.failures(models, SEED, [("decoder", v) for v in check.vectors.decoder_vectors()]))
