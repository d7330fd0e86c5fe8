"""When a server's memory is flat: the rules of the soak. Run by itself it tries them on series of which it is known what they are, as each soak
does before it begins."""
import random
import statistics

LEAST = 3
# A server fills up for 13 minutes: events of downloads are kept for five, and a thousand downloads are remembered. At first that is 20 to 30 KiB
# a second, as in the 13 seconds between the thirds of a short soak; 200 bytes lost with each event are 70 more.
FILLING_S, FILLING_KIB_PER_S, FULL_LEAST = 800, 40, 9
# Then what is allocated stays: one byte lost with each event is too much in half an hour. What the process has for itself is higher after each
# long absence of Redis, as malloc keeps what the rush took.
SHARE, HEAP_KIB, PRIVATE_KIB = 0.02, 128, 512


def thirds(series):
    """The medians of the first, the middle and the last third of what is [(second, KiB)]."""
    n = len(series) // 3
    return [(statistics.median(at for at, _ in part), statistics.median(kib for _, kib in part)) for part in (series[:n], series[n:-n], series[-n:])]


def is_flat_filling(series):
    first, _, last = thirds(series)
    seconds = min(last[0], FILLING_S) - min(first[0], FILLING_S)
    return last[1] <= first[1] * (1 + SHARE) + HEAP_KIB + seconds * FILLING_KIB_PER_S


def is_flat_full(series, kib):
    first, _, last = thirds(series)
    return last[1] <= first[1] * (1 + SHARE) + kib


def is_flat(series, kib):
    """With so much more at the end, of HEAP_KIB or PRIVATE_KIB."""
    full = [(at, value) for at, value in series if at >= FILLING_S]
    return is_flat_filling(series) and (len(full) < FULL_LEAST or is_flat_full(full, kib))


def prove():
    noise = random.Random(1)
    for n, seconds in ((LEAST, 20), (4, 20), (16, 400), (70, 1800)):
        times, is_long = [seconds * (at + 1) / n for at in range(n)], seconds > 2 * FILLING_S
        level = [7000 + noise.uniform(-20, 20) for _ in range(n)]
        shapes = [  # what is added, and whether the heap and the private memory may be so
            ("nothing", lambda at: 0, True, True),
            ("filling for 13 minutes", lambda at: 25 * min(at, FILLING_S), True, True),
            ("a peak at the end", lambda at: 5000 * (at == seconds), n > 6, n > 6),
            ("350 KiB that stay", lambda at: 350 * (at > 0.7 * seconds), not is_long, True),
            ("one byte an event", lambda at: at / 2, not is_long, True),
            ("four bytes an event", lambda at: at * 2, not is_long, not is_long),
            ("200 bytes an event", lambda at: (25 + 70) * at, False, False)]
        for what, more, *expected in shapes:
            series = [(at, kib + more(at)) for at, kib in zip(times, level)]
            if [is_flat(series, HEAP_KIB), is_flat(series, PRIVATE_KIB)] != expected:
                raise AssertionError(f"{what}: {series}")


if __name__ == "__main__":
    prove()
