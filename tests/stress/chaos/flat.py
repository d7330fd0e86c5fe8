"""When a server's memory is flat: the rule of the soak. Run by itself it tries the rule on series of which it is known what they are, as each
soak does before it begins."""
import random
import statistics

LEAST = 3
# Of a calm server that is full it differs by some 20 KiB from round to round, and once or twice by 350 KiB, which malloc keeps for later.
SLACK_SHARE, SLACK_KIB = 0.02, 128
# A server fills up for 13 minutes: events of downloads are kept for five, and a thousand downloads are remembered. At first that is 20 to 30 KiB
# a second, as in the 13 seconds between the thirds of a short soak; 200 bytes lost with each event are 70 more.
FILLING_S, FILLING_KIB_PER_S = 800, 40


def thirds(series):
    """The medians of the first, the middle and the last third of what is [(second, KiB)]."""
    n = len(series) // 3
    return [(statistics.median(at for at, _ in part), statistics.median(kib for _, kib in part)) for part in (series[:n], series[n:-n], series[-n:])]


def has_grown(since, last):
    filling_s = min(last[0], FILLING_S) - min(since[0], FILLING_S)
    return last[1] > since[1] * (1 + SLACK_SHARE) + SLACK_KIB + filling_s * FILLING_KIB_PER_S


def is_flat(series):
    """From the first third on for what is lost fast, and in a long soak from the middle one, when nothing fills up any more, also for what is
    lost slowly."""
    first, middle, last = thirds(series)
    return not has_grown(first, last) and not has_grown(middle, last)


def prove():
    noise = random.Random(1)
    for n, seconds in ((LEAST, 20), (4, 20), (16, 400), (75, 1800)):
        times = [seconds * (at + 1) / n for at in range(n)]
        level = [7000 + noise.uniform(-20, 20) for _ in range(n)]
        good = {"level": level,
                "filled in 13 minutes": [kib + 25 * min(at, FILLING_S) for at, kib in zip(times, level)],
                "kept by malloc": [kib + 350 * (at >= n - 1) for at, kib in enumerate(level)]}
        bad = {"200 bytes an event": [kib + (25 + 70) * at for at, kib in zip(times, level)]}
        if seconds > 2 * FILLING_S:
            bad["two bytes an event"] = [kib + 0.7 * at for at, kib in zip(times, level)]
            bad["a step that stays"] = [kib + 500 * (at >= n - n // 3) for at, kib in enumerate(level)]
            good["a peak"] = [kib + 5000 * (at == n - 1) for at, kib in enumerate(level)]
        for what, series in {**good, **bad}.items():
            if is_flat(list(zip(times, series))) != (what in good):
                raise AssertionError(f"{what}: {series}")


if __name__ == "__main__":
    prove()
