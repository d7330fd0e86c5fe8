"""When a server's memory is flat: the rule of the soak. Run by itself it tries the rule on series of which it is known what they are, as each
soak does before it begins."""
import random
import statistics

LEAST = 3
# A server fills up for 13 minutes: events of downloads are kept for five, and a thousand downloads are remembered. At first that is 20 to 30 KiB
# a second, as in the 13 seconds between the thirds of a short soak; 200 bytes lost with each event are 70 more.
FILLING_S, FILLING_KIB_PER_S, FILLING_SHARE, FILLING_KIB = 800, 40, 0.02, 128
# Then it stands still for minutes, and after a long absence of Redis is up to 350 KiB higher. That malloc keeps what the rush took is
# supposed, not shown, and steps of that size pass. What is lost with each event or connection is also lost in the flattest minutes.
FULL_LEAST, FLATTEST_KIB, KEPT_SHARE, KEPT_KIB = 9, 64, 0.02, 512


def thirds(series):
    """The medians of the first, the middle and the last third of what is [(second, KiB)]."""
    n = len(series) // 3
    return [(statistics.median(at for at, _ in part), statistics.median(kib for _, kib in part)) for part in (series[:n], series[n:-n], series[-n:])]


def is_flat_filling(series):
    first, _, last = thirds(series)
    seconds = min(last[0], FILLING_S) - min(first[0], FILLING_S)
    return last[1] <= first[1] * (1 + FILLING_SHARE) + FILLING_KIB + seconds * FILLING_KIB_PER_S


def is_flat_full(series):
    """No more in the last third than in the first, and hardly more at the end of some stretch of a third than at its beginning."""
    first, _, last = thirds(series)
    n = len(series) // 3
    flattest = min(series[at + n][1] - series[at][1] for at in range(len(series) - n))
    return last[1] <= first[1] * (1 + KEPT_SHARE) + KEPT_KIB and flattest <= FLATTEST_KIB


def is_flat(series):
    full = [(at, kib) for at, kib in series if at >= FILLING_S]
    return is_flat_filling(series) and (len(full) < FULL_LEAST or is_flat_full(full))


def prove():
    noise = random.Random(1)
    for n, seconds in ((LEAST, 20), (4, 20), (16, 400), (70, 1800)):
        times = [seconds * (at + 1) / n for at in range(n)]
        level = [7000 + noise.uniform(-20, 20) for _ in range(n)]

        def with_more(kib_at):
            return [kib + kib_at(at) for at, kib in zip(times, level)]

        good = {"level": level,
                "filled in 13 minutes": with_more(lambda at: 25 * min(at, FILLING_S)),
                "kept by malloc": with_more(lambda at: 350 * (at > 0.7 * seconds))}
        bad = {"200 bytes an event": with_more(lambda at: (25 + 70) * at)}
        if seconds > 2 * FILLING_S:
            good["a peak"] = with_more(lambda at: 5000 * (at == seconds))
            bad["one byte an event"] = with_more(lambda at: at / 3)
            bad["now and then"] = with_more(lambda at: 300 * (at // 200))
        for what, series in {**good, **bad}.items():
            if is_flat(list(zip(times, series))) != (what in good):
                raise AssertionError(f"{what}: {series}")


if __name__ == "__main__":
    prove()
