#include "core/hash.h"

/* J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012; one compression, three final rounds. */

typedef struct state {
  uint64_t a, b, c, d;
} state;

static uint64_t rotate(uint64_t x, unsigned bits)
{
  return x << bits | x >> (64 - bits);
}

static void mix(state *s)
{
  s->a += s->b;
  s->c += s->d;
  s->b = rotate(s->b, 13) ^ s->a;
  s->d = rotate(s->d, 16) ^ s->c;
  s->a = rotate(s->a, 32) + s->d;
  s->c += s->b;
  s->d = rotate(s->d, 21) ^ s->a;
  s->b = rotate(s->b, 17) ^ s->c;
  s->c = rotate(s->c, 32);
}

static uint64_t read_le(const unsigned char *p, size_t n)
{
  uint64_t x = 0;

  for (size_t i = 0; i < n; i++)
    x |= (uint64_t)p[i] << (8 * i);
  return x;
}

static void absorb(state *s, uint64_t word)
{
  s->d ^= word;
  mix(s);
  s->a ^= word;
}

uint64_t hermes_sse__hash(const hermes_sse__seed *seed, const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  size_t left = len;
  state s = { seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du, seed->k0 ^ 0x6c7967656e657261u,
              seed->k1 ^ 0x7465646279746573u };

  for (; left >= 8; left -= 8, p += 8)
    absorb(&s, read_le(p, 8));
  absorb(&s, (uint64_t)len << 56 | read_le(p, left));
  s.c ^= 0xff;
  mix(&s);
  mix(&s);
  mix(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}
